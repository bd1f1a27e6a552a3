package executor

import (
	"context"
	"fmt"

	"bascule/migration"
	"bascule/planner"
	"bascule/state"
)

// Touch passes only the mailboxes on whose source something happened, between
// two ticks: before the switch as the reviewed configuration d says, after it
// as was approved then. Nothing is looked at or planned; when somebody else
// changed an object since base, it does nothing and says so with stale, and a
// tick is due.
func (e *Executor) Touch(ctx context.Context, d *migration.Desired, base *state.State, changes []Change) (r Result, stale bool) {
	t := &tick{Executor: e, tried: map[string]bool{}}
	defer func() { _ = t.session.release() }()
	stale, err := t.touch(ctx, d, base, changes)
	if e := t.session.release(); err == nil {
		err = e
	}
	t.result.State, t.result.Err = t.session.st, err
	t.result.conclude(nil, err)
	return t.result, stale
}

func (t *tick) touch(ctx context.Context, d *migration.Desired, base *state.State, changes []Change) (stale bool, err error) {
	t.session = t.newSession(lastPlan(base))
	locked, err := t.session.acquire(ctx)
	if err != nil {
		return false, err
	}
	st := t.session.st
	if st.Lineage != base.Lineage || st.Revision != base.Revision {
		return true, nil
	}
	t.importLimits(st)
	jobs, err := t.touched(d, st, changes)
	if err != nil || len(jobs) == 0 {
		return false, err
	}
	// Whoever asks meanwhile sees that something is behind.
	err = t.session.change(locked, func(st *state.State) {
		for _, c := range changes {
			if p := st.MailboxOf(c.Mailbox).Pass; p != nil {
				p.Behind += c.Behind
			}
		}
	})
	if err != nil {
		return false, err
	}
	_, err = t.runJobs(ctx, jobs, jobs[0].limits.Mailboxes)
	return false, err
}

// touched makes the passes.
func (t *tick) touched(d *migration.Desired, st *state.State, changes []Change) ([]job, error) {
	var jobs []job
	for _, c := range changes {
		var j job
		var err error
		if st.Switched() {
			j, err = pullJob(st, c.Mailbox)
		} else {
			j, err = t.mirrorJob(d, st, c.Mailbox)
		}
		if err != nil {
			return nil, err
		}
		jobs = append(jobs, j)
	}
	return jobs, nil
}

// mirrorJob is the pass of a mailbox before the switch, as the plan would make it.
func (t *tick) mirrorJob(d *migration.Desired, st *state.State, a migration.Address) (job, error) {
	s := planner.Step{Name: "sync", Address: a, Phase: migration.Sync, Progress: true, Action: planner.Action{Kind: planner.SyncMailbox, Mailbox: a, Sync: &planner.SyncParams{}}}
	j, err := jobFor(d.Sources, d.Targets, d.Mailboxes, s)
	if err != nil {
		return j, fmt.Errorf("watch: %w", err)
	}
	j.step.Action.Sync.AddOnly = j.mailbox.AddOnly
	j.sync, j.known = d.Settings.Sync, *st.MailboxOf(a)
	j.bound(planner.Input{Desired: d, State: st, Now: t.World.Clock.Now()}, &j.known)
	return j, nil
}

// lastPlan is the plan of the last execution: passes between ticks are its doing.
func lastPlan(st *state.State) string {
	if st.Switch != nil {
		return st.Switch.PlanID
	}
	if n := len(st.Executions); n > 0 {
		return st.Executions[n-1].PlanID
	}
	return ""
}
