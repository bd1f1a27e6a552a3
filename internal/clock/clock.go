package clock

import (
	"context"
	"sync"
	"time"
)

// Clock tells the time and waits for it.
type Clock interface {
	// Now returns the wall-clock time in UTC.
	Now() time.Time
	// WaitUntil returns nil once Now is not before t, or the context's cause.
	WaitUntil(ctx context.Context, t time.Time) error
}

// Real is the machine's clock.
type Real struct{}

// Now implements Clock.
func (Real) Now() time.Time { return time.Now().UTC() }

// WaitUntil implements Clock. It wakes at least once a minute, so that a
// machine that slept or whose clock was set is noticed.
func (c Real) WaitUntil(ctx context.Context, t time.Time) error {
	for {
		left := t.Sub(c.Now())
		if left <= 0 {
			return nil
		}
		timer := time.NewTimer(min(left, time.Minute))
		select {
		case <-ctx.Done():
			timer.Stop()
			return context.Cause(ctx)
		case <-timer.C:
		}
	}
}

// Monotonic returns the time with its monotonic reading, for measuring how
// long something took and for network deadlines; never for decisions.
func Monotonic() time.Time { return time.Now() }

// Virtual is a clock that stands still until it is moved. Waiting moves it:
// WaitUntil(t) sets the time to t at once. It is safe for concurrent use.
type Virtual struct {
	mu  sync.Mutex
	now time.Time
}

// NewVirtual returns a clock standing at t.
func NewVirtual(t time.Time) *Virtual { return &Virtual{now: t.UTC()} }

// Now implements Clock.
func (v *Virtual) Now() time.Time {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.now
}

// Set moves the clock to t; it never moves back.
func (v *Virtual) Set(t time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if t.After(v.now) {
		v.now = t.UTC()
	}
}

// Advance moves the clock forward by d.
func (v *Virtual) Advance(d time.Duration) { v.Set(v.Now().Add(d)) }

// WaitUntil implements Clock by moving there.
func (v *Virtual) WaitUntil(ctx context.Context, t time.Time) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	v.Set(t)
	return nil
}
