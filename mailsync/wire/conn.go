package wire

import (
	"bufio"
	"context"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// Options of a connection.
type Options struct {
	Limits Limits
	// Allow admits commands; nil admits all.
	Allow Admission
	// Trace sees every line both ways, credentials and literals left out, or
	// is nil. The text is the server's own: escape it before showing it.
	Trace func(d Direction, line string)
	// Untagged sees the head of every untagged response before anybody else, or is nil. It may read the rest.
	Untagged func(r *Response) error
	// Refused sees every NO, BAD and BYE, whatever it answers, or is nil. It
	// must not read.
	Refused func(r *Response)
}

// Conn is one IMAP connection. It belongs to one goroutine; only Close may be
// called from others.
type Conn struct {
	R   *Reader
	lim Limits
	opt Options

	live  *live
	meter *meter
	bw    *bufio.Writer

	tags    int
	pending map[string]string    // tag → command name
	done    map[string]*Response // replies that came before they were awaited
	bye     string

	mu     sync.Mutex // guards nc and wake
	nc     net.Conn
	wake   func() // tells the tap that the connection ended
	closed atomic.Bool
	dead   error
}

// NewConn takes over a connected socket. It does no I/O.
func NewConn(nc net.Conn, opt Options) *Conn {
	opt.Limits = opt.Limits.WithDefaults()
	c := &Conn{
		opt: opt, lim: opt.Limits, nc: nc,
		meter:   &meter{commands: map[string]int{}},
		pending: map[string]string{}, done: map[string]*Response{},
	}
	c.attach(nc)
	return c
}

// attach puts reader and writer on a socket, forgetting what they held.
func (c *Conn) attach(nc net.Conn) {
	c.live = &live{nc: nc, meter: c.meter}
	c.live.patience.Store(int64(c.lim.Patience))
	c.R = NewReader(c.live, c.lim)
	c.bw = bufio.NewWriterSize(c.live, bufferSize)
	if c.opt.Trace != nil {
		c.R.note = func(line []byte) { c.opt.Trace(Received, string(line)) }
	}
}

// Upgrade replaces the socket by one that speaks TLS over it. It refuses when
// the server had already sent something beyond its reply: injected text that
// would be read as if it had come protected.
func (c *Conn) Upgrade(secure func(net.Conn) (net.Conn, error)) error {
	if n := c.R.br.Buffered(); n > 0 {
		return protocol("%d octets of unprotected data behind the reply to STARTTLS; this may be an attack", n)
	}
	c.mu.Lock()
	plain := c.nc
	c.mu.Unlock()
	if err := plain.SetDeadline(c.live.wait()); err != nil {
		return err
	}
	nc, err := secure(plain)
	if err != nil {
		return err
	}
	c.mu.Lock()
	c.nc = nc
	c.mu.Unlock()
	c.attach(nc)
	c.bye = ""
	return nil
}

// Limits returns the limits in force.
func (c *Conn) Limits() Limits { return c.lim }

// Meter returns what went over the connection so far. It may be called from
// any goroutine.
func (c *Conn) Meter() Meter { return c.meter.snapshot() }

// Patience sets how long nothing may move from now on; 0 is the default again.
func (c *Conn) Patience(d time.Duration) {
	if d <= 0 {
		d = c.lim.Patience
	}
	c.live.patience.Store(int64(d))
}

// Close ends the connection at once, without a farewell.
func (c *Conn) Close() error {
	if c.closed.Swap(true) {
		return nil
	}
	c.mu.Lock()
	err, wake := c.nc.Close(), c.wake
	c.mu.Unlock()
	if wake != nil {
		wake()
	}
	return err
}

// leaveWithin bounds how long a farewell may take to leave.
const leaveWithin = time.Second

// Leave says LOGOUT and that nothing more will come, and waits for no answer:
// what the server has to say to that is read by nobody. Close must follow.
func (c *Conn) Leave() {
	if c.dead != nil || c.closed.Load() {
		return // after half a command a LOGOUT would be taken for the rest of it
	}
	c.Patience(leaveWithin)
	if c.Begin("LOGOUT", Synchronising).End() != nil || c.bw.Flush() != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if half, ok := c.nc.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
}

// Do runs f, closing the connection when ctx ends meanwhile; the error is then
// the context's cause. After an error of the connection itself nothing more
// can be done with it.
func (c *Conn) Do(ctx context.Context, f func() error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if c.dead != nil {
		return &Lost{Err: c.dead}
	}
	if c.closed.Load() {
		return &Lost{Err: ErrClosed}
	}
	stop := context.AfterFunc(ctx, func() { _ = c.Close() })
	err := f()
	if !stop() {
		c.dead = context.Cause(ctx)
	}
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if fatal(err) {
		c.dead = err
	}
	if c.dead != nil {
		_ = c.Close()
	}
	return err
}

// Ended says why nothing more can be sent, or nil: a server may answer a
// command, and hang up while it is still being written.
func (c *Conn) Ended() error { return c.dead }

// lost words an I/O error. Errors of the protocol stay what they are.
func (c *Conn) lost(err error) error {
	if err == nil || fatal(err) {
		return err
	}
	return &Lost{Err: stalled(err, time.Duration(c.live.patience.Load())), Bye: c.bye}
}

// next reads the head of a response and notes what concerns the connection.
func (c *Conn) next() (*Response, error) {
	r, err := c.R.Next()
	if err != nil {
		return nil, c.lost(err)
	}
	if r.Type == "BYE" {
		c.bye = r.Text
		if c.bye == "" {
			c.bye = "BYE"
		}
	}
	if c.opt.Refused != nil && (r.Type == "NO" || r.Type == "BAD" || r.Type == "BYE") {
		c.opt.Refused(r)
	}
	if c.opt.Untagged != nil && r.Tag == "*" {
		return r, c.dataError(c.opt.Untagged(r))
	}
	return r, nil
}

// Greeting reads the first response of a server.
func (c *Conn) Greeting() (Response, error) {
	r, err := c.next()
	if err != nil {
		return Response{}, err
	}
	if r.Tag != "*" || !r.Status() {
		return Response{}, protocol("a greeting of %q %q", r.Tag, r.Type)
	}
	return *r, nil
}

// Flush sends what was written so far.
func (c *Conn) Flush() error { return c.lost(c.bw.Flush()) }

// Data handles the untagged response at hand: it reads the rest through c.R
// and reports whether the response was one the command asked for.
type Data func(r *Response) (wanted bool, err error)

// Await reads until the reply to a command came, and returns it. Untagged
// responses go to data, which may be nil; replies to other commands that were
// pipelined are kept for their own Await. Only transport and protocol errors,
// and those of data, are errors: a NO is a reply.
func (c *Conn) Await(tag string, data Data) (Response, error) {
	if err := c.Flush(); err != nil {
		err = c.words(err)
		if r, ok := c.answer(tag); ok {
			c.dead = err
			return r, nil
		}
		return Response{}, err
	}
	for noise := 0; ; {
		if r, ok := c.answer(tag); ok {
			return r, nil
		}
		wanted, err := c.step(data)
		if err != nil {
			return Response{}, err
		}
		if !wanted {
			if noise++; noise > c.lim.MaxNoise {
				return Response{}, protocol("more than %d responses nobody asked for", c.lim.MaxNoise)
			}
		}
	}
}

// answer hands out the reply to a command, once.
func (c *Conn) answer(tag string) (Response, bool) {
	r, ok := c.done[tag]
	if !ok {
		return Response{}, false
	}
	delete(c.done, tag)
	return *r, true
}

// step reads one response.
func (c *Conn) step(data Data) (wanted bool, err error) {
	r, err := c.next()
	if err != nil {
		return false, err
	}
	switch r.Tag {
	case "*":
		if data == nil {
			return false, nil
		}
		wanted, err = data(r)
		if err != nil {
			return wanted, c.dataError(err)
		}
		return wanted, nil
	case "+":
		return false, nil
	}
	return true, c.finish(r)
}

// dataError gives errors of reading their place; those of the handler itself
// pass through.
func (c *Conn) dataError(err error) error {
	if err != nil && isIO(err) {
		return c.lost(err)
	}
	return err
}

// finish files the reply to a command.
func (c *Conn) finish(r *Response) error {
	if _, ok := c.pending[r.Tag]; !ok {
		return protocol("a reply to %q, which was not asked", r.Tag)
	}
	delete(c.pending, r.Tag)
	reply := *r
	c.done[r.Tag] = &reply
	return nil
}

// proceed waits for the go-ahead of a synchronising literal. refused is the
// reply of a server that will not have it.
func (c *Conn) proceed(tag string) (refused *Response, err error) {
	if err := c.Flush(); err != nil {
		return nil, c.words(err)
	}
	for range c.lim.MaxNoise {
		r, err := c.next()
		if err != nil {
			return nil, err
		}
		switch r.Tag {
		case "+":
			return nil, nil
		case "*":
			continue
		}
		if err := c.finish(r); err != nil {
			return nil, err
		}
		if reply, ok := c.done[tag]; ok {
			return reply, nil
		}
	}
	return nil, protocol("no go-ahead after %d responses", c.lim.MaxNoise)
}

// words looks, after a write failed, for what the server said before it hung
// up: "BYE [OVERQUOTA]" explains more than "broken pipe", and a reply is the
// reply to its command, whoever hung up afterwards.
func (c *Conn) words(err error) error {
	c.Patience(byePatience)
	for range 100 {
		r, e := c.next()
		if e == nil && r.Tag != "*" && r.Tag != "+" {
			e = c.finish(r)
		}
		if e != nil {
			break
		}
	}
	if c.bye != "" {
		return &Lost{Err: err, Bye: c.bye}
	}
	return err
}

const byePatience = time.Second

func (c *Conn) tag() string {
	c.tags++
	return "b" + strconv.Itoa(c.tags)
}

// Outstanding reports whether the reply to a command has not been taken by
// Await yet.
func (c *Conn) Outstanding(tag string) bool {
	_, pending := c.pending[tag]
	_, done := c.done[tag]
	return pending || done
}
