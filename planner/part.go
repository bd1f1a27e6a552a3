package planner

import (
	"slices"
	"time"

	"bascule/internal/diag"
	"bascule/migration"
)

// part is what one phase adds to the plan.
type part struct {
	steps   []Step
	gates   []Gate
	drift   []Drift
	blocked []Blocked
	notes   []Note
	diags   diag.List
}

func (p *part) add(q part) {
	p.steps = append(p.steps, q.steps...)
	p.gates = append(p.gates, q.gates...)
	p.drift = append(p.drift, q.drift...)
	p.blocked = append(p.blocked, q.blocked...)
	p.notes = append(p.notes, q.notes...)
	p.diags = append(p.diags, q.diags...)
}

// keysOf returns the keys of the steps that satisfy a condition.
func keysOf(steps []Step, want func(Step) bool) []string {
	var keys []string
	for _, s := range steps {
		if want(s) {
			keys = append(keys, s.Key())
		}
	}
	return keys
}

// without returns the ids but one.
func without(ids []string, gone string) []string {
	return slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return id == gone })
}

// retryAt is when something that failed, or that a person was asked to do, is
// looked at again: one sync interval after the last look.
func (in Input) retryAt(a migration.Address, step string) time.Time {
	e, ok := in.evidence(a, "manual:"+step)
	if !ok {
		return time.Time{}
	}
	return e.At.Add(in.Desired.Settings.Sync.Every)
}
