package executor

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"bascule/planner"
	"bascule/state"
)

// gated is a plan that waits at one gate.
func gated(status planner.GateStatus, opens time.Time) *planner.Plan {
	return &planner.Plan{
		Complete: true, Created: monday, Gates: []planner.Gate{{ID: "g", Status: status, OpensAt: opens}},
		Steps: []planner.Step{
			{Name: "sync", Address: alice, Status: planner.Waiting, NotBefore: monday.Add(10 * time.Minute)},
			{Name: "switch", Address: planner.Root, Status: planner.Gated, Gates: []string{"g"}},
		},
	}
}

func TestEverySituationHasItsExitCode(t *testing.T) {
	plain := func() *planner.Plan { return &planner.Plan{Complete: true, Created: monday} }
	with := func(p *planner.Plan, f func(*planner.Plan)) *planner.Plan { f(p); return p }
	for name, tt := range map[string]struct {
		plan           *planner.Plan
		failed         []string
		err            error
		status         string
		exit, detailed int
	}{
		"the end":            {plan: with(plain(), func(p *planner.Plan) { p.Finished = true }), status: "done"},
		"a gate with a time": {plan: gated(planner.Closed, saturday), status: "paused", detailed: ExitPaused},
		"a gate without a time, and a pass is due": {plan: gated(planner.Closed, time.Time{}), status: "paused", detailed: ExitPaused},
		"a gate for a person":                      {plan: gated(planner.Person, time.Time{}), status: "paused", detailed: ExitPerson},
		"nobody could tell":                        {plan: gated(planner.Inconclusive, time.Time{}), status: "paused", detailed: ExitPerson},
		"the evidence says no":                     {plan: gated(planner.GateFailed, time.Time{}), status: "paused", exit: ExitEvidence, detailed: ExitEvidence},
		"a person is asked": {plan: with(plain(), func(p *planner.Plan) {
			p.Steps = []planner.Step{{Name: "create", Address: alice, Status: planner.Ready, Action: planner.Action{Manual: &planner.Manual{}}}}
		}), status: "paused", detailed: ExitPerson},
		"an error":                  {err: errors.New("no"), status: "failed", exit: ExitError, detailed: ExitError},
		"an error after a plan":     {plan: plain(), err: errors.New("no"), status: "failed", exit: ExitError, detailed: ExitError},
		"a refused plan":            {plan: plain(), err: fmt.Errorf("x: %w", &RefusedError{[]string{"stale"}}), status: "refused", exit: ExitConflict, detailed: ExitConflict},
		"a conflict in the plan":    {plan: with(plain(), func(p *planner.Plan) { p.Drift = []planner.Drift{{Address: dom, Conflict: true}} }), status: "refused", exit: ExitConflict, detailed: ExitConflict},
		"a drift of no consequence": {plan: with(plain(), func(p *planner.Plan) { p.Drift = []planner.Drift{{Address: dom}} }), status: "paused", detailed: ExitPerson},
		"a locked state":            {err: &state.LockedError{}, status: "refused", exit: ExitLocked, detailed: ExitLocked},
		"a lock that was lost":      {err: state.ErrLostLock, status: "failed", exit: ExitError, detailed: ExitError},
		"interrupted":               {plan: plain(), err: ErrInterrupted, status: "interrupted", exit: ExitInterrupted, detailed: ExitInterrupted},
		"a mailbox failed":          {plan: gated(planner.Closed, saturday), failed: []string{string(alice) + "/sync"}, status: "partial", exit: ExitPartial, detailed: ExitPartial},
		"something else failed":     {plan: gated(planner.Closed, saturday), failed: []string{string(alice) + "/sync", "domain.main/mx.add"}, status: "failed", exit: ExitError, detailed: ExitError},
		"a mailbox was not seen":    {plan: with(plain(), func(p *planner.Plan) { p.Complete = false }), status: "partial", exit: ExitPartial, detailed: ExitPartial},
		"a conflict and a failure":  {plan: with(plain(), func(p *planner.Plan) { p.Drift = []planner.Drift{{Address: dom, Conflict: true}} }), failed: []string{string(alice) + "/sync"}, status: "refused", exit: ExitConflict, detailed: ExitConflict},
		"passes without a plan":     {status: "paused"},
	} {
		t.Run(name, func(t *testing.T) {
			r := Result{Failed: tt.failed}
			r.conclude(tt.plan, tt.err)
			if r.Status != tt.status || r.ExitCode != tt.exit || r.Detailed() != tt.detailed {
				t.Errorf("%s, exit %d, detailed %d; want %s, %d, %d", r.Status, r.ExitCode, r.Detailed(), tt.status, tt.exit, tt.detailed)
			}
		})
	}
}

func TestAPauseTellsWhenToComeBack(t *testing.T) {
	var r Result
	r.conclude(gated(planner.Closed, saturday), nil)
	if r.Gate != "g" || !r.ResumeAfter.Equal(saturday) || r.Remaining != 2 {
		t.Errorf("%+v", r)
	}
	r = Result{}
	r.conclude(gated(planner.Closed, time.Time{}), nil)
	if !r.ResumeAfter.Equal(monday.Add(10 * time.Minute)) {
		t.Errorf("resume after %s", r.ResumeAfter)
	}
}

func TestAReviewedPlanContinuesOnlyItsOwnWork(t *testing.T) {
	const mine, other = "sha256:mine", "sha256:other"
	run := func(plan string, from, to uint64) state.Execution {
		return state.Execution{PlanID: plan, From: from, To: to, Who: "anna"}
	}
	for name, tt := range map[string]struct {
		base, now uint64
		chain     []state.Execution
		refused   bool
	}{
		"nothing happened":                        {base: 3, now: 3},
		"its own run":                             {base: 3, now: 5, chain: []state.Execution{run(mine, 3, 5)}},
		"its own runs":                            {base: 3, now: 8, chain: []state.Execution{run(mine, 3, 5), run(mine, 5, 8)}},
		"runs of others before it was made":       {base: 3, now: 5, chain: []state.Execution{run(other, 0, 3), run(mine, 3, 5)}},
		"others looked and changed nothing":       {base: 3, now: 5, chain: []state.Execution{run(mine, 3, 4), run(other, 4, 4), run(mine, 4, 5)}},
		"another plan changed something":          {base: 3, now: 4, chain: []state.Execution{run(other, 3, 4)}, refused: true},
		"another plan came in between":            {base: 3, now: 6, chain: []state.Execution{run(mine, 3, 4), run(other, 4, 5), run(mine, 5, 6)}, refused: true},
		"an older state was put back":             {base: 3, now: 2, refused: true},
		"a restore raised the revision":           {base: 3, now: 4, refused: true},
		"a restore after its own run":             {base: 3, now: 6, chain: []state.Execution{run(mine, 3, 5)}, refused: true},
		"a restore between its own runs":          {base: 3, now: 7, chain: []state.Execution{run(mine, 3, 4), run(mine, 6, 7)}, refused: true},
		"an execution that began before the plan": {base: 3, now: 5, chain: []state.Execution{run(mine, 1, 5)}},
	} {
		t.Run(name, func(t *testing.T) {
			p := &planner.Plan{ID: mine, Base: planner.Base{Revision: tt.base}}
			err := continues(p, &state.State{Revision: tt.now, Executions: tt.chain})
			if (err != nil) != tt.refused {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestAPlanIsRefusedWhereItDoesNotBelong(t *testing.T) {
	for name, change := range map[string]func(w *world, p *planner.Plan, e *Executor){
		"another lineage":          func(w *world, p *planner.Plan, _ *Executor) { p.Base.Lineage = "x" },
		"an altered plan":          func(w *world, p *planner.Plan, _ *Executor) { p.Steps[0].After = planner.Lines("x") },
		"a forward plan, led back": func(w *world, p *planner.Plan, e *Executor) { e.Mode = planner.Rollback },
		"an edited configuration":  func(w *world, p *planner.Plan, _ *Executor) { w.desired.Digest = "edited" },
		"a step nobody reviewed":   func(w *world, p *planner.Plan, _ *Executor) { w.desired.Aliases[0].To = []string{"bob@example.ch"} },
		"a step that was reviewed otherwise": func(w *world, p *planner.Plan, _ *Executor) {
			w.publish("example.ch", "MX", 7200, "10 mx.old.example.")
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := company(t)
			p := w.plan()
			serial := w.state().Serial
			r := w.run(reviewed(p), func(e *Executor) { change(w, p, e) })
			if r.ExitCode != ExitConflict || len(r.Refusal) == 0 {
				t.Fatalf("exit %d %s %v", r.ExitCode, r.Status, r.Err)
			}
			if len(w.writes) > 0 || w.service.Writes() > 0 || w.messages(alice) > 0 || w.state().Serial != serial {
				t.Error("something was written all the same")
			}
		})
	}
}

func TestTheChainOfExecutionsNamesWhoDidWhat(t *testing.T) {
	w := company(t)
	p := w.plan()
	w.run(reviewed(p))
	w.clock.Advance(time.Hour)
	w.run(reviewed(p))
	if x := w.state().Executions; len(x) != 1 || x[0].PlanID != p.ID || x[0].Who != "anna" || x[0].To != w.state().Revision || !x[0].Ended.After(x[0].Began) {
		t.Errorf("one plan by one person is %d executions: %+v", len(x), x)
	}
	w.who = "bea"
	w.clock.Advance(time.Hour)
	w.run(reviewed(p))
	x := w.state().Executions
	if len(x) != 2 || x[1].Who != "bea" || x[1].From != x[0].To {
		t.Errorf("%+v", x)
	}
	if !slices.IsSortedFunc(x, func(a, b state.Execution) int { return int(a.To) - int(b.To) }) {
		t.Errorf("out of order: %+v", x)
	}
}
