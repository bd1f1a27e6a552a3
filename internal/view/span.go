package view

import (
	"unicode"

	"golang.org/x/text/width"

	"bascule/internal/safetext"
)

// tone is what a colour stands for.
type tone int

const (
	plain  tone = iota
	strong      // headings and names
	faint       // what may be skipped
	good        // made, open, done
	change      // altered, waiting
	bad         // removed, refused, irreversible
)

// maxRemote bounds one piece of remote text, in characters.
const maxRemote = 2000

// span is text in one tone. Spans are made by say alone, so that none holds
// anything a terminal obeys.
type span struct {
	text string
	tone tone
}

// line is what goes on one line, before it is wrapped.
type line []span

// say makes a span of anything, remote text included.
func say(t tone, s string) span {
	return span{safetext.Line(safetext.Shorten(s, maxRemote)), t}
}

// words makes a line in one tone.
func words(t tone, s string) line { return line{say(t, s)} }

// cells is how many terminal cells a line takes.
func (l line) cells() int {
	n := 0
	for _, s := range l {
		n += cells(s.text)
	}
	return n
}

// cells is how many terminal cells a string takes: two for wide characters
// (UAX #11), none for marks that join the character before.
func cells(s string) int {
	n := 0
	for _, r := range s {
		n += runeCells(r)
	}
	return n
}

func runeCells(r rune) int {
	if r < 0x300 {
		return 1
	}
	if unicode.In(r, unicode.Mn, unicode.Me) {
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}

// fit returns the longest prefix of s that takes at most n cells, and the rest.
func fit(s string, n int) (head, rest string) {
	used := 0
	for i, r := range s {
		used += runeCells(r)
		if used > n {
			return s[:i], s[i:]
		}
	}
	return s, ""
}

// shorten cuts a line to n cells, marking the cut.
func (l line) shorten(n int) line {
	if l.cells() <= n {
		return l
	}
	var out line
	left := n - 1
	for _, s := range l {
		head, rest := fit(s.text, left)
		out = append(out, span{head, s.tone})
		left -= cells(head)
		if rest != "" {
			break
		}
	}
	return append(out, span{"…", faint})
}
