package config

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

var (
	versionText    = regexp.MustCompile(`^v?(\d{1,6})(?:\.(\d{1,6}))?(?:\.(\d{1,6}))?(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?$`)
	constraintText = regexp.MustCompile(`^(=|!=|>=|<=|>|<|~>)?\s*(\S+)$`)
)

// versionMeets reports whether a version meets constraints such as
// ">= 0.1, < 2.0". A version that is not a release meets all of them.
func versionMeets(version, constraints string) (bool, error) {
	have, _, isRelease := parseVersion(version)
	met := true
	for part := range strings.SplitSeq(constraints, ",") {
		m := constraintText.FindStringSubmatch(strings.TrimSpace(part))
		var want []int
		var given int
		ok := m != nil
		if ok {
			want, given, ok = parseVersion(m[2])
		}
		if !ok {
			return false, fmt.Errorf("%q is not a version constraint; write \">= 0.1, < 2.0\"", strings.TrimSpace(part))
		}
		met = met && (!isRelease || meets(have, m[1], want, given))
	}
	return met, nil
}

// parseVersion returns three numbers and how many of them were written.
func parseVersion(s string) (numbers []int, given int, ok bool) {
	m := versionText.FindStringSubmatch(s)
	if m == nil {
		return nil, 0, false
	}
	numbers = make([]int, 3)
	for i, text := range m[1:] {
		if text != "" {
			numbers[i], _ = strconv.Atoi(text)
			given++
		}
	}
	return numbers, given, true
}

func meets(have []int, operator string, want []int, given int) bool {
	order := slices.Compare(have, want)
	switch operator {
	case ">":
		return order > 0
	case ">=":
		return order >= 0
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	case "!=":
		return order != 0
	case "~>":
		// The last number written may rise, those before it may not.
		return order >= 0 && slices.Equal(have[:max(given-1, 1)], want[:max(given-1, 1)])
	}
	return order == 0
}
