package wire

import (
	"fmt"
	"io"
	"strings"
)

// Literals says which literals a server takes without a go-ahead.
type Literals byte

// Synchronising literals wait for "+"; LITERAL- spares that up to 4096 octets,
// LITERAL+ always (RFC 7888).
const (
	Synchronising Literals = iota
	LiteralMinus
	LiteralPlus
)

func (l Literals) sync(size int64) bool {
	return l == Synchronising || l == LiteralMinus && size > 4096
}

// Command is a command being written. Its methods do nothing once it has an
// error or was refused, so they can be called in a row and checked at End.
type Command struct {
	Tag  string
	c    *Conn
	name string
	lit  Literals
	buf  []byte
	// begun is true once something was written to the connection's buffer.
	begun   bool
	refused *Response
	err     error
}

// Begin starts a command; nothing is sent before its first literal or End.
func (c *Conn) Begin(name string, lit Literals) *Command {
	m := &Command{Tag: c.tag(), c: c, name: name, lit: lit}
	m.buf = append(append(append(m.buf, m.Tag...), ' '), name...)
	return m
}

// Text adds protocol text of our own making, as it is.
func (m *Command) Text(s string) *Command {
	m.buf = append(m.buf, s...)
	return m
}

// Name adds a blank and a mailbox name in its own octets: quoted where that
// is safe, else as a literal.
func (m *Command) Name(raw string) *Command {
	m.Text(" ")
	if Quotable(raw) {
		return m.Text(`"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(raw) + `"`)
	}
	if err := m.Literal(int64(len(raw)), strings.NewReader(raw)); err != nil {
		m.err = err
	}
	return m
}

// Quotable reports whether a mailbox name can be sent as a quoted string.
func Quotable(s string) bool {
	for i := range len(s) {
		if s[i] < 0x20 || s[i] > 0x7e {
			return false
		}
	}
	return len(s) < 1000
}

// emit writes the text collected so far. The first time, the command is
// checked against the allow-list: what is refused leaves no octet.
func (m *Command) emit() error {
	if m.err != nil || m.refused != nil {
		return m.err
	}
	if strings.ContainsAny(string(m.buf), "\r\n\x00") {
		m.err = fmt.Errorf("%w: %s with a line break in it", ErrForbidden, m.name)
		return m.err
	}
	if !m.begun {
		if m.err = m.c.admit(m.name, string(m.buf)); m.err != nil {
			return m.err
		}
		m.c.pending[m.Tag] = m.name
		m.begun = true
	}
	_, err := m.c.bw.Write(m.buf)
	m.buf = m.buf[:0]
	return m.broke(err)
}

// broke looks, after a write failed, whether the server had refused the
// command before it hung up. That it accepted what it has not seen whole is
// not believed.
func (m *Command) broke(err error) error {
	if err == nil {
		return nil
	}
	m.err = m.c.words(m.c.lost(err))
	if r, ok := m.c.done[m.Tag]; ok && r.Type != "OK" {
		m.refused, m.c.dead, m.err = r, m.err, nil
	}
	return m.err
}

func (c *Conn) admit(name, line string) error {
	if c.opt.Allow != nil {
		if err := c.opt.Allow(name, line); err != nil {
			return err
		}
	}
	c.meter.command(name)
	c.trace(name, line)
	return nil
}

func (c *Conn) trace(name, line string) {
	if c.opt.Trace != nil {
		c.opt.Trace(Sent, redact(name, line))
	}
}

// Begun reports whether anything of the command may have left.
func (m *Command) Begun() bool { return m.begun }

// Refused is the reply of a server that refused the command half way, or nil.
// The command is over then; the connection is not.
func (m *Command) Refused() *Response { return m.refused }

// Literal sends a literal of exactly size octets from body, streaming. A body
// that ends early or fails leaves the command in pieces: the connection is
// lost then, and the error says why.
func (m *Command) Literal(size int64, body io.Reader) error {
	sync := m.lit.sync(size)
	if sync {
		m.Text(fmt.Sprintf("{%d}", size))
	} else {
		m.Text(fmt.Sprintf("{%d+}", size))
	}
	if err := m.line(); err != nil || m.refused != nil {
		return err
	}
	if sync {
		if m.refused, m.err = m.c.proceed(m.Tag); m.err != nil || m.refused != nil {
			return m.err
		}
	}
	src := &source{r: body}
	n, err := io.CopyN(m.c.bw, src, size)
	switch {
	case err == nil:
		return nil
	case src.err != nil || err == io.EOF:
		m.err = &Lost{Err: fmt.Errorf("message of %d octets ended after %d: %w", size, n, firstError(src.err, io.ErrUnexpectedEOF))}
	default:
		return m.broke(err)
	}
	return m.err
}

// source tells errors of a message's body from those of the socket.
type source struct {
	r   io.Reader
	err error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

// line writes the text collected so far and a line end.
func (m *Command) line() error {
	if err := m.emit(); err != nil || m.refused != nil {
		return err
	}
	_, err := m.c.bw.WriteString("\r\n")
	return m.broke(err)
}

// End ends the command. It is sent with the next Flush or Await.
func (m *Command) End() error { return m.line() }
