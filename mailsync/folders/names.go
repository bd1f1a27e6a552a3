package folders

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// IsInbox: the name INBOX is case-insensitive (RFC 3501 §5.1).
func IsInbox(path []string) bool { return len(path) == 1 && strings.EqualFold(path[0], "INBOX") }

// Key compares names as the most careless server would.
func Key(path []string) string {
	parts := make([]string, len(path))
	for i, p := range path {
		parts[i] = fold(p)
	}
	return strings.Join(parts, "\x00")
}

// exactKey tells apart all names of the source but the spellings of INBOX.
func exactKey(path []string) string {
	if len(path) > 0 && strings.EqualFold(path[0], "INBOX") {
		path = join([]string{"INBOX"}, path[1:])
	}
	return strings.Join(path, "\x00")
}

// Show writes a path the way rules do.
func Show(path []string) string {
	parts := make([]string, len(path))
	for i, p := range path {
		parts[i] = strings.ReplaceAll(strings.ReplaceAll(p, `\`, `\\`), "/", `\/`)
	}
	return strings.Join(parts, "/")
}

// split reads what Show writes.
func split(s string) []string {
	var out []string
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s):
			i++
			b.WriteByte(s[i])
		case s[i] == '/':
			out = append(out, b.String())
			b.Reset()
		default:
			b.WriteByte(s[i])
		}
	}
	return append(out, b.String())
}

func join(a, b []string) []string {
	out := make([]string, 0, len(a)+len(b))
	return append(append(out, a...), b...)
}

// acceptable changes what the target would refuse, and says what it changed.
func (m *mapper) acceptable(path []string) (out []string, why []string) {
	out = make([]string, len(path))
	for i, part := range path {
		clean := m.clean(part)
		if clean != norm.NFC.String(part) {
			why = append(why, "characters the target refuses")
		}
		if m.habits.MaxName > 0 && len(clean) > m.habits.MaxName {
			clean = m.cut(clean, 0)
			why = append(why, "name too long for the target")
		}
		out[i] = clean
	}
	if d := m.habits.MaxDepth; d > 0 && len(out) > d {
		out = join(out[:d-1], []string{m.cut(strings.Join(out[d-1:], "-"), 0)})
		why = append(why, "too deep for the target")
	}
	if n := m.habits.MaxPath; n > 0 && length(out) > n {
		out = m.shorten(out, n)
		why = append(why, "path too long for the target")
	}
	return out, dedup(why)
}

// clean returns a component without what is refused: the delimiter, controls,
// wildcards of LIST (RFC 3501 §6.3.8), and blanks at the ends.
func (m *mapper) clean(part string) string {
	s := strings.Map(func(r rune) rune {
		switch {
		case r == m.habits.Delim && r != 0, strings.ContainsRune(m.habits.Refused, r):
			return '-'
		case unicode.IsControl(r), r == utf8.RuneError, r == '*', r == '%':
			return '_'
		}
		return r
	}, norm.NFC.String(part))
	s = strings.TrimSpace(s)
	if s == "" || s == "." || s == ".." {
		return "_" + s
	}
	return s
}

// cut shortens a component to its bound less reserve, at a character.
func (m *mapper) cut(s string, reserve int) string {
	limit := m.habits.MaxName - reserve
	if m.habits.MaxName == 0 || len(s) <= limit {
		return s
	}
	return cutAt(s, max(limit, 1))
}

func cutAt(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return strings.TrimRight(s[:n], " ")
}

func length(path []string) int { return len(strings.Join(path, "/")) }

// shorten drops middle components, then cuts the last.
func (m *mapper) shorten(path []string, limit int) []string {
	for length(path) > limit && len(path) > 2 {
		path = join(path[:len(path)-2], path[len(path)-1:])
	}
	if over := length(path) - limit; over > 0 {
		last := path[len(path)-1]
		path = join(path[:len(path)-1], []string{cutAt(last, max(len(last)-over, 1))})
	}
	return path
}

func dedup(in []string) []string {
	var out []string
	for _, s := range in {
		if len(out) == 0 || out[len(out)-1] != s {
			out = append(out, s)
		}
	}
	return out
}
