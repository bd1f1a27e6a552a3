package local

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"bascule/internal/atomicfile"
	"bascule/state"
)

// lockFileLimit bounds what is read as a lock file, in octets.
const lockFileLimit = 64 << 10

// lock is a lock this store holds.
type lock struct {
	holder state.Holder
	cancel context.CancelCauseFunc
	// alive is the flock that ends with the process; nil if it was not to be had.
	alive *os.File
	// quit stops the renewal; done is closed when it has stopped.
	quit, done chan struct{}
	once       sync.Once
	err        error
}

// Lock implements state.Store. It does not wait: a lock that is held is a
// *state.LockedError. Empty fields of who are filled in.
func (s *Store) Lock(ctx context.Context, who state.Holder) (context.Context, state.Unlock, error) {
	if err := ctx.Err(); err != nil {
		return nil, nil, context.Cause(ctx)
	}
	if err := s.complete(&who); err != nil {
		return nil, nil, fmt.Errorf("lock state: %w", err)
	}
	l := &lock{quit: make(chan struct{}), done: make(chan struct{})}
	var left state.Holder
	err := s.guarded(func() (err error) {
		left, err = s.acquire(l, who)
		return err
	})
	if err != nil {
		return nil, nil, fmt.Errorf("lock state: %w", err)
	}
	held, cancel := context.WithCancelCause(ctx)
	l.cancel = cancel
	if left.ID != "" {
		held = state.WithTakenFrom(held, left)
	}
	s.mu.Lock()
	s.held = l
	s.mu.Unlock()
	go s.renewing(l)
	return held, func() error { return s.release(l) }, nil
}

func (s *Store) complete(who *state.Holder) error {
	if who.Host == "" {
		host, err := os.Hostname()
		if err != nil {
			return err
		}
		who.Host = host
	}
	if who.PID == 0 {
		who.PID = os.Getpid()
	}
	var token [16]byte
	if _, err := io.ReadFull(s.opt.Rand, token[:]); err != nil {
		return fmt.Errorf("make lock id: %w", err)
	}
	// The identifier is the fencing token: it is new for every lock.
	who.ID = hex.EncodeToString(token[:])
	return nil
}

// acquire takes the lock, under the guard. It returns whose lock it took over.
func (s *Store) acquire(l *lock, who state.Holder) (left state.Holder, err error) {
	present, err := s.holder()
	switch {
	case errors.Is(err, os.ErrNotExist):
	case err != nil:
		return left, err
	case !s.abandoned(present):
		return left, &state.LockedError{Holder: present}
	default:
		left = present
	}
	who.Since = s.opt.Clock.Now()
	l.holder = who
	// Without the flock the lease alone protects: that is slower, not weaker.
	l.alive, _ = flock(s.privatePath("holder"))
	if err := s.sign(l); err != nil {
		closeQuietly(l.alive)
		return left, err
	}
	s.sweep()
	return left, nil
}

// abandoned reports whether a lock may be taken over: its lease is over, or
// its holder was a process of this machine and is certainly gone. A process
// number alone proves nothing where containers share a host name; the flock
// is the kernel's word.
func (s *Store) abandoned(h state.Holder) bool {
	if s.opt.Clock.Now().After(h.Expires) {
		return true
	}
	host, err := os.Hostname()
	if err != nil || host != h.Host || processLives(h.PID) {
		return false
	}
	f, err := flock(s.privatePath("holder"))
	closeQuietly(f)
	return err == nil
}

// holder reads the lock file.
func (s *Store) holder() (state.Holder, error) {
	var h state.Holder
	data, err := readRegular(s.lockPath(), lockFileLimit)
	if err != nil {
		return h, err
	}
	if err := json.Unmarshal(data, &h); err != nil || h.ID == "" {
		return h, fmt.Errorf("%s is not a lock file (%v); if no bascule runs, remove it", s.lockPath(), err)
	}
	return h, nil
}

// sign writes the lock file with a fresh lease, under the guard.
func (s *Store) sign(l *lock) error {
	l.holder.Expires = s.opt.Clock.Now().Add(Lease)
	data, err := json.MarshalIndent(l.holder, "", "  ")
	if err != nil {
		return err
	}
	return atomicfile.Write(s.lockPath(), append(data, '\n'), 0o600)
}

// asHolder runs f under the guard if the lock is still ours, and renews it:
// between the look at the token and the write nobody can take it over.
func (s *Store) asHolder(f func() error) error {
	s.mu.Lock()
	l := s.held
	s.mu.Unlock()
	if l == nil {
		return fmt.Errorf("%w: it is not held by this run", state.ErrLostLock)
	}
	return s.guarded(func() error {
		if err := s.renew(l); err != nil {
			return err
		}
		return f()
	})
}

// renew gives a sign of life, under the guard, or says that the lock is lost.
// A lease that ran out while nobody wanted the lock is still ours.
func (s *Store) renew(l *lock) error {
	present, err := s.holder()
	switch {
	case errors.Is(err, os.ErrNotExist):
		return s.lose(l, fmt.Errorf("%w: it was removed", state.ErrLostLock))
	case err != nil:
		return err
	case present.ID != l.holder.ID:
		return s.lose(l, fmt.Errorf("%w: %s on %s (pid %d) took it at %s", state.ErrLostLock, present.Who, present.Host, present.PID, present.Since.Format("15:04:05")))
	}
	return s.sign(l)
}

func (s *Store) lose(l *lock, why error) error {
	l.cancel(why)
	return why
}

// release gives the lock back once; later calls repeat the first answer.
func (s *Store) release(l *lock) error {
	l.once.Do(func() {
		close(l.quit)
		<-l.done
		s.mu.Lock()
		if s.held == l {
			s.held = nil
		}
		s.mu.Unlock()
		l.err = s.guarded(func() error { return s.remove(l.holder.ID) })
		closeQuietly(l.alive)
		l.cancel(context.Canceled)
	})
	return l.err
}

// remove takes the lock file away if it has this identifier, under the guard.
func (s *Store) remove(id string) error {
	present, err := s.holder()
	switch {
	case errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("unlock state: %w: there is no lock", state.ErrLostLock)
	case err != nil:
		return fmt.Errorf("unlock state: %w", err)
	case present.ID != id:
		return fmt.Errorf("unlock state: %w: %w", state.ErrLostLock, &state.LockedError{Holder: present})
	}
	if err := os.Remove(s.lockPath()); err != nil {
		return fmt.Errorf("unlock state: %w", err)
	}
	return atomicfile.SyncDir(s.dir)
}

// Break implements state.Store. The holder, if it lives, finds its lock gone
// before its next write.
func (s *Store) Break(ctx context.Context, id string) error {
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	return s.guarded(func() error {
		present, err := s.holder()
		if err == nil && present.ID != id {
			return fmt.Errorf("break lock %q: it is not the lock that stands; %w", id, &state.LockedError{Holder: present})
		}
		if errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("break lock %q: the state is not locked", id)
		}
		return s.remove(id)
	})
}
