package mailsync

import (
	"context"
	"errors"
	"time"

	"bascule/internal/retry"
)

// ErrStopped: the pass was asked to end, and ended at a safe place. What was
// acknowledged is on record.
var ErrStopped = errors.New("stopped")

// asked reports whether a channel was closed: somebody asked for an end.
func asked(stop <-chan struct{}) bool {
	select {
	case <-stop:
		return true
	default:
		return false
	}
}

// stopped is ErrStopped once the pass was asked to end.
func (p *pass) stopped() error {
	if asked(p.Stop) {
		return ErrStopped
	}
	return nil
}

// inTime does steps one after the other until the pass is asked to end.
func (p *pass) inTime(steps ...func() error) error {
	for _, step := range steps {
		if err := p.stopped(); err != nil {
			return err
		}
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// patiently ends the context when what was under way at the stop takes longer
// than it is given. The batches it cuts off stay announced: the next pass looks.
func (p *pass) patiently(parent context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(parent)
	over := make(chan struct{})
	go func() {
		select {
		case <-p.Stop:
		case <-over:
			return
		}
		patience := time.NewTimer(p.StopGrace)
		defer patience.Stop()
		select {
		case <-patience.C:
			cancel(ErrStopped)
		case <-over:
		}
	}()
	return ctx, func() { close(over); cancel(nil) }
}

// ended says how a pass ended that was asked to: a connection that was cut off,
// or would have been made again, is part of stopping.
func (p *pass) ended(parent, ctx context.Context, err error) error {
	switch {
	case err == nil || p.stopped() == nil || parent.Err() != nil:
		return err
	case errors.Is(err, ErrStopped), ctx.Err() != nil, retry.IsTemporary(err):
		p.report.Stopped = true
		return ErrStopped
	}
	return err
}
