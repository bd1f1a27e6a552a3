package mailsync_test

import (
	"fmt"
	"slices"
	"strings"

	"bascule/internal/clock"
	"bascule/internal/safetext"
)

// item is a message one side holds, and its class.
type item struct {
	class string
	found
}

// The ways in which a copy differs.
const (
	missing = "missing"
	octets  = "octets"
	date    = "date"
	lost    = "lost"  // a flag
	added   = "added" // a flag
	extra   = "extra" // a message nobody put there
	renamed = "name"  // of a folder
	absent  = "not created"
)

// difference is one thing that is not as it was.
type difference struct {
	folder []string // of the source
	uid    uint32   // on the source
	class  string
	kind   string
	what   string
	flag   string // whole, where kind is lost
	// words are those of the server that was filled, or how the engine names
	// it; empty is silence.
	words string
}

func (d difference) String() string {
	return strings.TrimRight(fmt.Sprintf("%s: %s %s", d.class, d.kind, d.what), " ")
}

// silent stands for the words of an engine that has none.
const silent = "SILENT"

// line is the difference with its words, or with what stands for none.
func (d difference) line(silence string) string {
	return d.String() + " — " + firstOf(d.words, silence)
}

// compare says how got differs from want: a multiset of octets, dates as
// instants, flags. What was altered is told by its date.
func compare(folder []string, want []item, got []found) []difference {
	var out []difference
	pairs, rest := match(want, got)
	for i, w := range want {
		d := difference{folder: folder, uid: w.uid, class: w.class}
		if g, ok := pairs[i]; ok {
			out = append(out, d.against(w.found, g)...)
			continue
		}
		d.kind = missing
		out = append(out, d)
	}
	for _, g := range rest {
		out = append(out, difference{folder: folder, class: "?", kind: extra, what: fmt.Sprintf("%s %.60q", g.date.UTC().Format("2006-01-02 15:04"), g.body)})
	}
	return out
}

// match pairs messages one to one: first those that are the same, then those
// of the same octets, then those of the same date.
func match(want []item, got []found) (map[int]found, []found) {
	pairs := map[int]found{}
	rest := slices.Clone(got)
	for _, same := range []func(w, g found) bool{
		func(w, g found) bool { return w.body == g.body && w.date.Equal(g.date) },
		func(w, g found) bool { return w.body == g.body && w.body != "" },
		func(w, g found) bool { return w.date.Equal(g.date) },
	} {
		for i, w := range want {
			if _, done := pairs[i]; done {
				continue
			}
			if at := slices.IndexFunc(rest, func(g found) bool { return same(w.found, g) }); at >= 0 {
				pairs[i] = rest[at]
				rest = slices.Delete(rest, at, at+1)
			}
		}
	}
	return pairs, rest
}

// against compares a message with its copy.
func (d difference) against(w, g found) []difference {
	var out []difference
	note := func(kind, what string) {
		e := d
		e.kind, e.what = kind, safetext.Shorten(safetext.Line(what), 100)
		if kind == lost || kind == added {
			e.flag = what
		}
		out = append(out, e)
	}
	if w.body != g.body {
		note(octets, alteration(w.body, g.body))
	}
	if !w.date.Equal(g.date) {
		note(date, shown(w)+" became "+shown(g))
	}
	for _, f := range without(w.flags, g.flags) {
		note(lost, f)
	}
	for _, f := range without(g.flags, w.flags) {
		note(added, f)
	}
	return out
}

// shown leaves out what changes from run to run: the present.
func shown(f found) string {
	if f.date.Year() == (clock.Real{}).Now().Year() {
		return "now"
	}
	return f.date.UTC().Format("2006-01-02 15:04:05")
}

func without(a, b []string) []string {
	out := slices.DeleteFunc(slices.Clone(a), func(f string) bool {
		return slices.ContainsFunc(b, func(g string) bool { return strings.EqualFold(f, g) })
	})
	slices.Sort(out)
	return out
}

// alteration finds words for what a server did to a message: one habit, or two.
func alteration(before, after string) string {
	habits := []struct {
		what string
		do   func(string) string
	}{
		{"", func(s string) string { return s }},
		{"NUL became 0x80", func(s string) string { return strings.ReplaceAll(s, "\x00", "\x80") }},
		{"NUL left out", func(s string) string { return strings.ReplaceAll(s, "\x00", "") }},
		{"CR before CRLF left out", func(s string) string { return collapse(s, "\r\r\n", "\r\n") }},
		{"last CR left out", func(s string) string { return strings.TrimSuffix(s, "\r") }},
		{"LF became CRLF", func(s string) string { return crlf(strings.ReplaceAll(s, "\r\n", "\n")) }},
		{"last CR became CRLF", func(s string) string {
			if strings.HasSuffix(s, "\r") {
				return s + "\n"
			}
			return s
		}},
		{"empty line added at the end", func(s string) string { return s + "\r\n" }},
		{"8-bit octets in the header became X", func(s string) string { return masked(s) }},
	}
	for _, one := range habits {
		for _, two := range habits {
			if one.do(two.do(before)) == after {
				return strings.Trim(two.what+", "+one.what, ", ")
			}
		}
	}
	return fmt.Sprintf("%d octets became %d", len(before), len(after))
}

// masked is what Cyrus makes of headers that are not ASCII.
func masked(s string) string {
	head, body, found := strings.Cut(s, "\r\n\r\n")
	if !found {
		return s
	}
	b := []byte(head)
	for i, c := range b {
		if c > 0x7e {
			b[i] = 'X'
		}
	}
	return string(b) + "\r\n\r\n" + body
}

func collapse(s, from, to string) string {
	for strings.Contains(s, from) {
		s = strings.ReplaceAll(s, from, to)
	}
	return s
}

func crlf(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }
