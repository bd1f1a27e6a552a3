package main

import (
	"context"
	"time"

	"bascule/executor"
)

// interruptible ends stop at the first signal or when time is up, and the
// context at the second signal, or shortly after the first if the run has not
// come to an end by itself. What it says of a signal is true by then.
func (c *cli) interruptible(parent context.Context, most time.Duration) (context.Context, <-chan struct{}, func()) {
	ctx, cancel := context.WithCancelCause(parent)
	stop := make(chan struct{})
	over, gone := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(gone)
		var timeUp <-chan time.Time
		if most > 0 {
			timer := time.NewTimer(most)
			defer timer.Stop()
			timeUp = timer.C
		}
		select {
		case <-c.Signals:
			close(stop)
			c.note("finishing the message in hand; press Ctrl-C again to stop at once (that is safe too)")
		case <-timeUp:
			close(stop)
			c.note("time is up: finishing the message in hand")
		case <-over:
			return
		}
		patience := time.NewTimer(c.Patience)
		defer patience.Stop()
		select {
		case <-c.Signals:
		case <-patience.C:
		case <-over:
		}
		cancel(executor.ErrInterrupted)
	}()
	return ctx, stop, func() { close(over); cancel(nil); <-gone }
}

// interruptPatience keeps the promise that the first Ctrl-C ends within 5 s.
const interruptPatience = 4 * time.Second

// stopGrace is what of it a pass may use; the rest is for recording what it did.
func (c *cli) stopGrace() time.Duration { return c.Patience / 4 * 3 }

// until is a context that also ends when stop is closed: for work that has no
// safe place of its own to end at, and needs none.
func until(parent context.Context, stop <-chan struct{}) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(parent)
	go func() {
		select {
		case <-stop:
			cancel(executor.ErrInterrupted)
		case <-ctx.Done():
		}
	}()
	return ctx, func() { cancel(nil) }
}
