package view

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"bascule/migration"
	"bascule/planner"
	"bascule/state"
)

// StatusInput is what a status is made of: the state, and a plan made from it
// without a look at anything.
type StatusInput struct {
	// Plan may be nil when there is nothing to plan from.
	Plan *planner.Plan
	// State is nil when nothing has been done yet.
	State *state.State
	// Rollback says until when the way back is open, and its price.
	Rollback string
}

// Status writes one line a phase, then what comes next and when, the age of
// the last tick and the price of a rollback, then the mailboxes.
func Status(w io.Writer, in StatusInput, s Style) error {
	p := newPage(s)
	if in.State == nil || in.State.Lineage == "" {
		p.put(0, say(plain, "Nothing done yet. Next: bascule plan shows what would be done; it writes nothing."))
		return p.flush(w)
	}
	v := statusView{p, in}
	v.title()
	v.phases()
	v.facts()
	v.mailboxes()
	return p.flush(w)
}

type statusView struct {
	*page
	in StatusInput
}

func (v statusView) title() {
	if v.in.Plan == nil {
		return
	}
	l := line{say(strong, migrationName(v.in.Plan))}
	if len(v.in.Plan.Domains) > 0 {
		l = append(l, say(plain, ": "+domainList(v.in.Plan.Domains)))
	}
	v.put(0, l...)
	v.gap()
}

// phaseColumn is where the text of a phase begins: behind the mark and the
// longest name.
const (
	phaseColumn = 6
	phaseText   = phaseColumn + 18
)

func (v statusView) phases() {
	if v.in.Plan == nil {
		return
	}
	for _, ph := range v.in.Plan.Phases {
		mark := phaseMark(ph.Status)
		lead := append(pad(line{mark}, phaseColumn-2), span{ph.Phase.String(), nameTone(ph.Status)})
		body := line{say(mark.tone, ph.Status)}
		if ph.Text != "" {
			body = append(body, say(plain, "  "+ph.Text))
		}
		// One line a phase: what does not fit is in the plan.
		v.hang(2, lead, phaseText, body.shorten(v.style.cells()-phaseText))
	}
}

// phaseMark is the state of a phase as a shape.
func phaseMark(status string) span {
	switch status {
	case "done":
		return say(good, "[x]")
	case "running":
		return say(change, "[>]")
	case "waiting":
		return say(change, "[.]")
	case "blocked":
		return say(bad, "[!]")
	default:
		return say(faint, "[ ]")
	}
}

func nameTone(status string) tone {
	switch status {
	case "done", "later":
		return plain
	}
	return strong
}

// factColumn is where the values below the phases begin.
const factColumn = 11

func (v statusView) fact(label string, t tone, text string) {
	if text != "" {
		v.hang(0, words(strong, label), factColumn, words(t, text))
	}
}

func (v statusView) facts() {
	v.gap()
	if p := v.in.Plan; p != nil {
		m := next(p)
		text := m.text
		if !m.at.IsZero() {
			text += " " + v.style.local(m.at) + comma(v.style.distance(m.at))
			if m.at.Before(v.style.Now) {
				text += "; bascule apply goes on"
			}
		}
		v.fact("Next", plain, text)
	}
	v.fact("Last tick", plain, v.lastTick())
	v.fact("Rollback", plain, v.in.Rollback)
	if h := v.in.State.Hold; h != nil {
		text := "by " + h.By + " since " + v.style.local(h.Since)
		if h.Reason != "" {
			text += ": " + h.Reason
		}
		v.fact("Hold", bad, text)
	}
	v.accepted()
	if marks := v.in.State.InFlight; len(marks) > 0 {
		var keys []string
		for _, m := range marks {
			keys = append(keys, m.Key)
		}
		v.fact("In flight", change, someOf(keys, groupShown)+"; the next tick finds out how far it came")
	}
}

// accepted shows in red what a person accepted by name: it is not there.
func (v statusView) accepted() {
	if v.in.Plan == nil {
		return
	}
	for i, a := range v.in.Plan.Accepted {
		if i == groupShown {
			v.fact("", bad, fmt.Sprintf("… and %d more; the plan lists them", len(v.in.Plan.Accepted)-i))
			return
		}
		label := "Accepted"
		if i > 0 {
			label = ""
		}
		v.fact(label, bad, acceptedWhat(a)+": "+a.Reason)
	}
}

// lastTick says how old the last run of apply is, who ran it, and how it ended.
func (v statusView) lastTick() string {
	all := v.in.State.Executions
	if len(all) == 0 {
		return "none yet"
	}
	e := all[len(all)-1]
	if e.Ended.IsZero() {
		return sentence("begun "+v.when(e), "it runs still, or was killed")
	}
	return v.when(e) + ", " + ExitMeaning(e.ExitCode)
}

func (v statusView) when(e state.Execution) string {
	at := e.Ended
	if at.IsZero() {
		at = e.Began
	}
	text := v.style.local(at) + " by " + e.Who
	if age := v.style.distance(at); age != "" {
		text = age + " (" + text + ")"
	}
	return text
}

// tableMailboxes is up to how many mailboxes each has a row.
const tableMailboxes = 20

func (v statusView) mailboxes() {
	var list []migration.Address
	for a, o := range v.in.State.Objects {
		if o != nil && o.Mailbox != nil {
			list = append(list, a)
		}
	}
	slices.Sort(list)
	if len(list) == 0 {
		return
	}
	v.gap()
	if len(list) > tableMailboxes {
		v.summary(list)
		list = slices.DeleteFunc(list, func(a migration.Address) bool { return v.failures(a) == "" })
		if len(list) > tableMailboxes {
			v.put(0, say(faint, fmt.Sprintf("The first %d that fail:", tableMailboxes)))
			list = list[:tableMailboxes]
		}
	}
	if len(list) == 0 {
		return
	}
	t := newTable("Mailbox", "Messages", "Done", "Size", "Last pass", "Behind", "Failures").number(1, 2, 3)
	for _, a := range list {
		t.row(v.row(a)...)
	}
	t.put(v.page, 0)
	v.pauses(list)
	for _, a := range list {
		// Below the table: the words of a server fit no column.
		if f := v.in.State.Objects[a].Failure; f != nil {
			v.hang(0, words(bad, "!"), 2, line{say(strong, string(a)), say(plain, "  "+f.Step+": "+f.Text)})
		}
	}
}

func (v statusView) summary(list []migration.Address) {
	complete, failing, paused, messages := 0, 0, 0, int64(0)
	for _, a := range list {
		b := v.in.State.Objects[a].Mailbox
		if b.Pass != nil && b.Pass.Complete {
			complete++
		}
		if v.failures(a) != "" {
			failing++
		}
		if v.paused(b) {
			paused++
		}
		messages += b.Totals.Source
	}
	text := fmt.Sprintf("%s of %s complete, %s messages", count(int64(complete)), count(int64(len(list))), count(messages))
	if failing > 0 {
		text += ", " + count(int64(failing)) + " with failures"
	}
	if paused > 0 {
		text += ", " + count(int64(paused)) + " paused"
	}
	v.fact("Mailboxes", plain, text)
}

func (v statusView) row(a migration.Address) []line {
	b := v.in.State.Objects[a].Mailbox
	pass := words(faint, "none")
	if b.Pass != nil {
		t := plain
		if !b.Pass.Complete {
			t = change
		}
		pass = words(t, v.passText(b.Pass))
	}
	failures := words(faint, "-")
	if text := v.failures(a); text != "" {
		failures = words(bad, text)
	}
	return []line{
		words(strong, string(a)), words(plain, count(b.Totals.Source)), words(plain, count(settled(b.Totals))),
		words(plain, octets(b.Totals.Bytes)), pass, v.behind(b), failures,
	}
}

func (v statusView) passText(p *state.Pass) string {
	text := v.style.distance(p.Ended)
	if text == "" {
		text = v.style.local(p.Ended)
	}
	if !p.Complete {
		text += ", incomplete"
	}
	return text
}

// settled counts the messages of the source that have an outcome; those that
// are gone from it are nobody's any more.
func settled(t state.Totals) int64 {
	n := int64(0)
	for outcome, v := range t.ByOutcome {
		if outcome != "gone" {
			n += v
		}
	}
	if len(t.ByOutcome) == 0 {
		return t.Target
	}
	return n
}

// failures says in short what is wrong with a mailbox.
func (v statusView) failures(a migration.Address) string {
	o := v.in.State.Objects[a]
	var out []string
	if p := o.Mailbox.Pass; p != nil && p.Open > 0 {
		out = append(out, fmt.Sprintf("%d open", p.Open))
	}
	if n := len(o.Mailbox.Refused); n > 0 {
		out = append(out, fmt.Sprintf("%d refused", n))
	}
	if o.Failure != nil {
		out = append(out, o.Failure.Step+" failed")
	}
	return strings.Join(out, ", ")
}
