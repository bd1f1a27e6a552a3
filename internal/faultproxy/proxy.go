package faultproxy

import (
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
)

// Act is what goes wrong.
type Act int

// Acts. All but Refuse and Stall end the connection, as soon as the server is
// through with what it was given before.
const (
	// Cut drops the command: the server never sees it.
	Cut Act = iota
	// Half drops it after half of its first literal; without one it is Cut.
	Half
	// LoseReply lets the server do it, and keeps the answer from the client.
	LoseReply
	// Bye answers "* BYE" in its place.
	Bye
	// Refuse answers Say in its place; the server never sees it.
	Refuse
	// Stall swallows it, and everything after it on that connection.
	Stall
)

// Fault is one thing that goes wrong, once.
type Fault struct {
	At Where
	Do Act
	// Say is the tagged answer of Refuse without its tag: "NO [OVERQUOTA] full".
	Say string
}

// Where is a place in the conversation, counted over all connections.
type Where struct {
	command string
	nth     int
	octet   int64
	down    bool
}

// Command is the n-th command of a name, from 1; "UID " is no part of a name.
func Command(name string, n int) Where { return Where{command: name, nth: n} }

// Sent is behind the n-th octet from the client, Received from the server:
// there the connection ends, whatever the Act.
func Sent(n int64) Where     { return Where{octet: n} }
func Received(n int64) Where { return Where{octet: n, down: true} }

// Proxy is one that runs.
type Proxy struct {
	// Addr is where clients connect.
	Addr string

	backend string
	fault   Fault
	ln      net.Listener
	wg      sync.WaitGroup

	mu       sync.Mutex
	live     map[net.Conn]bool
	ended    bool
	happened bool
	commands map[string]int
	up, down int64
}

// Start begins to stand before the server at backend, until the test ends.
func Start(t testing.TB, backend string, fault Fault) *Proxy {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{Addr: ln.Addr().String(), backend: backend, fault: fault, ln: ln, live: map[net.Conn]bool{}, commands: map[string]int{}}
	p.wg.Go(p.accept)
	t.Cleanup(p.close)
	return p
}

// Happened reports whether the fault has come.
func (p *Proxy) Happened() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.happened
}

// Commands counts the commands of a name that clients sent so far.
func (p *Proxy) Commands(name string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.commands[name]
}

// Octets returns how many were passed on from clients and from the server.
func (p *Proxy) Octets() (up, down int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.up, p.down
}

func (p *Proxy) accept() {
	for {
		client, err := p.ln.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", p.backend)
		if err != nil {
			_ = client.Close()
			continue
		}
		c := &conn{proxy: p, client: client, server: server, lost: make(chan string, 1)}
		if !p.keep(client, server) {
			c.end()
			return
		}
		p.wg.Go(c.fromClient)
		p.wg.Go(c.fromServer)
	}
}

func (p *Proxy) keep(conns ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		p.live[c] = true
	}
	return !p.ended
}

func (p *Proxy) close() {
	_ = p.ln.Close()
	p.mu.Lock()
	p.ended = true
	for c := range p.live {
		_ = c.Close()
	}
	p.mu.Unlock()
	p.wg.Wait()
}

// hits counts a command, and says whether the fault is its.
func (p *Proxy) hits(name string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.commands[name]++
	w := p.fault.At
	if p.happened || !strings.EqualFold(w.command, name) || w.nth != p.commands[name] {
		return false
	}
	p.happened = true
	return true
}

// admit says how many of n octets may pass; fewer when the fault is among them.
func (p *Proxy) admit(n int, down bool) (pass int, cut bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	count := &p.up
	if down {
		count = &p.down
	}
	if w := p.fault.At; !p.happened && w.octet > 0 && w.down == down && *count+int64(n) >= w.octet {
		n, cut = int(w.octet-*count), true
		p.happened = true
	}
	*count += int64(n)
	return n, cut
}

func (f Fault) String() string {
	act := []string{"cut", "half", "lose the reply", "bye", "refuse", "stall"}[f.Do]
	switch {
	case f.At.octet > 0 && f.At.down:
		return fmt.Sprintf("cut behind octet %d from the server", f.At.octet)
	case f.At.octet > 0:
		return fmt.Sprintf("cut behind octet %d from the client", f.At.octet)
	}
	return strings.TrimSpace(fmt.Sprintf("%s %s %d %s", act, f.At.command, f.At.nth, f.Say))
}
