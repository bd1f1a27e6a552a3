package wire

import (
	"errors"
	"maps"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"bascule/internal/clock"
)

// live is the socket with a deadline that rolls: it ends when nothing moved
// for its patience, never because something takes long.
type live struct {
	nc       net.Conn
	patience atomic.Int64
	meter    *meter
}

func (l *live) wait() time.Time {
	return clock.Monotonic().Add(time.Duration(l.patience.Load()))
}

func (l *live) Read(p []byte) (int, error) {
	if err := l.nc.SetReadDeadline(l.wait()); err != nil {
		return 0, err
	}
	n, err := l.nc.Read(p)
	l.meter.received(n)
	return n, err
}

// Write writes all of p. A write that stopped half way because its time was
// up, but moved, goes on: slow is not dead.
func (l *live) Write(p []byte) (int, error) {
	for done := 0; ; {
		if err := l.nc.SetWriteDeadline(l.wait()); err != nil {
			return done, err
		}
		n, err := l.nc.Write(p[done:])
		l.meter.sent(n)
		done += n
		if err == nil || done == len(p) || n == 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			return done, err
		}
	}
}

// Meter is what went over a connection.
type Meter struct {
	In, Out int64
	// Turns counts how often we read after having written: round trips, at most.
	Turns int64
	// Commands counts what was sent, by name.
	Commands map[string]int
}

type meter struct {
	in, out, turns atomic.Int64
	asked          atomic.Bool

	mu       sync.Mutex
	commands map[string]int
}

func (m *meter) received(n int) {
	m.in.Add(int64(n))
	if n > 0 && m.asked.Swap(false) {
		m.turns.Add(1)
	}
}

func (m *meter) sent(n int) {
	m.out.Add(int64(n))
	m.asked.Store(true)
}

func (m *meter) command(name string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.commands[name]++
}

func (m *meter) snapshot() Meter {
	m.mu.Lock()
	defer m.mu.Unlock()
	return Meter{In: m.in.Load(), Out: m.out.Load(), Turns: m.turns.Load(), Commands: maps.Clone(m.commands)}
}
