package faultproxy

import (
	"bufio"
	"errors"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
)

// conn is one client and its connection to the server.
type conn struct {
	proxy          *Proxy
	client, server net.Conn
	// lost brings the tag whose answer the client must not see.
	lost chan string

	turn sync.Mutex // to the client: one response at a time, with its literals
	mu   sync.Mutex // to the client: the server's octets and ours
	// polite is set once the client was told goodbye, which it must get to read.
	polite bool
	// broken is set once the fault has come: the client hears nothing more but
	// the farewell, if there is one.
	broken   bool
	farewell string
}

// end resets both sides: what is under way is lost, as when a router dies.
func (c *conn) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range []net.Conn{c.client, c.server} {
		if t, ok := s.(*net.TCPConn); ok && !c.polite {
			_ = t.SetLinger(0)
		}
		_ = s.Close()
	}
}

// breakOff ends the conversation. The client is told when the server is through
// with what it was given, and has ended its side: who then looks at the server
// sees all that came of it, on a slow machine too.
func (c *conn) breakOff(farewell string) {
	c.mu.Lock()
	c.broken, c.farewell = true, farewell
	c.mu.Unlock()
	if half, ok := c.server.(*net.TCPConn); ok {
		_ = half.CloseWrite()
	}
}

// hears reports whether the client still hears the server.
func (c *conn) hears() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.broken
}

var errBroken = errors.New("the fault happened")

// pass hands octets on, up to the fault.
func (c *conn) pass(b []byte, down bool) error {
	n, cut := c.proxy.admit(len(b), down)
	to := c.server
	if down {
		to = c.client
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.broken {
			return nil
		}
	}
	if _, err := to.Write(b[:n]); err != nil {
		return err
	}
	if cut {
		return errBroken
	}
	return nil
}

func (c *conn) say(line string) {
	c.turn.Lock()
	defer c.turn.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	_, _ = io.WriteString(c.client, line+"\r\n")
}

// finish ends a conversation whose server has ended its side.
func (c *conn) finish() {
	c.mu.Lock()
	c.polite = c.farewell != ""
	c.mu.Unlock()
	if c.polite {
		c.say(c.farewell)
	}
	c.end()
}

// fromClient reads commands. A line that is none, such as an answer within
// AUTHENTICATE or the end of IDLE, is passed on as it is.
func (c *conn) fromClient() {
	defer func() {
		if c.hears() { // otherwise the server's side ends it
			c.end()
		}
	}()
	in := bufio.NewReader(c.client)
	for {
		line, err := in.ReadBytes('\n')
		if err != nil {
			return
		}
		tag, name := command(string(line))
		if name != "" && c.proxy.hits(name) {
			if !c.strike(in, line, tag) {
				return
			}
			continue
		}
		if err := c.forward(in, line); err != nil {
			if errors.Is(err, errBroken) {
				c.breakOff("")
			}
			return
		}
	}
}

// command returns the tag and the name of a command, "" for other lines.
func command(line string) (tag, name string) {
	words := strings.Fields(line)
	if len(words) < 2 {
		return "", ""
	}
	name = strings.ToUpper(words[1])
	if name == "UID" && len(words) > 2 {
		name = strings.ToUpper(words[2])
	}
	return words[0], name
}

// forward passes a command on with its literals. The go-ahead for a
// synchronising one comes by the other direction.
func (c *conn) forward(in *bufio.Reader, line []byte) error {
	for {
		if err := c.pass(line, false); err != nil {
			return err
		}
		n, _, ok := literal(line)
		if !ok {
			return nil
		}
		if err := c.octets(in, n, false); err != nil {
			return err
		}
		var err error
		if line, err = in.ReadBytes('\n'); err != nil {
			return err
		}
	}
}

func (c *conn) octets(in io.Reader, n int64, down bool) error {
	buf := make([]byte, 16<<10)
	for n > 0 {
		k, err := in.Read(buf[:min(n, int64(len(buf)))])
		if k > 0 {
			if err := c.pass(buf[:k], down); err != nil {
				return err
			}
		}
		if err != nil {
			return err
		}
		n -= int64(k)
	}
	return nil
}

// literal reads the announcement at the end of a line (RFC 3501 §4.3, RFC 7888).
func literal(line []byte) (octets int64, waits, ok bool) {
	s := strings.TrimRight(string(line), "\r\n")
	i := strings.LastIndexByte(s, '{')
	if i < 0 || !strings.HasSuffix(s, "}") {
		return 0, false, false
	}
	digits, goesOn := strings.CutSuffix(s[i+1:len(s)-1], "+")
	n, err := strconv.ParseInt(digits, 10, 64)
	return n, !goesOn, err == nil && n >= 0
}

// strike lets the fault happen, and says whether the connection goes on.
func (c *conn) strike(in *bufio.Reader, line []byte, tag string) bool {
	switch f := c.proxy.fault; f.Do {
	case Half:
		if n, _, ok := literal(line); ok && c.pass(line, false) == nil {
			_ = c.octets(in, n/2, false)
		}
		c.breakOff("")
	case Cut:
		c.breakOff("")
	case LoseReply:
		c.lost <- tag
		return c.forward(in, line) == nil
	case Bye:
		c.breakOff("* BYE the server is going down")
	case Refuse:
		if c.swallow(in, line) != nil {
			return false
		}
		c.say(tag + " " + f.Say)
		return true
	case Stall:
		_, _ = io.Copy(io.Discard, in)
	}
	return false
}

// swallow reads a command that the server will not see. One that waits for
// the go-ahead ends at its first literal: it is answered there.
func (c *conn) swallow(in *bufio.Reader, line []byte) error {
	for {
		n, waits, ok := literal(line)
		if !ok || waits {
			return nil
		}
		if _, err := io.CopyN(io.Discard, in, n); err != nil {
			return err
		}
		var err error
		if line, err = in.ReadBytes('\n'); err != nil {
			return err
		}
	}
}

// fromServer passes answers on, line by line, until the one that gets lost, and
// then reads what else the server says until it has ended its side.
func (c *conn) fromServer() {
	defer c.finish()
	in := bufio.NewReader(c.server)
	if errors.Is(c.answers(in), errBroken) {
		c.breakOff("")
	}
	if !c.hears() {
		_, _ = io.Copy(io.Discard, in)
	}
}

func (c *conn) answers(in *bufio.Reader) error {
	tag := ""
	for {
		line, err := in.ReadBytes('\n')
		if err != nil {
			return err
		}
		select {
		case tag = <-c.lost:
		default:
		}
		if tag != "" && strings.HasPrefix(string(line), tag+" ") {
			return errBroken
		}
		if err := c.answer(in, line); err != nil {
			return err
		}
	}
}

// answer passes one response on, of which line is the first.
func (c *conn) answer(in *bufio.Reader, line []byte) error {
	c.turn.Lock()
	defer c.turn.Unlock()
	for {
		if err := c.pass(line, true); err != nil {
			return err
		}
		n, _, ok := literal(line)
		if !ok {
			return nil
		}
		if err := c.octets(in, n, true); err != nil {
			return err
		}
		var err error
		if line, err = in.ReadBytes('\n'); err != nil {
			return err
		}
	}
}
