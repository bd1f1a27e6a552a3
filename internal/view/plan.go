package view

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"bascule/migration"
	"bascule/planner"
)

// Plan writes a plan in four blocks: what is irreversible, what is to be done
// now, what gates and time hold back, drift and conflicts. After them come
// what was accepted by name and the notes, then one line that counts.
func Plan(w io.Writer, p *planner.Plan, s Style) error {
	v := newPlanView(p, s)
	v.header()
	v.irreversible()
	v.now()
	v.gated()
	v.drift()
	v.accepted()
	v.notes()
	v.footer()
	return v.flush(w)
}

// planView is a plan being rendered.
type planView struct {
	*page
	plan *planner.Plan
	// ids leads from a step's key to its number.
	ids map[string]string
}

func newPlanView(p *planner.Plan, s Style) *planView {
	v := &planView{page: newPage(s), plan: p, ids: map[string]string{}}
	for _, step := range p.Steps {
		v.ids[step.Key()] = step.ID
	}
	return v
}

// steps returns the steps that satisfy a condition, in the plan's order.
func (v *planView) steps(want func(planner.Step) bool) []planner.Step {
	var out []planner.Step
	for _, s := range v.plan.Steps {
		if want(s) {
			out = append(out, s)
		}
	}
	return out
}

func isReady(s planner.Step) bool { return s.Status == planner.Ready }
func isHeld(s planner.Step) bool {
	return s.Status == planner.Gated || s.Status == planner.Waiting
}
func isStopped(s planner.Step) bool      { return s.Status == planner.Stopped }
func isIrreversible(s planner.Step) bool { return s.Irreversible }

// headerColumn is where the values of the header begin.
const headerColumn = 10

func (v *planView) header() {
	p := v.plan
	title := "Plan"
	if p.Mode == planner.Rollback {
		title = "Rollback"
	}
	subject := line{say(strong, migrationName(p))}
	if len(p.Domains) > 0 {
		subject = append(subject, say(plain, ": "+domainList(p.Domains)))
	}
	v.hang(0, words(strong, title), headerColumn, subject)
	v.hang(0, words(plain, "Phase"), headerColumn, v.phaseLine())
	if end, ok := forecastEnd(p); ok && !p.Finished {
		v.hang(0, words(plain, "Forecast"), headerColumn, words(plain, "done "+v.style.both(end)+" at best"+comma(v.style.distance(end))))
	}
	v.hang(0, words(plain, "Id"), headerColumn, line{say(plain, p.ShortID()),
		say(faint, fmt.Sprintf(", made %s at state revision %d", v.style.local(p.Created), p.Base.Revision))})
	v.alarms()
}

// alarms are the lines that must not be missed: plaintext, and a hold.
func (v *planView) alarms() {
	var lines []string
	for _, a := range v.plan.Plaintext {
		lines = append(lines, fmt.Sprintf("%s is spoken to in plaintext: who listens reads passwords and mail", a))
	}
	if g, ok := v.plan.Gate(planner.GateHold); ok && g.Status != planner.Open {
		lines = append(lines, sentence(g.Because, g.Next))
	}
	if !v.plan.Complete && len(v.plan.Blocked) > 0 {
		lines = append(lines, "incomplete: "+plural(len(v.plan.Blocked), "object", "objects")+" could not be looked at; see Drift and conflicts")
	}
	if len(lines) > 0 {
		v.gap()
	}
	for _, l := range lines {
		v.hang(0, words(bad, "!"), 2, words(bad, l))
	}
}

func (v *planView) phaseLine() line {
	if v.plan.Finished && v.plan.Mode == planner.Forward {
		return words(good, "all eight phases are done")
	}
	l := line{say(plain, v.plan.Phase.String()), say(faint, fmt.Sprintf(" (%d of 8)", v.plan.Phase))}
	for _, ph := range v.plan.Phases {
		if ph.Phase == v.plan.Phase && ph.Text != "" {
			l = append(l, say(faint, ": "+ph.Text))
		}
	}
	return l
}

func migrationName(p *planner.Plan) string {
	if p.Migration == "" {
		return "migration"
	}
	return p.Migration
}

// shownDomains is how many domains a heading names.
const shownDomains = 5

func domainList(names []string) string {
	if len(names) <= shownDomains {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more domains", strings.Join(names[:shownDomains], ", "), len(names)-shownDomains)
}

// forecastEnd is the last milestone.
func forecastEnd(p *planner.Plan) (end time.Time, ok bool) {
	for _, m := range p.Forecast {
		if m.At.After(end) {
			end, ok = m.At, true
		}
	}
	return end, ok
}

// comma puts what follows after a comma, if anything follows.
func comma(s string) string {
	if s == "" {
		return ""
	}
	return ", " + s
}

// sentence joins a reason and the next move.
func sentence(why, next string) string {
	if next == "" {
		return why
	}
	return why + "; " + next
}

// block begins one of the blocks, with what it counts.
func (v *planView) block(title, counted string) {
	v.gap()
	l := line{say(strong, title)}
	if counted != "" {
		l = append(l, say(faint, "  "+counted))
	}
	v.put(0, l...)
}

func (v *planView) irreversible() {
	steps := v.steps(isIrreversible)
	if len(steps) == 0 {
		v.block("Irreversible", "")
		v.put(2, say(plain, "none"))
		return
	}
	v.block("Irreversible", plural(len(steps), "step", "steps"))
	l := v.listing(steps)
	for _, s := range steps {
		l.step(s, bad)
	}
}

func (v *planView) now() {
	steps := v.steps(isReady)
	if len(steps) == 0 {
		v.block("Now", "")
		v.put(2, say(plain, "nothing"))
		return
	}
	v.block("Now", plural(len(steps), "step", "steps"))
	v.listing(steps).all(steps)
}

func (v *planView) gated() {
	steps, gates := v.steps(isHeld), v.gates()
	if len(steps) == 0 && len(gates) == 0 {
		v.block("Gated", "")
		v.put(2, say(plain, "nothing"))
		return
	}
	v.block("Gated", plural(len(steps), "step", "steps"))
	shown := 0
	for _, phase := range migration.Phases() {
		mine := slices.DeleteFunc(slices.Clone(steps), func(s planner.Step) bool { return s.Phase != phase })
		guards := slices.DeleteFunc(slices.Clone(gates), func(g planner.Gate) bool { return g.Phase != phase })
		if len(mine) == 0 && len(guards) == 0 {
			continue
		}
		if shown++; shown > 1 {
			v.gap()
		}
		v.phaseHeading(phase)
		for _, g := range guards {
			v.gate(4, g)
		}
		if len(guards) > 0 && len(mine) > 0 {
			v.gap()
		}
		v.listing(mine).all(mine)
	}
	v.forecast()
}

// gates are those worth showing: a hold that nobody asked for is not.
func (v *planView) gates() []planner.Gate {
	return slices.DeleteFunc(slices.Clone(v.plan.Gates), func(g planner.Gate) bool {
		return g.Kind == planner.GateHold && g.Status == planner.Open
	})
}

func (v *planView) phaseHeading(phase migration.Phase) {
	l := line{say(strong, phase.String())}
	for _, m := range v.plan.Forecast {
		if m.Phase == phase {
			l = append(l, say(faint, "  done "+v.style.local(m.At)+" at best"))
			break
		}
	}
	v.put(2, l...)
}

func (v *planView) forecast() {
	if v.style.Quiet || len(v.plan.Forecast) == 0 {
		return
	}
	v.gap()
	v.put(2, say(strong, "forecast"), say(faint, "  if nothing goes wrong"))
	if v.style.cells() >= wideForecast {
		t := newTable()
		for _, m := range v.plan.Forecast {
			t.row(words(plain, m.Phase.String()), words(plain, v.style.both(m.At)), words(faint, m.Text))
		}
		t.put(v.page, 4)
		return
	}
	for _, m := range v.plan.Forecast {
		v.hang(4, words(plain, m.Phase.String()), 22, words(plain, v.style.both(m.At)))
		v.put(22, say(faint, m.Text))
	}
}

// wideForecast is from what width on a milestone fits on one line.
const wideForecast = 110
