package executor

import (
	"errors"
	"fmt"
	"time"

	"bascule/internal/diag"
	"bascule/migration"
	"bascule/planner"
	"bascule/state"
)

// Exit codes of a tick (the table of `bascule apply --help`).
const (
	ExitDone        = 0
	ExitError       = 1
	ExitPaused      = 3
	ExitPerson      = 4
	ExitConflict    = 5
	ExitEvidence    = 7
	ExitLocked      = 8
	ExitPartial     = 9
	ExitInterrupted = 130
)

// Result is what a tick came to.
type Result struct {
	// Status is "done", "paused", "partial", "refused", "failed" or "interrupted".
	Status   string          `json:"status"`
	ExitCode int             `json:"exit_code"`
	Phase    migration.Phase `json:"phase"`
	// Gate is the first gate that is not open, "" when none holds anything back.
	Gate        string    `json:"gate,omitempty"`
	ResumeAfter time.Time `json:"resume_after,omitzero"`
	PlanID      string    `json:"plan_id"`
	Applied     []string  `json:"applied"`
	Remaining   int       `json:"remaining"`
	Failed      []string  `json:"failed,omitempty"`
	// Refusal explains exit 5: what was reviewed and what would be done now;
	// and exit 7 and 9 where a safety limit held, or messages were refused.
	Refusal []string `json:"refusal,omitempty"`
	// Refused says where messages were refused that nobody accepted.
	Refused []string `json:"refused,omitempty"`
	// Spared are the deletions that a safety limit did not let through.
	Spared []Spared `json:"spared,omitempty"`
	// Person lists what somebody is asked to do.
	Person []string `json:"person,omitempty"`

	// Plan is the last plan made, State what it left behind.
	Plan  *planner.Plan `json:"-"`
	State *state.State  `json:"-"`
	Diags diag.List     `json:"-"`
	// Failures tell of Failed, in the same order.
	Failures diag.List `json:"-"`
	// Err ended the tick early; what failed for one object is in Failures.
	Err error `json:"-"`
}

// RefusedError is a plan that may not be applied to what is there.
type RefusedError struct{ Reasons []string }

func (e *RefusedError) Error() string {
	if len(e.Reasons) == 0 {
		return "the plan was refused"
	}
	return e.Reasons[0]
}

// conclude turns what happened into a status and an exit code.
func (r *Result) conclude(p *planner.Plan, err error) {
	r.Plan = p
	if p != nil {
		r.Phase, r.Remaining = p.Phase, len(p.Steps)
		r.pause(p)
	}
	var refused *RefusedError
	var locked *state.LockedError
	switch {
	case errors.As(err, &refused):
		r.Status, r.ExitCode, r.Refusal = "refused", ExitConflict, refused.Reasons
	case errors.As(err, &locked):
		r.Status, r.ExitCode = "refused", ExitLocked
	case errors.Is(err, ErrInterrupted):
		r.Status, r.ExitCode = "interrupted", ExitInterrupted
	case err != nil:
		r.Status, r.ExitCode = "failed", ExitError
	case p != nil && len(p.Conflicts()) > 0:
		r.Status, r.ExitCode = "refused", ExitConflict
		for _, d := range p.Conflicts() {
			r.Refusal = append(r.Refusal, driftText(d))
		}
	case r.broken(p):
		r.Status, r.ExitCode = "failed", ExitError
	case len(r.Spared) > 0:
		r.Status, r.ExitCode = "refused", ExitEvidence
		for _, s := range r.Spared {
			r.Refusal = append(r.Refusal, fmt.Sprintf("%s: %s", s.Mailbox, s.Rule))
		}
	case len(r.Failed) > 0 || p != nil && !p.Complete:
		r.Status, r.ExitCode = "partial", ExitPartial
	case len(r.Refused) > 0:
		r.Status, r.ExitCode, r.Refusal = "partial", ExitPartial, r.Refused
	case p != nil && p.Finished:
		r.Status, r.ExitCode = "done", ExitDone
	case r.Gate != "" && gateFailed(p, r.Gate):
		r.Status, r.ExitCode = "paused", ExitEvidence
	default:
		r.Status, r.ExitCode = "paused", ExitDone
	}
}

// broken reports whether something other than a mailbox failed: that stops
// the migration, not one person's part of it.
func (r *Result) broken(p *planner.Plan) bool {
	for _, key := range r.Failed {
		if migration.Address(key).Kind() != "mailbox" {
			return true
		}
	}
	return false
}

// pause finds the gate, or the time, that the next move waits for: when the
// gate opens, or else when the next thing is due.
func (r *Result) pause(p *planner.Plan) {
	var due time.Time
	for _, s := range p.Steps {
		for _, id := range s.Gates {
			if g, ok := p.Gate(id); ok && g.Status != planner.Open && r.Gate == "" && s.Status == planner.Gated {
				r.Gate, r.ResumeAfter = g.ID, g.OpensAt
			}
		}
		if s.Status == planner.Waiting && s.NotBefore.After(p.Created) && (due.IsZero() || s.NotBefore.Before(due)) {
			due = s.NotBefore
		}
		if s.Action.Manual != nil && (s.Status == planner.Ready || s.Status == planner.Waiting && s.NotBefore.After(p.Created)) {
			r.Person = append(r.Person, s.Key())
		}
	}
	if r.ResumeAfter.IsZero() {
		r.ResumeAfter = due
	}
}

func gateFailed(p *planner.Plan, id string) bool {
	g, ok := p.Gate(id)
	return ok && g.Status == planner.GateFailed
}

// Detailed maps a pause to exit 3 (until a known time) or 4 (for a person).
func (r Result) Detailed() int {
	if r.ExitCode != ExitDone || r.Status != "paused" || r.Plan == nil {
		return r.ExitCode
	}
	g, ok := r.Plan.Gate(r.Gate)
	switch {
	case len(r.Person) > 0, ok && (g.Status == planner.Person || g.Status == planner.Inconclusive):
		return ExitPerson
	case !r.ResumeAfter.IsZero():
		return ExitPaused
	default:
		return ExitPerson
	}
}
