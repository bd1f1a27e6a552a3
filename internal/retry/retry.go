package retry

import (
	"context"
	"errors"
	"time"
)

// temporary marks an error that may go away by itself.
type temporary struct {
	error
	after time.Duration
}

func (t temporary) Unwrap() error   { return t.error }
func (t temporary) Temporary() bool { return true }

// Temporary marks err as worth trying again.
func Temporary(err error) error { return After(err, 0) }

// After marks err as worth trying again, not sooner than after: the hint of a
// server that asked to be left alone.
func After(err error, after time.Duration) error {
	if err == nil {
		return nil
	}
	return temporary{err, after}
}

// IsTemporary reports whether err, or an error it wraps, may go away by itself.
func IsTemporary(err error) bool {
	var t interface{ Temporary() bool }
	return errors.As(err, &t) && t.Temporary()
}

// Policy bounds the tries. Waits double from First up to Most.
type Policy struct {
	Tries       int
	First, Most time.Duration
}

// Do calls f until it succeeds, fails for good, or the tries are used up, and
// returns the last error.
func (p Policy) Do(ctx context.Context, f func(context.Context) error) error {
	wait := p.First
	for try := 1; ; try++ {
		err := f(ctx)
		if err == nil || !IsTemporary(err) || try >= p.Tries {
			return err
		}
		if e := pause(ctx, max(wait, hint(err))); e != nil {
			return errors.Join(err, e)
		}
		wait = min(wait*2, p.Most)
	}
}

func hint(err error) time.Duration {
	var t temporary
	errors.As(err, &t)
	return t.after
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
