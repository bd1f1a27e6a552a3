package maildir

import (
	"bytes"
	"io"
)

// crlf makes bare LFs CRLF while it reads: how Dovecot serves files that were
// stored with the line ends of Unix.
type crlf struct {
	from io.Reader
	buf  []byte
	next []byte
	cr   bool
	err  error
}

func newCRLF(r io.Reader) *crlf { return &crlf{from: r, buf: make([]byte, 32<<10)} }

func (c *crlf) Read(p []byte) (int, error) {
	for len(c.next) == 0 {
		if c.err != nil {
			return 0, c.err
		}
		n, err := c.from.Read(c.buf)
		c.err = err
		c.convert(c.buf[:n])
	}
	n := copy(p, c.next)
	c.next = c.next[n:]
	return n, nil
}

// convert sets next; most pieces need no change.
func (c *crlf) convert(b []byte) {
	if !c.bare(b) {
		c.next = b
	} else {
		out := make([]byte, 0, len(b)+len(b)/16+16)
		for _, x := range b {
			if x == '\n' && !c.cr {
				out = append(out, '\r')
			}
			out = append(out, x)
			c.cr = x == '\r'
		}
		c.next = out
	}
	if len(b) > 0 {
		c.cr = b[len(b)-1] == '\r'
	}
}

// bare reports whether b has an LF without a CR.
func (c *crlf) bare(b []byte) bool {
	for at := 0; ; {
		i := bytes.IndexByte(b[at:], '\n')
		if i < 0 {
			return false
		}
		at += i
		if at == 0 && !c.cr || at > 0 && b[at-1] != '\r' {
			return true
		}
		at++
	}
}

// lineEnds watches what is written for LFs without a CR.
type lineEnds struct {
	cr, bare bool
}

func (l *lineEnds) Write(b []byte) (int, error) {
	c := crlf{cr: l.cr}
	l.bare = l.bare || c.bare(b)
	if len(b) > 0 {
		l.cr = b[len(b)-1] == '\r'
	}
	return len(b), nil
}
