package mbox

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"slices"
)

// text converts pieces of a file: quotes are taken off, line ends become CRLF.
type text struct {
	b         *bufio.Reader
	unquote   bool
	crlf      lineMode
	lineStart bool
	cr        bool
	out       []byte
	line      []byte
	err       error
}

type lineMode int

const (
	asIs    lineMode = iota // line ends stay
	bareLFs                 // an LF without a CR becomes CRLF
	everyLF                 // every LF becomes CRLF: what was CRLF is stored as LF
)

// read streams the octets of a message, as a server would serve them.
func (f file) read(it item) io.Reader {
	t := &text{unquote: !it.verbatim, crlf: bareLFs, lineStart: true}
	from := it.start
	if it.note != nil {
		t.crlf = asIs
		if it.note.lf {
			t.crlf = everyLF
		}
		it.strip = nil
	}
	var parts []io.Reader
	for _, p := range ordered(it.strip) {
		parts = append(parts, io.NewSectionReader(f.r, from, max(0, p.from-from)))
		from = max(from, p.to)
	}
	parts = append(parts, io.NewSectionReader(f.r, from, max(0, it.end-from)))
	t.b = bufio.NewReaderSize(io.MultiReader(parts...), 32<<10)
	if it.note != nil {
		return io.LimitReader(t, it.note.octets)
	}
	return t
}

// ordered sorts pieces by where they begin.
func ordered(in []piece) []piece {
	return slices.SortedFunc(slices.Values(in), func(a, b piece) int { return int(a.from - b.from) })
}

// Read implements io.Reader.
func (t *text) Read(p []byte) (int, error) {
	for len(t.out) == 0 {
		if t.err != nil {
			return 0, t.err
		}
		t.fill()
	}
	n := copy(p, t.out)
	t.out = t.out[n:]
	return n, nil
}

// fill converts one line, or a piece of a long one.
func (t *text) fill() {
	if t.lineStart && t.unquote {
		t.dropQuote()
	}
	b, err := t.b.ReadSlice('\n')
	if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
		t.err = err
	}
	t.lineStart = err == nil
	if len(b) == 0 {
		return
	}
	last := b[len(b)-1]
	if last == '\n' && (t.crlf == everyLF || t.crlf == bareLFs && !t.afterCR(b)) {
		t.line = append(append(t.line[:0], b[:len(b)-1]...), '\r', '\n')
		t.out = t.line
	} else {
		t.out = b
	}
	t.cr = last == '\r'
}

func (t *text) afterCR(b []byte) bool {
	if len(b) == 1 {
		return t.cr
	}
	return b[len(b)-2] == '\r'
}

// dropQuote takes one ">" off a line of mboxrd. More of them than fit in a
// buffer are no quoted From_ line.
func (t *text) dropQuote() {
	for n := 6; n <= 4096; n *= 2 {
		b, err := t.b.Peek(n)
		rest := bytes.TrimLeft(b, ">")
		if len(rest) == len(b) || len(rest) > 0 && !bytes.HasPrefix([]byte("From "), rest[:min(5, len(rest))]) {
			return
		}
		if len(rest) >= 5 {
			_, _ = t.b.Discard(1)
			return
		}
		if err != nil {
			return
		}
	}
}

// quoter writes a message in mboxrd.
type quoter struct {
	w         *bufio.Writer
	lf        bool // drop the CR of CRLF
	lineStart bool
}

// copyFrom writes what r holds, quoted.
func (q *quoter) copyFrom(r io.Reader) error {
	b := bufio.NewReaderSize(r, 32<<10)
	q.lineStart = true
	for {
		if q.lineStart && quotable(b) {
			if err := q.w.WriteByte('>'); err != nil {
				return err
			}
		}
		piece, err := b.ReadSlice('\n')
		q.lineStart = err == nil
		if n := len(piece); q.lf && err == nil && n > 1 && piece[n-2] == '\r' {
			piece = append(piece[:n-2], '\n')
		} else if q.lf && errors.Is(err, bufio.ErrBufferFull) && piece[n-1] == '\r' {
			// The LF is yet to come: the CR is decided upon with it.
			if e := b.UnreadByte(); e != nil {
				return e
			}
			piece = piece[:n-1]
		}
		if _, e := q.w.Write(piece); e != nil {
			return e
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return ended(err)
		}
	}
}

func ended(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// quotable reports whether a line begins with any number of ">" and "From ".
func quotable(b *bufio.Reader) bool {
	for n := 5; n <= 4096; n *= 2 {
		p, err := b.Peek(n)
		rest := bytes.TrimLeft(p, ">")
		if len(rest) >= 5 {
			return bytes.HasPrefix(rest, []byte("From "))
		}
		if err != nil || len(rest) > 0 && !bytes.HasPrefix([]byte("From "), rest) {
			return false
		}
	}
	return false
}
