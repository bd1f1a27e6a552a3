package view

import (
	"fmt"
	"strings"

	"bascule/migration"
	"bascule/planner"
)

func (v *planView) drift() {
	stopped := v.steps(isStopped)
	if len(v.plan.Drift)+len(v.plan.Blocked)+len(stopped) == 0 {
		v.block("Drift and conflicts", "")
		v.put(2, say(plain, "none"))
		return
	}
	v.block("Drift and conflicts", driftCount(v.plan))
	for _, d := range v.plan.Drift {
		v.driftOf(2, d)
	}
	v.blocked(2, v.plan.Blocked)
	if len(stopped) > 0 {
		v.put(2, say(strong, "held back"), say(faint, "  until this is settled"))
		v.heldBack(stopped)
	}
}

func driftCount(p *planner.Plan) string {
	var out []string
	for _, c := range []struct {
		n    int
		what string
	}{{len(p.Conflicts()), "in conflict"}, {len(p.Drift) - len(p.Conflicts()), "drifted"}, {len(p.Blocked), "blocked"}} {
		if c.n > 0 {
			out = append(out, fmt.Sprintf("%s %s", count(int64(c.n)), c.what))
		}
	}
	return strings.Join(out, ", ")
}

// driftOf shows what was expected, found and wanted, and what to do.
func (p *page) driftOf(indent int, d planner.Drift) {
	mark, t, word := "~", change, "drift"
	if d.Conflict {
		mark, t, word = "!", bad, "conflict"
	}
	at := indent + 2
	p.hang(indent, words(t, mark), at, line{say(strong, string(d.Address)), say(plain, "  "+d.What), say(t, "  "+word)})
	p.labelled(at, "expected", d.Expected)
	p.labelled(at, "found", d.Found)
	if len(d.Wanted) > 0 {
		p.labelled(at, "wanted", d.Wanted)
	}
	if d.Next != "" {
		p.labelled(at, "next", []string{d.Next})
	}
}

// labelled lists lines beside a label.
func (p *page) labelled(indent int, label string, lines []string) {
	if len(lines) == 0 {
		lines = []string{"nothing"}
	}
	for i, text := range lines {
		lead := line{blank(1)}
		if i == 0 {
			lead = words(faint, label)
		}
		p.hang(indent, lead, indent+10, words(plain, text))
	}
}

// blocked shows what could not be looked at, and the next move. Objects of one
// block that say the same are gathered.
func (p *page) blocked(indent int, list []planner.Blocked) {
	type cause struct{ family, side, why, next string }
	at := map[cause][]planner.Blocked{}
	var order []cause
	for _, b := range list {
		c := cause{family(b.Address), b.Side, b.Why, b.Next}
		if at[c] == nil {
			order = append(order, c)
		}
		at[c] = append(at[c], b)
	}
	for _, c := range order {
		p.blockedAlike(indent, at[c])
	}
}

func (p *page) blockedAlike(indent int, list []planner.Blocked) {
	shown := list
	if len(list) > groupAbove {
		shown = list[:groupShown]
	}
	for _, b := range shown {
		head := line{say(strong, string(b.Address))}
		if b.Side != "" {
			head = append(head, say(plain, "  "+b.Side))
		}
		p.hang(indent, words(bad, "!"), indent+2, append(head, say(bad, "  blocked")))
	}
	if more := len(list) - len(shown); more > 0 {
		p.hang(indent, words(faint, "…"), indent+2, words(faint, fmt.Sprintf("%s: %s more like this", family(list[0].Address), count(int64(more)))))
		var names []migration.Address
		for _, b := range list[len(shown):] {
			names = append(names, b.Address)
		}
		p.instances(indent+2, names)
	}
	b := list[0]
	p.labelled(indent+2, "why", []string{b.Why})
	next := b.Next
	if b.Temporary {
		next = sentence("it may go away by itself", next)
	}
	if next != "" {
		p.labelled(indent+2, "next", []string{next})
	}
}

// heldBack names the steps that are stopped, a line each.
func (v *planView) heldBack(steps []planner.Step) {
	l := v.listing(steps)
	for _, g := range groups(steps) {
		for _, s := range g.shown {
			mark, t := marker(s)
			if s.Irreversible {
				t = bad
			}
			l.hang(stepIndent, line{say(t, mark), blank(1), say(faint, s.ID)}, l.body,
				append(pad(words(plain, string(s.Address)), l.column), say(plain, "  "+s.Name)))
		}
		l.more(g)
	}
}

// accepted shows in red what a person accepted by name.
func (v *planView) accepted() {
	if len(v.plan.Accepted) == 0 {
		return
	}
	v.block("Accepted by name", count(int64(len(v.plan.Accepted))))
	for _, a := range v.plan.Accepted {
		v.hang(2, words(bad, "!"), 4, words(bad, string(a.Address)+"  "+acceptedWhat(a)))
		if a.Reason != "" {
			v.labelled(4, "because", []string{a.Reason})
		}
		if !a.Until.IsZero() {
			v.labelled(4, "until", []string{v.style.local(a.Until)})
		}
	}
}

func acceptedWhat(a migration.Accept) string {
	var where []string
	for _, w := range []string{string(a.Mailbox), a.Record, a.Message, a.Sender} {
		if w != "" {
			where = append(where, w)
		}
	}
	if len(where) == 0 {
		return a.Check + " everywhere"
	}
	return a.Check + " of " + strings.Join(where, ", ")
}

// shownNotes bounds the notes of a plan.
const shownNotes = 40

// notes shows what a reviewer should know; objects with the same note are
// gathered.
func (v *planView) notes() {
	if v.style.Quiet || len(v.plan.Notes) == 0 {
		return
	}
	v.block("Notes", "")
	var order []string
	who := map[string][]migration.Address{}
	for _, n := range v.plan.Notes {
		if who[n.Text] == nil {
			order = append(order, n.Text)
		}
		who[n.Text] = append(who[n.Text], n.Address)
	}
	for i, text := range order {
		if i == shownNotes {
			v.put(2, say(faint, fmt.Sprintf("… %s more; the plan as JSON has them all", plural(len(order)-i, "note", "notes"))))
			return
		}
		v.hang(2, words(faint, "*"), 4, line{say(plain, text), say(faint, "  "+objects(who[text]))})
	}
}

// objects names a few objects, or counts many.
func objects(list []migration.Address) string {
	var names []string
	for _, a := range list {
		names = append(names, string(a))
	}
	return someOf(names, groupShown)
}
