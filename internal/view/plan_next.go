package view

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"bascule/planner"
)

// move is what comes next, and when if that is known: the text then ends in
// the word that goes before a time.
type move struct {
	text string
	at   time.Time
}

// next says what is to be done about a plan first.
func next(p *planner.Plan) move {
	if p.Finished && p.Mode == planner.Rollback {
		return move{text: "the MX is led back, and the migration held; bascule gate release, when it may go forward again"}
	}
	if p.Finished && len(p.Steps) == 0 {
		return move{text: "nothing, it is over"}
	}
	if c := p.Conflicts(); len(c) > 0 {
		return move{text: sentence("settle the conflict on "+string(c[0].Address), c[0].Next)}
	}
	if ready := p.Ready(); len(ready) > 0 {
		text := "bascule apply does " + ready[0].Key()
		if n := len(ready) - 1; n > 0 {
			text += fmt.Sprintf(" and %s more", count(int64(n)))
		}
		return move{text: text}
	}
	for _, find := range []func(*planner.Plan) (move, bool){nextPerson, nextGate, nextTime} {
		if m, ok := find(p); ok {
			return m
		}
	}
	if len(p.Blocked) > 0 {
		return move{text: sentence(string(p.Blocked[0].Address)+" is blocked", p.Blocked[0].Next)}
	}
	return move{text: "nothing to do"}
}

// nextPerson is work that waits for somebody: a gate, or a manual step.
func nextPerson(p *planner.Plan) (move, bool) {
	for _, g := range p.Gates {
		if (g.Kind == planner.GateHold || g.Phase == p.Phase) && (g.Status == planner.Person || g.Status == planner.GateFailed) {
			return move{text: sentence("gate "+g.ID+": "+g.Because, g.Next)}, true
		}
	}
	for _, s := range p.Steps {
		if s.Action.Manual != nil && s.Status == planner.Waiting && !s.NotBefore.IsZero() && s.Phase == p.Phase {
			return move{text: "a person does " + s.Key() + "; it is checked again from", at: s.NotBefore}, true
		}
	}
	return move{}, false
}

// nextGate is the gates that hold back the first gated step, or the present
// phase when no step is gated.
func nextGate(p *planner.Plan) (move, bool) {
	closed := closedGates(p)
	if len(closed) == 0 {
		return move{}, false
	}
	var names []string
	var at time.Time
	known := true
	for _, g := range closed {
		names = append(names, g.ID)
		known = known && !g.OpensAt.IsZero()
		if g.OpensAt.After(at) {
			at = g.OpensAt
		}
	}
	text := "waiting for " + gateWord(len(names)) + strings.Join(names, ", ")
	if !known {
		at = time.Time{}
	} else {
		text += ", until"
	}
	return move{text: text, at: at}, true
}

func closedGates(p *planner.Plan) []planner.Gate {
	guarded := func(g planner.Gate) bool { return g.Phase == p.Phase && g.Kind != planner.GateHold }
	if i := slices.IndexFunc(p.Steps, func(s planner.Step) bool { return s.Status == planner.Gated }); i >= 0 {
		guarded = func(g planner.Gate) bool { return slices.Contains(p.Steps[i].Gates, g.ID) }
	}
	return slices.DeleteFunc(slices.Clone(p.Gates), func(g planner.Gate) bool {
		return g.Status == planner.Open || !guarded(g)
	})
}

// nextTime is the first step that only its time holds back.
func nextTime(p *planner.Plan) (move, bool) {
	var first planner.Step
	for _, s := range p.Steps {
		if s.Status == planner.Waiting && s.NotBefore.After(p.Created) && (first.ID == "" || s.NotBefore.Before(first.NotBefore)) {
			first = s
		}
	}
	return move{text: first.Key() + " from", at: first.NotBefore}, first.ID != ""
}

// Coming is the first step that only its time holds back, "" without one.
func Coming(p *planner.Plan, s Style) string {
	if m, ok := nextTime(p); ok {
		return m.text + " " + s.local(m.at)
	}
	return ""
}

// footer counts, and says what comes next.
func (v *planView) footer() {
	v.gap()
	p := v.plan
	counts := fmt.Sprintf("Plan: %d now, %d gated, %d irreversible", len(v.steps(isReady)), len(v.steps(isHeld)), len(v.steps(isIrreversible)))
	for _, c := range []struct {
		n    int
		what string
	}{{len(v.steps(isStopped)), "held back"}, {len(p.Conflicts()), "in conflict"}, {len(p.Accepted), "accepted"}} {
		if c.n > 0 {
			counts += fmt.Sprintf(", %d %s", c.n, c.what)
		}
	}
	m := next(p)
	text := m.text
	if !m.at.IsZero() {
		text += " " + v.style.local(m.at)
	}
	v.put(0, say(strong, counts+"."), say(plain, " Next: "+text+"."))
	v.put(0, say(faint, "Plan id "+p.ShortID()))
}
