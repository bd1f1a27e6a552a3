package main

import (
	"net"
	"time"

	"bascule/internal/clock"
)

// link is a way to a server that takes half a round trip in each direction,
// and has no other limit. It runs on loopback.
type link struct {
	listener net.Listener
	to       string
	half     time.Duration
}

// chunk is what was read at once, and when it may arrive.
type chunk struct {
	due  time.Time
	data []byte
}

// linkDepth bounds the octets under way in each direction: 4096 chunks.
const (
	linkDepth = 4096
	linkChunk = 32 << 10
)

func newLink(to string, rtt time.Duration) (*link, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	k := &link{listener: l, to: to, half: rtt / 2}
	go k.serve()
	return k, nil
}

func (k *link) addr() string { return k.listener.Addr().String() }

func (k *link) Close() { _ = k.listener.Close() }

func (k *link) serve() {
	for {
		near, err := k.listener.Accept()
		if err != nil {
			return
		}
		go k.join(near)
	}
}

// join dials when a server at that distance would see the connection: the
// handshake of TCP is one and a half round trips old by then.
func (k *link) join(near net.Conn) {
	defer near.Close()
	wait(clock.Monotonic().Add(3 * k.half))
	far, err := net.Dial("tcp", k.to)
	if err != nil {
		return
	}
	defer far.Close()
	done := make(chan bool, 2)
	go func() { k.carry(near, far); done <- true }()
	go func() { k.carry(far, near); done <- true }()
	<-done
	<-done
}

// carry moves octets one way, each chunk half a round trip late.
func (k *link) carry(from, to net.Conn) {
	way := make(chan chunk, linkDepth)
	go func() {
		defer close(way)
		for {
			b := make([]byte, linkChunk)
			n, err := from.Read(b)
			if n > 0 {
				way <- chunk{clock.Monotonic().Add(k.half), b[:n]}
			}
			if err != nil {
				return
			}
		}
	}()
	for c := range way {
		wait(c.due)
		if _, err := to.Write(c.data); err != nil {
			break
		}
	}
	if t, ok := to.(*net.TCPConn); ok {
		_ = t.CloseWrite()
	}
	for range way { // the reader must not wait for somebody who left
	}
}

func wait(until time.Time) {
	if d := until.Sub(clock.Monotonic()); d > 0 {
		<-time.After(d)
	}
}
