package config

import (
	"slices"
	"strings"
)

// suggest returns the sentence " Did you mean …?" for the candidate nearest
// to a mistyped name, or "" when none is near.
func suggest(name string, candidates []string) string {
	if best := nearest(name, candidates); best != "" {
		return " Did you mean " + quote(best) + "?"
	}
	return ""
}

func quote(s string) string { return `"` + s + `"` }

// nearest returns the candidate within a third of the name's length in edits,
// or one that goes on where the name ends.
func nearest(name string, candidates []string) string {
	if len(name) < 2 || len(name) > 80 {
		return ""
	}
	best, bestCost := "", max(1, len(name)/3)+1
	for _, c := range candidates {
		cost := distance(strings.ToLower(name), strings.ToLower(c))
		if len(name) > 3 && strings.HasPrefix(strings.ToLower(c), strings.ToLower(name)) {
			cost = min(cost, 1)
		}
		if cost < bestCost {
			best, bestCost = c, cost
		}
	}
	return best
}

// distance is the Damerau-Levenshtein distance (neighbouring letters that
// changed places count once: the commonest slip of a hand).
func distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	before, prev, cur := make([]int, len(y)+1), make([]int, len(y)+1), make([]int, len(y)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(x); i++ {
		cur[0] = i
		for j := 1; j <= len(y); j++ {
			cost := 1
			if x[i-1] == y[j-1] {
				cost = 0
			}
			cur[j] = min(prev[j]+1, cur[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				cur[j] = min(cur[j], before[j-2]+1)
			}
		}
		before, prev, cur = prev, cur, before
	}
	return prev[len(y)]
}

// listed joins names for a sentence: "a", "b", "c".
func listed(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	quoted := slices.Clone(names)
	for i, n := range quoted {
		quoted[i] = quote(n)
	}
	return strings.Join(quoted, ", ")
}
