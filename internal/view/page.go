package view

import (
	"bytes"
	"io"
	"strings"

	"github.com/fatih/color"
)

// page lays lines out and collects them; flush writes them at once.
type page struct {
	buf   bytes.Buffer
	style Style
	paint painter
}

func newPage(s Style) *page { return &page{style: s, paint: newPainter(s.Color)} }

// flush writes what was collected.
func (p *page) flush(w io.Writer) error {
	_, err := w.Write(p.buf.Bytes())
	p.buf.Reset()
	return err
}

// gap separates two parts by an empty line.
func (p *page) gap() {
	if p.buf.Len() > 0 && !bytes.HasSuffix(p.buf.Bytes(), []byte("\n\n")) {
		p.buf.WriteByte('\n')
	}
}

// put writes a line, wrapped, with every line indented alike.
func (p *page) put(indent int, l ...span) { p.hang(indent, nil, indent, l) }

// hang writes lead after an indent, and body beside it from column at on;
// what does not fit continues below, at the same column.
func (p *page) hang(indent int, lead line, at int, body line) {
	first := append(line{blank(indent)}, lead...)
	used := first.cells()
	if len(lead) > 0 && used >= at && len(body) > 0 {
		p.emit(first)
		first, used = nil, 0
	}
	if len(body) == 0 {
		p.emit(first)
		return
	}
	for i, l := range wrap(body, p.style.cells()-at) {
		if i == 0 {
			p.emit(append(append(first, blank(at-used)), l...))
			continue
		}
		p.emit(append(line{blank(at)}, l...))
	}
}

// emit paints one line as it is.
func (p *page) emit(l line) {
	for len(l) > 0 && strings.TrimRight(l[len(l)-1].text, " ") == "" {
		l = l[:len(l)-1]
	}
	if n := len(l) - 1; n >= 0 {
		l = append(l[:n:n], span{strings.TrimRight(l[n].text, " "), l[n].tone})
	}
	p.buf.WriteString(p.paint.line(l))
	p.buf.WriteByte('\n')
}

func blank(n int) span { return span{text: strings.Repeat(" ", max(n, 0))} }

// pad fills a line up to n cells.
func pad(l line, n int) line { return append(l, blank(n-l.cells())) }

// painter turns tones into colours; the zero painter leaves them out.
type painter struct{ tones map[tone]*color.Color }

func newPainter(enabled bool) painter {
	if !enabled {
		return painter{}
	}
	p := painter{tones: map[tone]*color.Color{
		strong: color.New(color.Bold),
		faint:  color.New(color.Faint),
		good:   color.New(color.FgGreen),
		change: color.New(color.FgYellow),
		bad:    color.New(color.FgRed, color.Bold),
	}}
	for _, c := range p.tones {
		// The caller has decided; what the library thinks of the
		// environment does not count.
		c.EnableColor()
	}
	return p
}

func (p painter) line(l line) string {
	var b strings.Builder
	for i := 0; i < len(l); {
		text, t := "", l[i].tone
		for ; i < len(l) && l[i].tone == t; i++ {
			text += l[i].text
		}
		if c := p.tones[t]; c != nil && text != "" {
			text = c.Sprint(text)
		}
		b.WriteString(text)
	}
	return b.String()
}
