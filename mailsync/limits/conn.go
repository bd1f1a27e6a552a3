package limits

import (
	"context"
	"net"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"bascule/internal/clock"
)

// chunk is how many octets are read or written before they are paid for.
const chunk = 32 << 10

// Dialer is net.Dialer's DialContext.
type Dialer func(ctx context.Context, network, address string) (net.Conn, error)

// Dial returns a dialer whose connections count their octets for the account
// and keep to the bandwidth of the server. All that goes over the wire counts,
// TLS and commands included; nil dials with a net.Dialer.
func (a *Account) Dial(dial Dialer) Dialer {
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		nc, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &conn{Conn: nc, account: a, limiter: a.server.limiter(), closed: make(chan struct{})}, nil
	}
}

// conn pays for octets after they moved: what waits is the next read or write,
// and deadlines stay those of the network.
type conn struct {
	net.Conn
	account *Account
	limiter *rate.Limiter // nil is unbounded
	once    sync.Once
	closed  chan struct{}
}

// Read implements net.Conn.
func (c *conn) Read(p []byte) (int, error) {
	if c.limiter != nil {
		p = p[:min(len(p), chunk)]
	}
	n, err := c.Conn.Read(p)
	c.pay(Source, n)
	return n, err
}

// Write implements net.Conn.
func (c *conn) Write(p []byte) (done int, err error) {
	for err == nil && done < len(p) {
		end := len(p)
		if c.limiter != nil {
			end = min(end, done+chunk)
		}
		var n int
		n, err = c.Conn.Write(p[done:end])
		done += n
		c.pay(Target, n)
	}
	return done, err
}

// pay counts octets, and waits until the server's bandwidth has room for them.
func (c *conn) pay(way Side, n int) {
	if n <= 0 {
		return
	}
	if way == c.account.key.side {
		c.account.add(n)
	}
	if c.limiter == nil {
		return
	}
	now := clock.Monotonic()
	if wait := c.limiter.ReserveN(now, n).DelayFrom(now); wait > 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-c.closed:
		}
	}
}

// Close implements net.Conn.
func (c *conn) Close() error {
	c.once.Do(func() { close(c.closed) })
	return c.Conn.Close()
}

// CloseWrite says that nothing more will come, where the connection can.
func (c *conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}
