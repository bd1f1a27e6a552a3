package executor

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"bascule/internal/clock"
	"bascule/state"
	"bascule/state/statetest"
)

// place is where stores keep a state, as long as the test lives.
type place struct {
	mu       sync.Mutex
	versions [][]byte // by serial, from 1
	held     *memLock
	locks    int
}

type memLock struct {
	holder state.Holder
	cancel context.CancelCauseFunc
}

// memStore is one run's way to the place.
type memStore struct {
	*place
	clock clock.Clock
	mine  *memLock
}

func TestTheStoreOfTheseTestsKeepsTheContract(t *testing.T) {
	statetest.Run(t, func(*testing.T) statetest.Opener {
		p := &place{}
		return func(c clock.Clock) state.Store { return &memStore{place: p, clock: c} }
	})
}

func (s *memStore) Load(ctx context.Context) (*state.State, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stored()
}

func (s *memStore) stored() (*state.State, error) {
	if len(s.versions) == 0 {
		return nil, state.ErrNoState
	}
	return state.Decode(s.versions[len(s.versions)-1])
}

// holds reports whether this store's own lock still stands.
func (s *memStore) holds() error {
	if s.mine == nil || s.held != s.mine {
		return state.ErrLostLock
	}
	s.mine.holder.Expires = s.clock.Now().Add(90 * time.Second)
	return nil
}

func (s *memStore) Save(ctx context.Context, v *state.State) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.holds(); err != nil {
		return err
	}
	have, err := s.stored()
	switch {
	case errors.Is(err, state.ErrNoState) && v.Serial == 0:
	case err != nil:
		return state.ErrStale
	case have.Lineage != v.Lineage || have.Serial != v.Serial:
		return state.ErrStale
	}
	return s.keep(v)
}

func (s *memStore) keep(v *state.State) error {
	next := *v
	next.Serial, next.Updated = uint64(len(s.versions)+1), s.clock.Now()
	doc, err := state.Encode(&next)
	if err != nil {
		return err
	}
	s.versions = append(s.versions, doc)
	*v = next
	return nil
}

func (s *memStore) Lock(ctx context.Context, who state.Holder) (context.Context, state.Unlock, error) {
	if ctx.Err() != nil {
		return nil, nil, context.Cause(ctx)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var left *state.Holder
	if s.held != nil {
		if s.clock.Now().Before(s.held.holder.Expires) {
			return nil, nil, &state.LockedError{Holder: s.held.holder}
		}
		left = &s.held.holder
		s.held.cancel(state.ErrLostLock)
	}
	s.locks++
	who.ID, who.Host, who.PID, who.Since = fmt.Sprintf("lock-%d-of-many", s.locks), "here", 1, s.clock.Now()
	who.Expires = who.Since.Add(90 * time.Second)
	locked, cancel := context.WithCancelCause(ctx)
	if left != nil {
		locked = state.WithTakenFrom(locked, *left)
	}
	l := &memLock{holder: who, cancel: cancel}
	s.held, s.mine = l, l
	return locked, func() error { return s.unlock(l) }, nil
}

func (s *memStore) unlock(l *memLock) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mine != l {
		return nil
	}
	s.mine = nil
	defer l.cancel(context.Canceled)
	if s.held != l {
		return state.ErrLostLock
	}
	s.held = nil
	return nil
}

func (s *memStore) History(context.Context) ([]state.Version, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []state.Version
	for i := len(s.versions) - 2; i >= 0; i-- {
		v, err := state.Decode(s.versions[i])
		if err != nil {
			return nil, err
		}
		out = append(out, state.Version{Serial: v.Serial, Revision: v.Revision, Updated: v.Updated, Tool: v.Tool})
	}
	return out, nil
}

func (s *memStore) Restore(_ context.Context, serial uint64) (*state.State, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.holds(); err != nil {
		return nil, err
	}
	if serial == 0 || serial > uint64(len(s.versions)) {
		return nil, fmt.Errorf("restore: no version %d", serial)
	}
	have, err := s.stored()
	if err != nil {
		return nil, err
	}
	v, err := state.Decode(s.versions[serial-1])
	if err != nil {
		return nil, err
	}
	v.Revision = max(have.Revision, v.Revision) + 1
	v.AddEvent(s.clock.Now(), "state.restore", "", "")
	return v, s.keep(v)
}

// Break removes a lock; its holder finds out.
func (s *memStore) Break(_ context.Context, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held == nil || s.held.holder.ID != id {
		return errors.New("no such lock")
	}
	s.held.cancel(state.ErrLostLock)
	s.held = nil
	return nil
}
