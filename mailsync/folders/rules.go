package folders

import (
	"fmt"
	"regexp"
	"strings"

	"golang.org/x/text/unicode/norm"
)

func (r Rules) check() error {
	for _, rn := range r.Rename {
		if rn.From == "" || rn.To == "" {
			return fmt.Errorf("read folder rules: rename from %q to %q: both names are needed", rn.From, rn.To)
		}
	}
	for _, p := range append(append([]string{}, r.Include...), r.Exclude...) {
		if p == "" {
			return fmt.Errorf("read folder rules: empty pattern")
		}
	}
	return nil
}

// excluded returns the reason why rules leave a folder behind, or "".
func (r Rules) excluded(path []string) string {
	for _, p := range r.Exclude {
		if matches(p, path) {
			return "excluded by " + p
		}
	}
	if len(r.Include) == 0 {
		return ""
	}
	for _, p := range r.Include {
		if matches(p, path) {
			return ""
		}
	}
	return "not in the folders to include"
}

// renamed applies the rename rule with the longest matching beginning.
func (r Rules) renamed(path []string) (to []string, rule string, ok bool) {
	best := 0
	for _, rn := range r.Rename {
		from := split(rn.From)
		if len(from) <= best || len(from) > len(path) || exactKey(normal(from)) != exactKey(normal(path[:len(from)])) {
			continue
		}
		best, ok = len(from), true
		to, rule = join(split(rn.To), path[len(from):]), rn.From+" → "+rn.To
	}
	return to, rule, ok
}

func normal(path []string) []string {
	out := make([]string, len(path))
	for i, p := range path {
		out[i] = norm.NFC.String(p)
	}
	return out
}

// matches reports whether a pattern names the path, or a folder above it.
func matches(pattern string, path []string) bool {
	re := glob(norm.NFC.String(pattern))
	for n := len(path); n > 0; n-- {
		if re.MatchString(Show(normal(path[:n]))) {
			return true
		}
	}
	return false
}

func glob(pattern string) *regexp.Regexp {
	quoted := regexp.QuoteMeta(pattern)
	quoted = strings.ReplaceAll(quoted, `\*\*`, `.*`)
	quoted = strings.ReplaceAll(quoted, `\*`, `[^/]*`)
	flags := `(?s)`
	if strings.EqualFold(pattern, "inbox") {
		flags = `(?si)`
	}
	return regexp.MustCompile(flags + `\A(?:` + quoted + `)\z`)
}
