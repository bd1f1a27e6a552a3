package view

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"bascule/migration"
	"bascule/planner"
)

// listing is a list of steps whose names are aligned and whose reasons are
// not repeated.
type listing struct {
	*planView
	// column is the width of the addresses, body where the text begins.
	column, body int
	// said are the reason and the way back of the step before.
	said [2]string
}

// Columns of a list of steps: the marker, the number, and what belongs to it.
const (
	stepIndent   = 2
	numberColumn = 4
	labelColumn  = 6
	// addressColumn is how wide addresses may get before names stop being aligned.
	addressColumn = 34
)

func (v *planView) listing(steps []planner.Step) *listing {
	l := &listing{planView: v, body: numberColumn}
	for _, s := range v.plan.Steps {
		l.body = max(l.body, numberColumn+cells(s.ID)+2)
	}
	for _, s := range steps {
		if n := cells(say(plain, string(s.Address)).text); n <= addressColumn {
			l.column = max(l.column, n)
		}
	}
	return l
}

// all lists steps, those on many mailboxes grouped.
func (l *listing) all(steps []planner.Step) {
	for _, g := range groups(steps) {
		for _, s := range g.shown {
			if s.Irreversible {
				l.reference(s)
				continue
			}
			l.step(s, plain)
		}
		l.more(g)
	}
}

// step shows one step in full.
func (l *listing) step(s planner.Step, t tone) {
	name := pad(words(strong, string(s.Address)), l.column)
	name = append(name, say(plain, "  "+s.Name))
	if s.Risk != "" {
		name = append(name, say(riskTone(s.Risk), "  risk "+s.Risk))
	}
	if s.Estimate > 0 && !l.style.Quiet {
		name = append(name, say(faint, "  about "+length(s.Estimate)))
	}
	mark, markTone := marker(s)
	if t != plain {
		markTone = t
	}
	lead := line{say(markTone, mark), blank(1), say(faint, s.ID)}
	l.hang(stepIndent, lead, l.body, name)
	l.change(s)
	l.manual(s)
	l.detail("waits", plain, l.waits(s))
	l.why(s)
}

// reference points at a step shown in the first block.
func (l *listing) reference(s planner.Step) {
	mark, _ := marker(s)
	l.hang(stepIndent, line{say(bad, mark), blank(1), say(faint, s.ID)}, l.body,
		line{say(strong, string(s.Address)), say(plain, "  "+s.Name), say(bad, "  see Irreversible")})
}

func riskTone(risk string) tone {
	if risk == "high" {
		return bad
	}
	return change
}

// why says why and how to go back, unless the step before said the same.
func (l *listing) why(s planner.Step) {
	now := [2]string{s.Reason, s.Undo}
	if l.style.Quiet || now == l.said {
		return
	}
	l.said = now
	l.detail("why", faint, s.Reason)
	l.detail("undo", faint, s.Undo)
}

// detail is a labelled line below a step.
func (l *listing) detail(label string, t tone, text string) {
	if text == "" {
		return
	}
	l.hang(l.body, words(faint, label), l.body+labelColumn, words(t, text))
}

// marker is the shape of a step: + adds, - removes, ~ changes, ! asks a
// person, ? looks.
func marker(s planner.Step) (string, tone) {
	switch s.Action.Kind {
	case planner.ManualStep:
		return "!", change
	case planner.VerifyMailbox, planner.CheckDomain, planner.PinIdentity, planner.ProbeTarget:
		return "?", plain
	case planner.ServeDomain, planner.CreateAccount, planner.WriteKit, planner.WriteProof:
		return "+", good
	case planner.EditRRset:
		return rrsetMarker(s.Action.RRset)
	default:
		return "~", change
	}
}

func rrsetMarker(e *planner.RRsetEdit) (string, tone) {
	switch {
	case e == nil:
		return "~", change
	case len(without(e.Before, e.After)) == 0 && len(without(e.After, e.Before)) > 0:
		return "+", good
	case len(without(e.After, e.Before)) == 0 && len(without(e.Before, e.After)) > 0:
		return "-", bad
	}
	return "~", change
}

// without returns the values of a that b does not hold.
func without(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(v string) bool { return slices.Contains(b, v) })
}

// waits says what holds a step back besides the gates shown above it.
func (v *planView) waits(s planner.Step) string {
	var out []string
	if ids := v.pending(s); len(ids) > 0 {
		out = append(out, "after "+someOf(ids, shownDependencies))
	}
	if s.NotBefore.After(v.plan.Created) {
		out = append(out, "not before "+v.style.clock(s.NotBefore)+comma(v.style.distance(s.NotBefore)))
	}
	var closed []string
	for _, id := range s.Gates {
		if g, ok := v.plan.Gate(id); ok && g.Status != planner.Open {
			closed = append(closed, id)
		}
	}
	if len(closed) > 0 {
		out = append(out, "for "+gateWord(len(closed))+strings.Join(closed, ", "))
	}
	return strings.Join(out, "; ")
}

func gateWord(n int) string {
	if n == 1 {
		return "gate "
	}
	return "gates "
}

// shownDependencies is how many steps a waiting step names.
const shownDependencies = 4

// pending returns the numbers of the steps that come first.
func (v *planView) pending(s planner.Step) []string {
	var out []string
	for _, key := range s.DependsOn {
		if id, ok := v.ids[key]; ok && key != s.Key() && !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	slices.SortFunc(out, func(a, b string) int { return cmp.Or(len(a)-len(b), strings.Compare(a, b)) })
	return out
}

// someOf lists the first n and counts the rest.
func someOf(list []string, n int) string {
	if len(list) <= n {
		return strings.Join(list, ", ")
	}
	return fmt.Sprintf("%s and %s more", strings.Join(list[:n], ", "), count(int64(len(list)-n)))
}

// knownAfter names the step that makes a value.
func (v *planView) knownAfter(key string) string {
	if id, ok := v.ids[key]; ok {
		return "(known after " + id + ")"
	}
	return "(known after " + key + ")"
}

// family is the block an instance of a for_each belongs to.
func family(a migration.Address) string {
	block, _, _ := strings.Cut(string(a), "[")
	return block
}
