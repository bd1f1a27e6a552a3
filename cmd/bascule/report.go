package main

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"bascule/executor"
	"bascule/internal/clock"
	"bascule/internal/view"
	"bascule/migration"
	"bascule/planner"
	"bascule/state"
)

// reporter turns what the executor tells into what a person or a machine reads.
type reporter struct {
	to view.Reporter
	// every is true where machines read: people are spared the beginning of
	// what is done a moment later.
	every bool

	mu     sync.Mutex
	counts map[migration.Address]executor.Progress
}

func (a *app) reporter(asJSON bool) *reporter {
	r := &reporter{counts: map[migration.Address]executor.Progress{}}
	if asJSON {
		r.to, r.every = view.NewJSON(a.Stdout, version, a.Clock.Now()), true
		return r
	}
	r.to = view.NewReporter(a.Stderr, a.errStyle())
	return r
}

// Step implements executor.Reporter.
func (r *reporter) Step(e executor.Event) {
	level := view.Info
	switch e.Kind {
	case "failed":
		level = view.Error
	case "note":
		level = view.Warn
	case "begin":
		if !e.Long && !r.every {
			return
		}
	}
	begins := e.Kind == "begin"
	if e.Kind == "done" || e.Kind == "failed" {
		r.to.Progress(view.ProgressUpdate{At: clock.Monotonic(), Mailbox: e.Address, Ended: true})
	}
	r.to.Event(view.Event{At: e.At, Level: level, Name: "step_" + e.Kind, Address: e.Address, StepID: e.Step, Text: e.Text, Begins: begins})
}

// Progress implements executor.Reporter.
func (r *reporter) Progress(p executor.Progress) {
	r.mu.Lock()
	r.counts[p.Mailbox] = p
	r.mu.Unlock()
	r.to.Progress(view.ProgressUpdate{At: clock.Monotonic(), Mailbox: p.Mailbox, Folder: p.Folder, Done: int64(p.Done), Total: int64(p.Total), Bytes: p.Bytes})
}

func (r *reporter) messages() int64 {
	return r.sum(func(p executor.Progress) int64 { return int64(p.Done) })
}
func (r *reporter) bytes() int64 {
	return r.sum(func(p executor.Progress) int64 { return p.Bytes })
}

func (r *reporter) sum(of func(executor.Progress) int64) (n int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.counts {
		n += of(p)
	}
	return n
}

func (r *reporter) close() { r.to.Close() }

// summary is the last line of the JSON stream.
func (r *reporter) summary(res executor.Result, now time.Time) {
	fields := map[string]string{"status": res.Status, "gate": res.Gate, "phase": res.Phase.String(), "plan_id": res.PlanID, "applied": strings.Join(res.Applied, " ")}
	r.to.Event(view.Event{At: now, Level: view.Info, Name: "apply_result", Text: res.Status, Fields: fields})
}

// showFindings shows what a tick found wrong, and what ended it. An
// interruption is no error, and a refusal is told by the summary, as failed
// steps are.
func (a *app) showFindings(r executor.Result) {
	var refused *executor.RefusedError
	found := slices.Clone(r.Diags)
	if r.Err != nil && !errors.Is(r.Err, executor.ErrInterrupted) && !errors.As(r.Err, &refused) {
		found = append(found, problem(r.Err))
	}
	a.show(a.explain(found))
}

// keyParts splits the key of a step; an address may hold a slash, a step's
// name does not.
func keyParts(key string) (address, step string) {
	i := strings.LastIndex(key, "/")
	return key[:max(i, 0)], key[i+1:]
}

// failures names what went wrong with which object.
func failures(r executor.Result) []view.Failure {
	var out []view.Failure
	for i, key := range r.Failed {
		address, step := keyParts(key)
		d := r.Failures[i]
		text := strings.TrimSpace(strings.TrimPrefix(d.Summary, step+": ") + "\n" + d.Detail)
		out = append(out, view.Failure{Address: migration.Address(address), Step: step, Text: text, Retried: true})
	}
	return out
}

// resultJSON is the document of --result.
func resultJSON(r executor.Result) ([]byte, error) {
	doc, err := json.MarshalIndent(r, "", "  ")
	return append(doc, '\n'), err
}

// pending are the steps that say what comes next, without what they change:
// all that is ready or waits for its time, and the first that a gate holds back.
func pending(steps []planner.Step) []planner.Step {
	var out []planner.Step
	gated := false
	for _, s := range steps {
		if s.Status == planner.Stopped || s.Status == planner.Gated && gated {
			continue
		}
		gated = gated || s.Status == planner.Gated
		slim := planner.Step{ID: s.ID, Name: s.Name, Address: s.Address, Phase: s.Phase, Status: s.Status, NotBefore: s.NotBefore, Gates: s.Gates}
		slim.Action.Kind, slim.Action.Manual = s.Action.Kind, s.Action.Manual
		out = append(out, slim)
	}
	return out
}

// keepLast writes the last tick into the state, for status. It is a heartbeat:
// when somebody else holds the lock, theirs will do.
func (a *app) keepLast(ctx context.Context, r executor.Result) {
	if r.Plan == nil || r.State == nil {
		return
	}
	ctx = context.WithoutCancel(ctx)
	locked, unlock, err := a.store.Lock(ctx, a.holder("apply"))
	if err != nil {
		return
	}
	defer func() { _ = unlock() }()
	st, err := a.store.Load(locked)
	if err != nil {
		return
	}
	slim := *r.Plan
	slim.Steps, slim.Notes = pending(r.Plan.Steps), nil
	doc, err := json.Marshal(slim)
	if err != nil {
		return
	}
	in := planner.Input{Desired: a.desired, State: st, Observed: &migration.Observed{}, Now: a.Clock.Now()}
	st.Last = &state.Tick{
		At: in.Now, ExitCode: r.ExitCode, Gate: r.Gate, ResumeAfter: r.ResumeAfter, Plan: doc, Rollback: planner.RollbackText(in),
	}
	_ = a.store.Save(locked, st)
}
