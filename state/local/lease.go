package local

import (
	"errors"
	"fmt"
	"time"

	"bascule/internal/clock"
	"bascule/state"
)

// renewing gives a sign of life until the lock is released or lost. It counts
// on the machine's own timers: the clock of decisions may stand still.
func (s *Store) renewing(l *lock) {
	defer close(l.done)
	ticker := time.NewTicker(s.opt.Renew)
	defer ticker.Stop()
	last := clock.Monotonic()
	for {
		select {
		case <-l.quit:
			return
		case <-ticker.C:
		}
		err := s.guarded(func() error { return s.renew(l) })
		switch {
		case err == nil:
			last = clock.Monotonic()
		case errors.Is(err, state.ErrLostLock):
			return
		case clock.Monotonic().Sub(last) >= 3*s.opt.Renew:
			_ = s.lose(l, fmt.Errorf("%w: it could not be renewed: %w", state.ErrLostLock, err))
			return
		}
	}
}
