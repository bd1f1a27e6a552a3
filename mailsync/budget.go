package mailsync

import (
	"context"
	"sync"
)

// Budget bounds the octets of messages that are under way: announced to a
// target, and not acknowledged by it. They lie in our buffers, in sockets, and
// in the memory of both servers, and are what may have to be looked for after a
// crash. One Budget is shared by all passes of a run.
//
// Claims are granted in the order they were made, so that a large message is
// not overtaken for ever by small ones; one larger than the budget is granted
// when nothing else is under way. Only a whole batch is claimed, before any
// of it is sent: who holds a claim can always finish, and nobody who waits
// holds back what another needs.
//
// A nil Budget grants everything.
type Budget struct {
	most int64

	mu         sync.Mutex
	used, peak int64
	line       []*Claim
}

// DefaultBudget keeps two batches under way on each of a few connections.
const DefaultBudget = 64 << 20

// NewBudget returns a budget of so many octets.
func NewBudget(most int64) *Budget { return &Budget{most: max(most, 1)} }

// Claim is a place in the budget, or in the line for one.
type Claim struct {
	budget  *Budget
	octets  int64
	granted bool
	// over is true once it was released.
	over bool
	wake chan<- struct{}
}

// Ask gets in line. When the claim is granted later, wake is signalled once,
// unless it has a signal pending; it should hold one.
func (b *Budget) Ask(octets int64, wake chan<- struct{}) *Claim {
	if b == nil {
		return &Claim{granted: true}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	c := &Claim{budget: b, octets: min(octets, b.most), wake: wake}
	b.line = append(b.line, c)
	b.serve()
	return c
}

// Take waits for a claim.
func (b *Budget) Take(ctx context.Context, octets int64) (*Claim, error) {
	wake := make(chan struct{}, 1)
	c := b.Ask(octets, wake)
	if c.Granted() {
		return c, nil
	}
	select {
	case <-wake:
		return c, nil
	case <-ctx.Done():
		c.Release()
		return nil, context.Cause(ctx)
	}
}

// Granted reports whether the octets may be sent.
func (c *Claim) Granted() bool {
	if c.budget == nil {
		return true
	}
	c.budget.mu.Lock()
	defer c.budget.mu.Unlock()
	return c.granted
}

// Release gives the octets back, or leaves the line. It may be called twice,
// and on nil.
func (c *Claim) Release() {
	if c == nil || c.budget == nil {
		return
	}
	b := c.budget
	b.mu.Lock()
	defer b.mu.Unlock()
	if c.over {
		return
	}
	c.over = true
	if c.granted {
		b.used -= c.octets
	}
	b.serve()
}

// serve grants claims from the head of the line.
func (b *Budget) serve() {
	for len(b.line) > 0 {
		c := b.line[0]
		if !c.over {
			if b.used+c.octets > b.most {
				return
			}
			c.granted = true
			b.used += c.octets
			b.peak = max(b.peak, b.used)
			select {
			case c.wake <- struct{}{}:
			default:
			}
		}
		b.line = b.line[1:]
	}
}

// Peak returns the most octets that were under way at once.
func (b *Budget) Peak() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.peak
}
