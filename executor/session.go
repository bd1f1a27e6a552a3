package executor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"bascule/planner"
	"bascule/state"
)

// session is the executor's hold on the state: the lock while it is held, the
// state as last saved, and the chain of executions. Its methods are safe for
// several goroutines; record may be called from parallel passes.
type session struct {
	world  World
	holder state.Holder
	wait   time.Duration
	planID string
	// note tells a person of a lock that was taken over.
	note func(text string)

	mu     sync.Mutex
	st     *state.State
	unlock state.Unlock
	began  time.Time
}

// acquire takes the lock and loads the state. The context returned ends when
// the lock is lost.
func (s *session) acquire(ctx context.Context) (context.Context, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	locked, unlock, err := s.lockPatiently(ctx)
	if err != nil {
		return nil, err
	}
	st, err := s.world.Store.Load(ctx)
	if err != nil {
		_ = unlock()
		return nil, err
	}
	s.unlock, s.st = unlock, st
	if from, taken := state.TakenFrom(locked); taken && s.note != nil {
		s.note(fmt.Sprintf("the state lock of %s on %s (pid %d, %s) was taken over: its lease ended or its process is gone", from.Who, from.Host, from.PID, from.Operation))
	}
	return locked, nil
}

// lockPatiently waits for a lock somebody else holds, as long as it was told to.
func (s *session) lockPatiently(ctx context.Context) (context.Context, state.Unlock, error) {
	deadline := s.world.Clock.Now().Add(s.wait)
	for {
		locked, unlock, err := s.world.Store.Lock(ctx, s.holder)
		var held *state.LockedError
		if err == nil || !errors.As(err, &held) {
			return locked, unlock, err
		}
		next := s.world.Clock.Now().Add(time.Second)
		if next.After(deadline) {
			return nil, nil, err
		}
		if e := s.world.Clock.WaitUntil(ctx, next); e != nil {
			return nil, nil, e
		}
	}
}

// release gives the lock back; the state in memory is then for reading only.
func (s *session) release() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.unlock == nil {
		return nil
	}
	unlock := s.unlock
	s.unlock = nil
	return unlock()
}

// change applies f to the state and saves it.
func (s *session) change(ctx context.Context, f func(*state.State)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.unlock == nil {
		return errors.New("bug: the state is changed without its lock")
	}
	s.world.tap("state:before")
	from := s.st.Revision
	f(s.st)
	s.chain(from)
	// A run that is being stopped still records what it did: the lock is
	// checked by the store whatever became of the context.
	if err := s.world.Store.Save(context.WithoutCancel(ctx), s.st); err != nil {
		return fmt.Errorf("save state: %w", err)
	}
	s.world.tap("state:after")
	return nil
}

// chain keeps the record of executions: successive runs of one plan by one
// holder are one entry, unless something else raised the revision in between.
func (s *session) chain(from uint64) {
	now := s.world.Clock.Now()
	if n := len(s.st.Executions); n > 0 {
		if last := &s.st.Executions[n-1]; last.PlanID == s.planID && last.Who == s.holder.Who && last.To == from {
			last.To, last.Ended = s.st.Revision, now
			return
		}
	}
	s.st.Executions = append(s.st.Executions, state.Execution{
		PlanID: s.planID, Began: s.began, Ended: now, Who: s.holder.Who, From: from, To: s.st.Revision,
	})
}

// begin marks a step before it acts. A mark that is there already stays: its
// before-image is the true one.
func (s *session) begin(ctx context.Context, step planner.Step, before json.RawMessage) error {
	if _, marked := s.st.Marked(step.Key()); marked {
		return nil
	}
	return s.change(ctx, func(st *state.State) {
		st.InFlight = append(st.InFlight, state.Mark{Key: step.Key(), PlanID: s.planID, At: s.world.Clock.Now(), Before: before})
	})
}

// record writes what a step did, and takes its mark away.
func (s *session) record(ctx context.Context, step planner.Step, out outcome) error {
	return s.change(ctx, func(st *state.State) {
		now := s.world.Clock.Now()
		o := st.Object(step.Address)
		mark, marked := st.Marked(step.Key())
		if out.done {
			if o.Done == nil {
				o.Done = map[string]state.Done{}
			}
			d := state.Done{At: now, PlanID: s.planID, Before: out.before, After: out.after}
			if marked && len(mark.Before) > 0 {
				d.Before = mark.Before
			}
			o.Done[step.Name] = d
		}
		for _, name := range step.Clears {
			delete(o.Done, name)
			unmark(st, planner.StepKey(step.Address, name)) // begun and never recorded: as little to be believed
		}
		switch {
		case out.failed != nil:
			o.Failure = failureAt(now, step, out.failed)
		case out.clearsFailure || o.Failure != nil && o.Failure.Step == step.Name:
			o.Failure = nil
		}
		if out.change != nil {
			out.change(st, now)
		}
		// What a person was asked to do keeps its mark: the image of what was
		// there before must outlive the moment they do it.
		if out.done || step.Action.Manual == nil {
			unmark(st, step.Key())
		}
		if step.Revises && out.done {
			st.Revision++
		}
	})
}

// fail writes why a step did not work. The mark stays unless the refusal is
// certain: then nothing happened.
func (s *session) fail(ctx context.Context, step planner.Step, err error, certain bool) error {
	return s.change(ctx, func(st *state.State) {
		st.Object(step.Address).Failure = failureAt(s.world.Clock.Now(), step, err)
		if certain {
			unmark(st, step.Key())
		}
	})
}

func failureAt(now time.Time, step planner.Step, err error) *state.Failure {
	return &state.Failure{At: now, Step: step.Name, Text: err.Error(), Temporary: temporary(err)}
}

func unmark(st *state.State, key string) {
	kept := st.InFlight[:0]
	for _, m := range st.InFlight {
		if m.Key != key {
			kept = append(kept, m)
		}
	}
	st.InFlight = kept
}

// outcome is what an action brought.
type outcome struct {
	// done is false for a step that is still to be done: a person has not
	// acted, a pass was incomplete.
	done          bool
	before, after json.RawMessage
	// clearsFailure takes any failure of the object away.
	clearsFailure bool
	// change is applied to the state together with the record.
	change func(st *state.State, now time.Time)
	// text says what happened, for people.
	text string
	// failed carries what went wrong inside a step that went on.
	failed error
}
