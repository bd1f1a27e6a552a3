package view

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"bascule/internal/safetext"
	"bascule/migration"
	"bascule/planner"
	"bascule/state"
)

// Gates writes every gate of a plan.
func Gates(w io.Writer, p *planner.Plan, s Style) error {
	pg := newPage(s)
	if len(p.Gates) == 0 {
		pg.put(0, say(plain, "No gates: nothing is held back."))
	}
	for _, g := range p.Gates {
		pg.gate(0, g)
	}
	return pg.flush(w)
}

// Drift writes what is not as the state says.
func Drift(w io.Writer, p *planner.Plan, s Style) error {
	v := newPlanView(p, s)
	if len(p.Drift)+len(p.Blocked) == 0 {
		v.put(0, say(good, "No drift"), say(plain, ": everything is as phase "+p.Phase.String()+" wants it."))
		return v.flush(w)
	}
	for _, d := range p.Drift {
		v.driftOf(0, d)
	}
	v.blocked(0, p.Blocked)
	v.gap()
	v.put(0, say(strong, driftCount(p)+"."))
	return v.flush(w)
}

// Finding is the last result of one check of one object.
type Finding struct {
	Address  migration.Address
	Check    string
	Evidence state.Evidence
}

// Findings gathers the evidence of a state, by object, then by check.
func Findings(st *state.State) []Finding {
	var out []Finding
	for a, o := range st.Objects {
		if o == nil {
			continue
		}
		for check, e := range o.Evidence {
			out = append(out, Finding{a, check, e})
		}
	}
	slices.SortFunc(out, func(a, b Finding) int {
		return strings.Compare(string(a.Address)+"\x00"+a.Check, string(b.Address)+"\x00"+b.Check)
	})
	return out
}

// Verify writes the evidence of each object, and counts the verdicts.
func Verify(w io.Writer, findings []Finding, s Style) error {
	p := newPage(s)
	tally := map[state.Verdict]int{}
	var last migration.Address
	for _, f := range findings {
		tally[f.Evidence.Verdict]++
		if f.Address != last {
			if last != "" {
				p.gap()
			}
			p.put(0, say(strong, string(f.Address)))
			last = f.Address
		}
		finding(p, f)
	}
	if len(findings) == 0 {
		p.put(0, say(plain, "Nothing was checked yet."))
		return p.flush(w)
	}
	p.gap()
	p.put(0, say(strong, fmt.Sprintf("%d passed, %d failed, %d inconclusive.", tally[state.Passed], tally[state.Failed], tally[state.Inconclusive])))
	return p.flush(w)
}

func finding(p *page, f Finding) {
	e := f.Evidence
	lead := append(pad(line{verdictMark(e.Verdict)}, gateColumn), say(plain, f.Check))
	body := line{say(plain, e.Summary)}
	if age := p.style.distance(e.At); age != "" && !e.At.IsZero() {
		body = append(body, say(faint, "  "+age))
	}
	p.hang(2, lead, 2+gateColumn+10, body)
	for i, item := range e.Items {
		if i == tableMailboxes {
			p.hang(4+gateColumn, words(faint, "…"), 6+gateColumn, words(faint, count(int64(len(e.Items)-i))+" more"))
			break
		}
		p.hang(4+gateColumn, words(plain, "-"), 6+gateColumn, words(plain, item))
	}
}

func verdictMark(v state.Verdict) span {
	switch v {
	case state.Passed:
		return say(good, "[pass]")
	case state.Failed:
		return say(bad, "[fail]")
	default:
		return say(change, "[unknown]")
	}
}

// Outputs writes the values a person asked to be shown, in the syntax of the
// configuration. Sensitive values are not shown.
func Outputs(w io.Writer, outputs []migration.Output, s Style) error {
	p := newPage(s)
	for _, o := range outputs {
		switch {
		case o.Sensitive:
			p.put(0, say(strong, o.Name), say(plain, " = "), say(faint, "(sensitive)"))
		case o.Unknown:
			p.put(0, say(strong, o.Name), say(plain, " = "), say(change, "(known after apply)"))
		default:
			output(p, o)
		}
	}
	return p.flush(w)
}

// output shows a value as it is: a value is for copying, so it is not wrapped.
func output(p *page, o migration.Output) {
	var pretty bytes.Buffer
	text := o.Value
	if json.Indent(&pretty, []byte(o.Value), "", "  ") == nil {
		text = pretty.String()
	}
	for i, l := range strings.Split(safetext.Block(text), "\n") {
		if i == 0 {
			p.emit(line{say(strong, o.Name), say(plain, " = "), span{l, plain}})
			continue
		}
		p.emit(line{span{l, plain}})
	}
}
