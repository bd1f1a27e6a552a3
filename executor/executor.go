package executor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"bascule/internal/retry"
	"bascule/migration"
	"bascule/planner"
	"bascule/providers"
	"bascule/state"
)

// ErrInterrupted: the run was asked to stop, and stopped at a safe place.
var ErrInterrupted = errors.New("interrupted")

// maxRounds bounds how often a tick looks and plans again; each round does at
// least one step that was not tried before, so this is never reached in use.
const maxRounds = 1000

// Executor runs ticks.
type Executor struct {
	World  World
	Report Reporter
	// Who runs it, for the lock and the chain of executions.
	Holder state.Holder
	// LockTimeout is how long to wait for a lock somebody else holds.
	LockTimeout time.Duration
	// Reviewed is the plan that was saved and reviewed; nil plans freely.
	Reviewed *planner.Plan
	// Mode chooses the way forward or back.
	Mode planner.Mode
	// Until is the last phase of which steps are done (inclusive); 0 for all.
	Until migration.Phase
	// Stop, when closed, ends the run at the next safe place: the first Ctrl-C.
	Stop <-chan struct{}
	// StopGrace is what a pass gets to finish the message in hand; 0 means 3 s.
	StopGrace time.Duration
	// Only, when not nil, limits the steps that are done.
	Only func(planner.Step) bool
}

// Run is one tick.
func (e *Executor) Run(ctx context.Context) Result {
	t := &tick{Executor: e, tried: map[string]bool{}}
	t.result.Applied, t.result.Failed = []string{}, nil
	defer func() { _ = t.session.release() }() // a panic must not leave the lock behind
	plan, err := t.run(ctx)
	if e := t.session.release(); err == nil && e != nil {
		err = fmt.Errorf("release the state lock: %w", e)
	}
	t.result.State = t.session.st
	t.result.Err = err
	t.result.conclude(plan, err)
	return t.result
}

// tick is one run.
type tick struct {
	*Executor
	session session
	result  Result
	tried   map[string]bool
	// resumed is true while a step is done that an earlier run had begun.
	resumed bool
	mu      sync.Mutex
}

func (t *tick) run(ctx context.Context) (*planner.Plan, error) {
	t.session = t.newSession("")
	if t.Reviewed != nil {
		t.session.planID, t.result.PlanID = t.Reviewed.ID, t.Reviewed.ID
	}
	locked, err := t.session.acquire(ctx)
	if err != nil {
		return nil, err
	}
	if err := checkClock(t.session.st, t.World.Clock.Now()); err != nil {
		return nil, err
	}
	t.importLimits(t.session.st)
	if locked, err = t.pull(ctx, locked); err != nil {
		return nil, err
	}
	return t.rounds(ctx, locked)
}

// newSession is the hold on the state of one run.
func (t *tick) newSession(planID string) session {
	now := t.World.Clock.Now()
	return session{world: t.World, holder: t.Holder, wait: t.LockTimeout, planID: planID, began: now, note: func(text string) {
		t.Report.Step(Event{At: now, Kind: "note", Text: text})
	}}
}

// rounds looks, plans, and does what is ready, until nothing is.
func (t *tick) rounds(ctx, locked context.Context) (*planner.Plan, error) {
	var plan *planner.Plan
	for range maxRounds {
		// The lock was given back during the passes: somebody else may have
		// moved the state on since the last round.
		if err := t.checkBase(); err != nil {
			return plan, err
		}
		in, fresh, err := t.plan(locked)
		if err != nil {
			return plan, err
		}
		plan = fresh
		batch := t.batch(fresh)
		if len(batch) == 0 || len(fresh.Conflicts()) > 0 {
			return plan, nil
		}
		if err := t.stopped(); err != nil {
			return plan, err
		}
		if locked, err = t.do(ctx, locked, in, batch); err != nil {
			return plan, err
		}
	}
	return plan, errors.New("bug: the plan never ends")
}

// plan looks at the world and plans afresh; a plan that the reviewed one does
// not cover is refused.
func (t *tick) plan(ctx context.Context) (planner.Input, *planner.Plan, error) {
	in, diags, err := t.World.Look(ctx, t.session.st)
	if err != nil {
		return in, nil, err
	}
	if diags.HasErrors() {
		t.result.Diags = diags
		return in, nil, errors.New("the configuration does not hold with what was observed")
	}
	make := planner.Make
	if t.Mode == planner.Rollback {
		make = planner.MakeRollback
	}
	fresh, found := make(in)
	t.result.Diags = append(diags, found...)
	t.result.Refused = planner.Unaccepted(in)
	if t.session.planID == "" {
		t.session.planID, t.result.PlanID = fresh.ID, fresh.ID
	}
	if err := checkCovered(t.Reviewed, fresh); err != nil {
		return in, fresh, err
	}
	if found.HasErrors() && len(fresh.Conflicts()) == 0 {
		return in, fresh, errors.New("the plan has errors")
	}
	return in, fresh, nil
}

// batch picks the steps to do in this round: all passes and comparisons that
// are ready, which run side by side; or all that prepare people alike, one
// after the other; or else the first other step alone, so that the world is
// looked at again after it.
func (t *tick) batch(p *planner.Plan) []planner.Step {
	var batch []planner.Step
	for _, s := range p.Ready() {
		switch {
		case t.tried[s.Key()] || t.Until != 0 && s.Phase > t.Until || t.Only != nil && !t.Only(s):
		case len(batch) == 0 && !sideBySide(s) && !alike(s):
			return []planner.Step{s}
		case len(batch) == 0, sideBySide(s) && sideBySide(batch[0]), alike(s) && s.Action.Kind == batch[0].Action.Kind:
			batch = append(batch, s)
		}
	}
	return batch
}

// alike steps come one per person or check. They do not touch one another and
// prove what they did themselves, so a company of hundreds is not looked at
// anew after each.
func alike(s planner.Step) bool {
	switch s.Action.Kind {
	case planner.CreateAccount, planner.AdoptAccount, planner.SetAlias, planner.PinIdentity, planner.ProbeTarget, planner.WriteKit, planner.CheckDomain:
		return true
	}
	return false
}

// sideBySide steps concern one mailbox only and take long.
func sideBySide(s planner.Step) bool {
	return s.Action.Kind == planner.SyncMailbox || s.Action.Kind == planner.VerifyMailbox
}

// do carries out a batch. Passes hold the lease of their mailbox, not the lock
// of the state, so that a person can hold the migration meanwhile.
func (t *tick) do(ctx, locked context.Context, in planner.Input, batch []planner.Step) (context.Context, error) {
	for _, s := range batch {
		t.tried[s.Key()] = true
	}
	if sideBySide(batch[0]) {
		return t.passes(ctx, locked, in, batch)
	}
	for _, s := range batch {
		if err := t.one(locked, in, s); err != nil {
			return locked, err
		}
		if err := t.stopped(); err != nil {
			return locked, err
		}
	}
	return locked, nil
}

// one does a single step: mark, act, record.
func (t *tick) one(ctx context.Context, in planner.Input, s planner.Step) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	t.event("begin", s, describe(s))
	_, t.resumed = t.session.st.Marked(s.Key())
	if s.Revises {
		if err := t.session.begin(ctx, s, beforeImage(in, s)); err != nil {
			return err
		}
	}
	t.World.tap("act:" + s.Phase.String() + ":before:" + s.Name)
	out, err := t.act(ctx, in, s)
	t.World.tap("act:" + s.Phase.String() + ":after:" + s.Name)
	if err != nil {
		return t.failed(ctx, s, err)
	}
	if err := t.session.record(ctx, s, out); err != nil {
		return err
	}
	t.finished(s, out)
	return nil
}

// failed records a failure. A step of a mailbox fails alone; what else fails
// is told in the result. Only a lost lock, an interruption, or a conflict ends
// the tick. What this try was told says nothing of an earlier one, whose fate
// is unknown: its mark stays.
func (t *tick) failed(ctx context.Context, s planner.Step, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	t.event("failed", s, err.Error())
	t.mu.Lock()
	t.result.Failed = append(t.result.Failed, s.Key())
	t.result.Failures.Errorf(string(s.Address), s.Name+": "+firstLine(err), "%s", rest(err))
	t.mu.Unlock()
	if e := t.session.fail(ctx, s, err, certain(err) && !t.resumed); e != nil {
		return e
	}
	if refused := (*RefusedError)(nil); errors.As(err, &refused) {
		return err
	}
	return nil
}

// finished reports a step that was recorded.
func (t *tick) finished(s planner.Step, out outcome) {
	t.mu.Lock()
	defer t.mu.Unlock()
	kind := "done"
	if out.failed != nil {
		t.result.Failed = append(t.result.Failed, s.Key())
		t.result.Failures.Warnf(string(s.Address), s.Name+": "+firstLine(out.failed), "%s", rest(out.failed))
		if spared := (Spared{}); errors.As(out.failed, &spared) {
			t.result.Spared = append(t.result.Spared, spared)
		}
		kind = "failed"
	}
	if out.done && s.Revises {
		t.result.Applied = append(t.result.Applied, s.Key())
	}
	t.Report.Step(Event{At: t.World.Clock.Now(), Kind: kind, Step: s.Name, Phase: s.Phase, Address: s.Address, Text: out.text, Long: sideBySide(s)})
}

func (t *tick) event(kind string, s planner.Step, text string) {
	t.Report.Step(Event{At: t.World.Clock.Now(), Kind: kind, Step: s.Name, Phase: s.Phase, Address: s.Address, Text: text, Long: sideBySide(s)})
}

// stopped reports the first Ctrl-C.
func (t *tick) stopped() error {
	select {
	case <-t.Stop:
		return ErrInterrupted
	default:
		return nil
	}
}

// certain reports whether an error means that nothing happened: a refusal for
// good. Anything that may go away, or whose fate is unknown, keeps its mark.
func certain(err error) bool {
	if refused := (*RefusedError)(nil); errors.As(err, &refused) {
		return true
	}
	for _, sure := range []error{providers.ErrRefused, providers.ErrAuth, providers.ErrNotFound, providers.ErrExists} {
		if errors.Is(err, sure) {
			return true
		}
	}
	return false
}

func temporary(err error) bool { return retry.IsTemporary(err) }

// checkClock refuses to work before the last recorded event: a clock that was
// set back would open no gate too early, but would close them again.
func checkClock(s *state.State, now time.Time) error {
	if n := len(s.Events); n > 0 {
		if last := s.Events[n-1].At; now.Add(5 * time.Minute).Before(last) {
			return fmt.Errorf("this machine's clock says %s, but the state was written at %s; set the clock right", now.Format(time.RFC3339), last.Format(time.RFC3339))
		}
	}
	return nil
}

func describe(s planner.Step) string {
	if len(s.After.Lines) > 0 {
		return s.After.Lines[0]
	}
	return s.Reason
}

// server finds a source or target block.
func server(list []migration.Server, a migration.Address) (migration.Server, error) {
	i := slices.IndexFunc(list, func(s migration.Server) bool { return s.Address == a })
	if i < 0 {
		return migration.Server{}, fmt.Errorf("%s is not declared", a)
	}
	return list[i], nil
}
