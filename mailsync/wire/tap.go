package wire

import (
	"bytes"
	"fmt"
	"net"
	"strconv"
	"sync"
	"time"
)

// Tap is a connection as an IMAP library sees it. The library may speak only
// inside Lend; outside, its reader waits here and not on the socket. It is
// handed its greeting, go-aheads, and one clean reply per command: no
// untagged response, no argument of a response code and no word of a server
// reaches it, because some of them make it lose data or end the connection.
type Tap struct {
	c *Conn

	mu    sync.Mutex
	moved *sync.Cond
	lent  bool
	err   error
	in    []byte            // for the library to read
	out   []byte            // of the library, up to a line end
	lit   int64             // octets of the library's literal still to come
	tail  bool              // the next line continues a command after a literal
	asked map[string]string // tag → command
	reply Response
}

var _ net.Conn = (*Tap)(nil)

// NewTap lends c to a library that is told the given greeting line.
func NewTap(c *Conn, greeting string) *Tap {
	t := &Tap{c: c, in: []byte(greeting + "\r\n"), asked: map[string]string{}}
	t.moved = sync.NewCond(&t.mu)
	c.mu.Lock()
	c.wake = t.ended
	c.mu.Unlock()
	return t
}

func (t *Tap) ended() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.moved.Broadcast()
}

// Lend lets the library speak while f runs, and returns when each of its
// commands has its reply. An error of f with a command unanswered ends the
// connection: nobody would know what the next reply belongs to.
func (t *Tap) Lend(f func() error) error {
	t.mu.Lock()
	t.lent = true
	t.mu.Unlock()
	err := f()
	t.mu.Lock()
	defer t.mu.Unlock()
	for len(t.asked) > 0 && err == nil && t.err == nil && !t.c.closed.Load() {
		t.moved.Wait()
	}
	t.lent = false
	if t.err != nil {
		return t.err
	}
	if len(t.asked) > 0 {
		return &Lost{Err: fmt.Errorf("command without an answer: %w", firstError(err, ErrClosed))}
	}
	return err
}

// Reply is what the server really answered to the library's last command.
func (t *Tap) Reply() Response {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.reply
}

// Read implements net.Conn for the library's reader.
func (t *Tap) Read(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for {
		switch {
		case len(t.in) > 0:
			n := copy(p, t.in)
			t.in = t.in[n:]
			return n, nil
		case t.err != nil:
			return 0, t.err
		case t.c.closed.Load():
			return 0, net.ErrClosed
		case len(t.asked) == 0:
			t.moved.Wait()
		default:
			t.receive()
		}
	}
}

// receive reads one response while a command is outstanding.
func (t *Tap) receive() {
	t.mu.Unlock()
	r, err := t.c.next()
	t.mu.Lock()
	defer t.moved.Broadcast()
	if err != nil {
		t.err = err
		return
	}
	switch r.Tag {
	case "*":
	case "+":
		t.in = append(t.in, "+ "+clean(r.Text)+"\r\n"...)
	default:
		t.answer(r)
	}
}

func (t *Tap) answer(r *Response) {
	name, ok := t.asked[r.Tag]
	if !ok {
		t.err = protocol("a reply to %q, which was not asked", r.Tag)
		return
	}
	delete(t.asked, r.Tag)
	t.reply = *r
	line := r.Tag + " " + r.Type
	if r.Type == "OK" && (name == "LOGIN" || name == "AUTHENTICATE") {
		// Without this the library would ask for capabilities in the background.
		line += " [CAPABILITY IMAP4rev1]"
	}
	t.in = append(t.in, line+" done\r\n"...)
}

// clean keeps a challenge to what base64 and prose need.
func clean(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c < 0x20 || c > 0x7e {
			b[i] = '?'
		}
	}
	return string(b)
}

// Write implements net.Conn for the library's writer: whole lines are checked
// against the allow-list before they go out.
func (t *Tap) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.lent {
		return 0, fmt.Errorf("%w: the library spoke out of turn", ErrForbidden)
	}
	t.out = append(t.out, p...)
	for len(t.out) > 0 {
		n, err := t.pass()
		if err != nil {
			t.err = err
			t.moved.Broadcast()
			return 0, err
		}
		if n == 0 {
			break
		}
		t.out = t.out[n:]
	}
	if err := t.c.Flush(); err != nil {
		t.err = err
	}
	t.moved.Broadcast()
	return len(p), t.err
}

// pass sends a literal's octets or one line, and returns how many octets that was.
func (t *Tap) pass() (int, error) {
	n := int(min(t.lit, int64(len(t.out))))
	if n > 0 {
		t.lit -= int64(n)
		_, err := t.c.bw.Write(t.out[:n])
		return n, t.c.lost(err)
	}
	n = bytes.IndexByte(t.out, '\n') + 1
	if n == 0 {
		return 0, nil
	}
	line := string(t.out[:n])
	if err := t.admit(line); err != nil {
		return 0, err
	}
	t.lit = announced(line)
	t.tail = t.lit > 0
	_, err := t.c.bw.Write(t.out[:n])
	return n, t.c.lost(err)
}

func (t *Tap) admit(line string) error {
	for _, name := range t.asked {
		switch {
		case t.tail, name == "AUTHENTICATE":
			t.c.trace(name, "- "+line)
			return nil
		case name == "IDLE" && line == "DONE\r\n":
			t.c.trace("DONE", line)
			return nil
		}
	}
	name := commandName(line)
	if err := t.c.admit(name, line); err != nil {
		return err
	}
	tag, _, _ := bytes.Cut([]byte(line), []byte(" "))
	t.asked[string(tag)] = name
	return nil
}

// announced returns the size of a literal at the end of a line, else 0.
func announced(line string) int64 {
	b := bytes.TrimRight([]byte(line), "\r\n")
	at := bytes.LastIndexByte(b, '{')
	if at < 0 || b[len(b)-1] != '}' {
		return 0
	}
	n, err := strconv.ParseInt(string(bytes.TrimRight(b[at+1:len(b)-1], "+-")), 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// Close implements net.Conn: the library closes what it cannot use.
func (t *Tap) Close() error { return t.c.Close() }

// LocalAddr and RemoteAddr implement net.Conn.
func (t *Tap) LocalAddr() net.Addr  { return t.c.live.nc.LocalAddr() }
func (t *Tap) RemoteAddr() net.Addr { return t.c.live.nc.RemoteAddr() }

// The library's deadlines are its own idea of time; the connection has its
// own, which rolls with progress.
func (t *Tap) SetDeadline(time.Time) error      { return nil }
func (t *Tap) SetReadDeadline(time.Time) error  { return nil }
func (t *Tap) SetWriteDeadline(time.Time) error { return nil }
