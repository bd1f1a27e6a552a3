package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"bascule/internal/testservers"
)

// A scene that does something while a run is under way never bets on being
// faster than the run: a valve holds the mail of the old side back, and what
// the run says is heard when it says it.

// holdCommands are the words of scenes about runs that are under way.
func (s *scriptWorld) holdCommands() map[string]func(*testscript.TestScript, bool, []string) {
	h := &holding{}
	return map[string]func(*testscript.TestScript, bool, []string){
		"valve": func(ts *testscript.TestScript, _ bool, args []string) { h.cmdValve(s, ts, args) },
		"says":  h.cmdSays,
		"ended": h.cmdEnded,
	}
}

type holding struct {
	valve *valve
	ear   *ear
	// ran is the run in the background that was last looked at.
	ran *exec.Cmd
}

// hangs is when a scene gives up that would otherwise never end. No verdict of
// a run that does its work depends on it.
const hangs = 5 * time.Minute

// valve N lets N more messages of the old side through, and then none; $VALVE
// is its port. valve held waits until a message is held back, valve open lets
// all through. From the first one on runs are heard, and a run that is told to
// stop is not cut off for being slow.
func (h *holding) cmdValve(s *scriptWorld, ts *testscript.TestScript, args []string) {
	if h.valve == nil {
		h.install(s, ts)
	}
	switch args[0] {
	case "held":
		over, cancel := h.over(ts)
		defer cancel()
		if !h.valve.until(h.valve.holds, over) {
			ts.Fatalf("nothing is held back; the run said:\n%s", h.voice(ts).text())
		}
	case "open":
		h.valve.set(-1)
	default:
		n, err := strconv.Atoi(args[0])
		ts.Check(err)
		h.valve.set(n)
	}
}

func (h *holding) install(s *scriptWorld, ts *testscript.TestScript) {
	var err error
	h.valve, err = newValve(s.t, s.ca, s.old.IMAPSAddr)
	ts.Check(err)
	h.ear, err = newEar(s.t)
	ts.Check(err)
	ts.Setenv("VALVE", testservers.Port(h.valve.listener.Addr().String()))
	ts.Setenv("BASCULE_TEST_HEARD", h.ear.listener.Addr().String())
}

// voice is that of the one run in the background.
func (h *holding) voice(ts *testscript.TestScript) *voice {
	running := ts.BackgroundCmds()
	if len(running) != 1 {
		ts.Fatalf("%d commands are in the background", len(running))
	}
	h.ran = running[0]
	return h.ear.voice(h.ran.Process.Pid)
}

// over is closed when the run has ended, or the scene hangs.
func (h *holding) over(ts *testscript.TestScript) (<-chan struct{}, func()) {
	v, over, done := h.voice(ts), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(over)
		guard := time.NewTimer(hangs)
		defer guard.Stop()
		select {
		case <-v.ended:
		case <-guard.C:
		case <-done:
		}
	}()
	return over, func() { close(done) }
}

// says TEXT waits until the run in the background says so on its standard error.
func (h *holding) cmdSays(ts *testscript.TestScript, _ bool, args []string) {
	v := h.voice(ts)
	over, cancel := h.over(ts)
	defer cancel()
	heard := func() bool { return strings.Contains(v.said.String(), args[0]) }
	if !v.until(heard, over) && !strings.Contains(v.text(), args[0]) {
		ts.Fatalf("it does not say %q, but:\n%s", args[0], v.text())
	}
}

// ended CODE makes sure how the run ended that valve or says looked at, once it
// was waited for.
func (h *holding) cmdEnded(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	if got := h.ran.ProcessState; got == nil || got.ExitCode() != want {
		ts.Fatalf("it ended with %v, not %d", got, want)
	}
}

// changing is what others wait for to become so.
type changing struct {
	mu      sync.Mutex
	changed chan struct{}
}

// change does something that those who wait want to look at.
func (c *changing) change(do func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	do()
	c.wake()
}

func (c *changing) wake() {
	if c.changed != nil {
		close(c.changed)
		c.changed = nil
	}
}

// until waits for a condition, at most until the channel is closed. The
// condition is asked under the lock.
func (c *changing) until(ok func() bool, over <-chan struct{}) bool {
	for {
		c.mu.Lock()
		if ok() {
			c.mu.Unlock()
			return true
		}
		if c.changed == nil {
			c.changed = make(chan struct{})
		}
		changed := c.changed
		c.mu.Unlock()
		select {
		case <-changed:
		case <-over:
			return false
		}
	}
}

// serve hands connections over until the test ends.
func serve(t testing.TB, l net.Listener, carry func(net.Conn)) {
	var open sync.WaitGroup
	open.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			open.Go(func() { defer c.Close(); carry(c) })
		}
	})
	t.Cleanup(func() { _ = l.Close(); open.Wait() })
}

// valve stands before an IMAP server, with a certificate of its own, and lets
// so many messages through as a scene says.
type valve struct {
	changing
	listener net.Listener
	to       string
	trust    *tls.Config
	left     int // messages that may pass; negative for all
	held     int // connections on which one waits
}

func newValve(t testing.TB, ca *testservers.CA, to string) (*valve, error) {
	identity, err := ca.ServerTLS(testservers.Certificate{})
	if err != nil {
		return nil, err
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", identity)
	if err != nil {
		return nil, err
	}
	v := &valve{listener: l, to: to, trust: ca.ClientTLS("localhost"), left: -1}
	serve(t, l, v.carry)
	return v, nil
}

func (v *valve) set(n int) { v.change(func() { v.left = n }) }

// holds reports whether nothing passes, and somebody waits for it.
func (v *valve) holds() bool { return v.left == 0 && v.held > 0 }

func (v *valve) carry(client net.Conn) {
	server, err := tls.Dial("tcp", v.to, v.trust)
	if err != nil {
		return
	}
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		_, _ = io.Copy(server, client)
		_ = server.Close()
	}()
	v.deliver(client, bufio.NewReader(server), gone)
	_ = client.Close()
	<-gone
}

// announces is the end of a line that a literal follows (RFC 3501 §4.3).
var announces = regexp.MustCompile(`\{(\d+)\}\r\n$`)

// deliver passes on what the server says, each message when it may pass.
func (v *valve) deliver(client io.Writer, in *bufio.Reader, gone <-chan struct{}) {
	for {
		line, err := in.ReadBytes('\n')
		if err != nil {
			return
		}
		literal := announces.FindSubmatch(line)
		if literal != nil && bytes.Contains(line, []byte("BODY[] ")) && !v.pass(gone) {
			return
		}
		if _, err := client.Write(line); err != nil {
			return
		}
		if literal == nil {
			continue
		}
		octets, err := strconv.ParseInt(string(literal[1]), 10, 64)
		if err != nil {
			return
		}
		if _, err := io.CopyN(client, in, octets); err != nil {
			return
		}
	}
}

// pass waits until one more message may pass, or its reader has gone.
func (v *valve) pass(gone <-chan struct{}) bool {
	waits := false
	ok := v.until(func() bool {
		if v.left != 0 {
			v.left = max(v.left-1, -1)
			return true
		}
		if !waits {
			waits = true
			v.held++
			v.wake()
		}
		return false
	}, gone)
	if waits {
		v.change(func() { v.held-- })
	}
	return ok
}

// ear hears what runs say, each by itself.
type ear struct {
	listener net.Listener
	mu       sync.Mutex
	voices   map[int]*voice
}

// voice is what one process said; ended is closed when it will say no more.
type voice struct {
	changing
	said  strings.Builder
	ended chan struct{}
}

func newEar(t testing.TB) (*ear, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	e := &ear{listener: l, voices: map[int]*voice{}}
	serve(t, l, e.hear)
	return e, nil
}

func (e *ear) voice(pid int) *voice {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.voices[pid] == nil {
		e.voices[pid] = &voice{ended: make(chan struct{})}
	}
	return e.voices[pid]
}

func (e *ear) hear(c net.Conn) {
	var pid int
	in := bufio.NewReader(c)
	if _, err := fmt.Fscanln(in, &pid); err != nil {
		return
	}
	v := e.voice(pid)
	defer close(v.ended)
	_, _ = io.Copy(v, in)
}

func (v *voice) Write(b []byte) (n int, err error) {
	v.change(func() { n, err = v.said.Write(b) })
	return n, err
}

func (v *voice) text() (out string) {
	v.change(func() { out = v.said.String() })
	return out
}

// mouth is what a process speaks into to be heard.
func mouth(addr string) io.Writer {
	c, err := net.Dial("tcp", addr)
	if err == nil {
		_, err = fmt.Fprintln(c, os.Getpid())
	}
	if err != nil {
		panic("test: nobody hears: " + err.Error())
	}
	return c
}
