package limits

import (
	"context"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"
)

// dialed is a connection through an account, and the other end of it.
func dialed(t *testing.T, a *Account) (nc, far net.Conn) {
	t.Helper()
	near, far := net.Pipe()
	nc, err := a.Dial(func(context.Context, string, string) (net.Conn, error) { return near, nil })(t.Context(), "tcp", "x")
	if err != nil {
		t.Fatal(err)
	}
	return nc, far
}

func TestOctetsAreCountedTheWayTheMailGoes(t *testing.T) {
	s := newSet()
	for _, side := range []Side{Source, Target} {
		a := s.Server("x:993", Terms{}).Account(side, "alice", 1<<30)
		nc, far := dialed(t, a)
		go func() { _, _ = far.Write(make([]byte, 700)); _, _ = io.Copy(io.Discard, far) }()
		if _, err := io.ReadFull(nc, make([]byte, 700)); err != nil {
			t.Fatal(err)
		}
		if n, err := nc.Write(make([]byte, 300)); n != 300 || err != nil {
			t.Fatal(n, err)
		}
		if want := map[Side]int64{Source: 700, Target: 300}[side]; a.metered != want {
			t.Errorf("%s: %d octets", side, a.metered)
		}
		_ = nc.Close()
	}
}

func TestBandwidthIsOneForAllConnectionsToAServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSet()
		x := s.Server("x:993", Terms{Bandwidth: 100_000})
		began := time.Now()
		done := make(chan int64)
		for range 4 {
			nc, far := dialed(t, x.Account(Source, "alice", 0))
			go func() { _, _ = far.Write(make([]byte, 250_000)); _ = far.Close() }()
			go func() { n, _ := io.Copy(io.Discard, nc); done <- n }()
		}
		for range 4 {
			if n := <-done; n != 250_000 {
				t.Errorf("%d octets", n)
			}
		}
		// The bucket holds one chunk at the beginning; the rest is paid for.
		if took := time.Since(began); took < 9500*time.Millisecond || took > 10*time.Second {
			t.Errorf("a million octets took %s of virtual time", took)
		}
	})
}

func TestAConnectionThatWaitsForBandwidthCanBeClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nc, far := dialed(t, newSet().Server("x:993", Terms{Bandwidth: 1}).Account(Target, "alice", 0))
		go func() { _, _ = io.Copy(io.Discard, far) }()
		failed := make(chan error)
		go func() { _, err := nc.Write(make([]byte, 3*chunk)); failed <- err }()
		synctest.Wait()
		_ = nc.Close()
		if err := <-failed; err == nil {
			t.Error("written to a closed connection")
		}
	})
}
