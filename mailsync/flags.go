package mailsync

import (
	"slices"
	"strings"
)

// Flag names are case-insensitive (RFC 9051 §2.3.2); the spelling of the
// source is kept when a flag is set on the target.

func hasFlag(set []string, f string) bool {
	return slices.ContainsFunc(set, func(g string) bool { return strings.EqualFold(f, g) })
}

// minusFlags returns what a has and b has not.
func minusFlags(a, b []string) []string {
	var out []string
	for _, f := range a {
		if !hasFlag(b, f) {
			out = append(out, f)
		}
	}
	return out
}

func unionFlags(a, b []string) []string {
	return sortedFlags(append(slices.Clone(a), minusFlags(b, a)...))
}

func intersectFlags(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(f string) bool { return !hasFlag(b, f) })
}

func equalFlags(a, b []string) bool { return len(minusFlags(a, b)) == 0 && len(minusFlags(b, a)) == 0 }

// sortedFlags returns the flags sorted, each once, without \Recent, which only
// a server can set (RFC 3501 §2.3.2).
func sortedFlags(in []string) []string {
	out := slices.DeleteFunc(slices.Clone(in), func(f string) bool { return strings.EqualFold(f, `\Recent`) })
	slices.SortFunc(out, func(a, b string) int { return strings.Compare(strings.ToLower(a), strings.ToLower(b)) })
	return slices.CompactFunc(out, strings.EqualFold)
}

func isKeyword(f string) bool { return !strings.HasPrefix(f, `\`) }

// permitted splits flags by what the folder can keep.
func permitted(flags []string, a Accepts) (keep, refused []string) {
	for _, f := range flags {
		if a.writes(f) && (hasFlag(a.Flags, f) || (isKeyword(f) && a.NewKeywords)) {
			keep = append(keep, f)
		} else {
			refused = append(refused, f)
		}
	}
	return keep, refused
}

func (a Accepts) writes(flag string) bool { return a.Writes == nil || a.Writes(flag) }
