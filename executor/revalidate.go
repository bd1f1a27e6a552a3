package executor

import (
	"fmt"
	"strings"

	"bascule/planner"
	"bascule/state"
)

// checkBase accepts a reviewed plan for this state: same lineage, and either
// the same revision, or every revision since was made by this same plan.
func (t *tick) checkBase() error {
	p, s := t.Reviewed, t.session.st
	if p == nil {
		return nil
	}
	if err := p.Verify(); err != nil {
		return &RefusedError{[]string{err.Error()}}
	}
	if p.Base.Lineage != s.Lineage {
		return &RefusedError{[]string{fmt.Sprintf("the plan belongs to another migration: its lineage is %s, the state's is %s", p.Base.Lineage, s.Lineage)}}
	}
	if p.Mode != t.Mode {
		return &RefusedError{[]string{fmt.Sprintf("this is a %s plan; use the command that goes with it", p.Mode)}}
	}
	return continues(p, s)
}

// continues is the continuation rule: one reviewed plan lives through many
// runs, as long as nobody else changes an object in between.
func continues(p *planner.Plan, s *state.State) error {
	if s.Revision == p.Base.Revision {
		return nil
	}
	if s.Revision < p.Base.Revision {
		return &RefusedError{[]string{fmt.Sprintf("the plan was made at revision %d, but the state is at revision %d: an older state was put back; make a new plan", p.Base.Revision, s.Revision)}}
	}
	reached := p.Base.Revision
	for _, x := range s.Executions {
		switch {
		case x.To <= reached || x.To == x.From:
			continue
		case x.PlanID != p.ID:
			return &RefusedError{[]string{fmt.Sprintf("the state moved on since this plan was made: %s changed it by plan %s at %s; make a new plan", x.Who, shortID(x.PlanID), x.Began.Format("2006-01-02 15:04Z"))}}
		case x.From > reached:
			return putBack(reached, x.From)
		}
		reached = x.To
	}
	if s.Revision > reached {
		return putBack(reached, s.Revision)
	}
	return nil
}

// putBack refuses revisions that no run made: a restore raises the revision
// for exactly this reason.
func putBack(from, to uint64) error {
	return &RefusedError{[]string{fmt.Sprintf("no run led the state from revision %d to %d: an older state was put back; make a new plan", from, to)}}
}

// checkCovered refuses a fresh plan that does what was not reviewed, with the
// three sides of each difference: reviewed, now, wanted.
func checkCovered(reviewed, fresh *planner.Plan) error {
	if reviewed == nil {
		return nil
	}
	var reasons []string
	if reviewed.Base.ConfigDigest != fresh.Base.ConfigDigest {
		reasons = append(reasons, "the configuration is not the one that was reviewed: its digest is "+shortID(fresh.Base.ConfigDigest)+", the plan's is "+shortID(reviewed.Base.ConfigDigest))
	}
	for _, m := range reviewed.Uncovered(fresh) {
		reasons = append(reasons, mismatchText(m))
	}
	for _, d := range fresh.Conflicts() {
		reasons = append(reasons, driftText(d))
	}
	if len(reasons) == 0 {
		return nil
	}
	return &RefusedError{append(reasons, "nothing was changed; make a new plan, review it, and apply that")}
}

func mismatchText(m planner.Mismatch) string {
	if m.Reviewed == nil {
		return fmt.Sprintf("%s was not reviewed: %s -> %s", m.Key, valueText(m.Now.Before), valueText(m.Now.After))
	}
	return fmt.Sprintf("%s differs: reviewed %s -> %s; now %s -> %s", m.Key,
		valueText(m.Reviewed.Before), valueText(m.Reviewed.After), valueText(m.Now.Before), valueText(m.Now.After))
}

func driftText(d planner.Drift) string {
	text := fmt.Sprintf("%s: %s: expected %s; found %s", d.Address, d.What, strings.Join(d.Expected, ", "), strings.Join(d.Found, ", "))
	if len(d.Wanted) > 0 {
		text += "; wanted next " + strings.Join(d.Wanted, ", ")
	}
	return text + "; " + d.Next
}

func valueText(v planner.Value) string {
	if v.Unknown() {
		return "(known after " + v.KnownAfter + ")"
	}
	return "[" + strings.Join(v.Lines, "; ") + "]"
}

func shortID(id string) string {
	id = strings.TrimPrefix(id, "sha256:")
	if len(id) > 12 {
		id = id[:12]
	}
	return id
}

// firstLine and rest split an error into a summary and its detail.
func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

func rest(err error) string {
	_, more, _ := strings.Cut(err.Error(), "\n")
	return more
}
