package view

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"bascule/internal/diag"
	"bascule/internal/safetext"
)

// Diagnostics writes a box for each diagnostic, in the order of the source,
// and counts them at the end if there are several.
func Diagnostics(w io.Writer, list diag.List, s Style) error {
	p := newPage(s)
	errors := 0
	for _, d := range list.Sorted() {
		if d.Severity == diag.Error {
			errors++
		}
		diagnostic(p, d)
	}
	if len(list) > 1 {
		t := change
		if errors > 0 {
			t = bad
		}
		p.gap()
		p.put(0, say(t, counted(errors, len(list)-errors)+"."))
	}
	return p.flush(w)
}

// counted leaves out what there is none of.
func counted(errors, warnings int) string {
	switch {
	case warnings == 0:
		return plural(errors, "error", "errors")
	case errors == 0:
		return plural(warnings, "warning", "warnings")
	}
	return plural(errors, "error", "errors") + ", " + plural(warnings, "warning", "warnings")
}

// box writes lines behind a bar in the colour of the severity.
type box struct {
	*page
	tone tone
}

func diagnostic(p *page, d diag.Diagnostic) {
	t := bad
	if d.Severity == diag.Warning {
		t = change
	}
	b := box{p, t}
	b.emit(line{span{"╷", t}})
	b.text(line{say(t, d.Severity.String()+": "), say(strong, d.Summary)})
	if where := place(d); where != "" {
		b.empty()
		b.text(words(plain, "  "+where))
		b.snippet(d)
	}
	if d.Detail != "" {
		b.empty()
		b.detail(d.Detail)
	}
	b.emit(line{span{"╵", t}})
}

func (b box) empty() { b.emit(line{span{"│", b.tone}}) }

// text wraps a line inside the box; its blanks at the beginning indent it all.
func (b box) text(l line) {
	indent := 0
	if len(l) > 0 {
		indent = len(l[0].text) - len(strings.TrimLeft(l[0].text, " "))
		l[0].text = l[0].text[indent:]
	}
	for _, part := range wrap(l, b.style.cells()-2-indent) {
		b.emit(append(line{span{"│", b.tone}, blank(1 + indent)}, part...))
	}
}

// detail wraps paragraphs; lines that are indented stay as they are.
func (b box) detail(text string) {
	for _, l := range strings.Split(safetext.Block(safetext.Shorten(text, 4*maxRemote)), "\n") {
		if strings.TrimSpace(l) == "" {
			b.empty()
			continue
		}
		b.text(words(plain, l))
	}
}

// place says where: "on mail.hcl line 12, in mailbox.team".
func place(d diag.Diagnostic) string {
	var out []string
	if !d.Source.IsZero() {
		out = append(out, fmt.Sprintf("on %s line %d", d.Source.File, d.Source.Start.Line))
	}
	if d.Address != "" {
		out = append(out, "in "+d.Address)
	}
	return strings.Join(out, ", ")
}

// shownSnippet bounds the lines of source that are quoted.
const shownSnippet = 6

// snippet quotes the source with its line numbers, and underlines what is to
// blame: with carets, which survive where colours do not.
func (b box) snippet(d diag.Diagnostic) {
	if d.Snippet == "" {
		return
	}
	lines := strings.Split(strings.TrimRight(d.Snippet, "\n"), "\n")
	number := len(fmt.Sprint(d.Source.Start.Line + len(lines) - 1))
	for i, raw := range lines {
		if i == shownSnippet {
			b.emit(line{span{"│", b.tone}, blank(3 + number), span{"…", faint}})
			return
		}
		n := d.Source.Start.Line + i
		first, last := blamed(d.Source, n, raw)
		text, from, to := quoted(raw, first, last, b.style.cells()-7-number)
		lead := line{span{"│", b.tone}, blank(3), say(faint, fmt.Sprintf("%*d: ", number, n))}
		b.emit(append(lead, span{text, plain}))
		if to > from {
			b.emit(line{span{"│", b.tone}, blank(5 + number + from), span{strings.Repeat("^", to-from), b.tone}})
		}
	}
}

// blamed returns the columns of a line that a range covers, 0-based, end
// exclusive; columns count characters.
func blamed(r diag.Range, number int, text string) (first, last int) {
	first, last = 0, characters(text)
	if number < r.Start.Line || number > r.End.Line && r.End.Line >= r.Start.Line {
		return 0, 0
	}
	if number == r.Start.Line {
		first = max(r.Start.Column-1, 0)
	} else {
		first = characters(text) - characters(strings.TrimLeft(text, " \t"))
	}
	if number == r.End.Line {
		last = r.End.Column - 1
	}
	if number == r.Start.Line && last <= first {
		last = first + 1
	}
	return first, last
}

// characters counts what a person counts: marks belong to the letter before.
func characters(s string) int {
	n := 0
	for _, r := range s {
		if runeCells(r) > 0 {
			n++
		}
	}
	return n
}

// quoted makes a source line safe to show in n cells, and returns the cells
// that columns first to last of it take. A line that is too long is cut so
// that the beginning of what is blamed stays in sight.
func quoted(raw string, first, last, n int) (text string, from, to int) {
	var pieces []string
	for i := 0; i < len(raw); {
		r, size := utf8.DecodeRuneInString(raw[i:])
		shown := safetext.Line(raw[i : i+size])
		i += size
		if r == '\t' {
			shown = "    "
		}
		if runeCells(r) == 0 && len(pieces) > 0 {
			pieces[len(pieces)-1] += shown
			continue
		}
		pieces = append(pieces, shown)
	}
	skip := 0
	for cells(strings.Join(pieces[skip:min(first, len(pieces))], "")) > n*2/3 {
		skip++
	}
	used := 0
	if skip > 0 {
		text, used = "…", 1
	}
	from, to = used, used
	for i := skip; i < len(pieces); i++ {
		width := cells(pieces[i])
		if used+width > n-1 && i < len(pieces)-1 || used+width > n {
			text += "…"
			break
		}
		if i < first {
			from, to = used+width, used+width
		} else if i < last {
			to = used + width
		}
		text += pieces[i]
		used += width
	}
	if to <= from && last > first {
		to = from + 1
	}
	return text, from, to
}
