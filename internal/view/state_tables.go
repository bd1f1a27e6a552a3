package view

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"bascule/migration"
	"bascule/state"
)

// StateList writes the objects the state knows, a row each.
func StateList(w io.Writer, st *state.State, s Style) error {
	p := newPage(s)
	t := newTable("Object", "Steps", "Evidence", "Last change", "Failure").number(1, 2).keep(3)
	for _, a := range slices.Sorted(maps.Keys(st.Objects)) {
		o := st.Objects[a]
		if o == nil {
			continue
		}
		last := words(faint, "-")
		if _, d, ok := latest(o); ok {
			last = words(plain, s.stamp(d.At))
		}
		failure := words(faint, "-")
		if o.Failure != nil {
			failure = words(bad, o.Failure.Step+" failed")
		}
		t.row(words(strong, string(a)), words(plain, strconv.Itoa(len(o.Done))), words(plain, strconv.Itoa(len(o.Evidence))), last, failure)
	}
	if len(t.rows) == 0 {
		p.put(0, say(plain, "The state knows no object yet."))
		return p.flush(w)
	}
	t.put(p, 0)
	return p.flush(w)
}

// latest is the step recorded last.
func latest(o *state.Object) (name string, d state.Done, ok bool) {
	for _, n := range slices.Sorted(maps.Keys(o.Done)) {
		if !ok || o.Done[n].At.After(d.At) {
			name, d, ok = n, o.Done[n], true
		}
	}
	return name, d, ok
}

// StateShow writes everything the state knows of one object. It returns an
// error when there is no such object.
func StateShow(w io.Writer, st *state.State, a migration.Address, s Style) error {
	o := st.Objects[a]
	if o == nil {
		return fmt.Errorf("show %s: the state knows no such object; bascule state list names them", say(plain, string(a)).text)
	}
	p := newPage(s)
	p.put(0, say(strong, string(a)))
	steps(p, o)
	evidence(p, a, o)
	if f := o.Failure; f != nil {
		p.gap()
		p.hang(2, words(bad, "failure"), 12, words(plain, fmt.Sprintf("%s, %s: %s", s.local(f.At), f.Step, f.Text)))
	}
	if o.Mailbox != nil {
		mailboxFacts(p, o.Mailbox)
	}
	return p.flush(w)
}

func steps(p *page, o *state.Object) {
	names := slices.Collect(maps.Keys(o.Done))
	slices.SortFunc(names, func(a, b string) int {
		if c := o.Done[a].At.Compare(o.Done[b].At); c != 0 {
			return c
		}
		return strings.Compare(a, b)
	})
	if len(names) > 0 {
		p.gap()
		p.put(2, say(faint, "steps done"))
	}
	for _, n := range names {
		d := o.Done[n]
		p.hang(2, words(plain, n), 24, words(plain, p.style.local(d.At)))
		image(p, "before", d.Before)
		image(p, "after", d.After)
	}
}

func image(p *page, label string, raw json.RawMessage) {
	if text := string(raw); text != "" && text != "null" {
		p.hang(4, words(faint, label), 12, words(faint, text))
	}
}

func evidence(p *page, a migration.Address, o *state.Object) {
	if len(o.Evidence) == 0 {
		return
	}
	p.gap()
	p.put(2, say(faint, "evidence"))
	for _, check := range slices.Sorted(maps.Keys(o.Evidence)) {
		finding(p, Finding{a, check, o.Evidence[check]})
	}
}

func mailboxFacts(p *page, b *state.Mailbox) {
	s := p.style
	p.gap()
	p.put(2, say(faint, "mailbox"))
	fact := func(label, text string) { p.hang(2, words(plain, label), 24, words(plain, text)) }
	pin := func(label string, pin *state.Pin) {
		if pin != nil {
			fact(label, fmt.Sprintf("%s, pinned %s", pin.Endpoint, s.local(pin.At)))
		}
	}
	pin("source", b.Source)
	pin("target", b.Target)
	fact("messages", fmt.Sprintf("%s on the source, %s on the target, %s", count(b.Totals.Source), count(b.Totals.Target), octets(b.Totals.Bytes)))
	for _, outcome := range slices.Sorted(maps.Keys(b.Totals.ByOutcome)) {
		fact("  "+outcome, count(b.Totals.ByOutcome[outcome]))
	}
	if b.Pass != nil {
		fact("last pass", fmt.Sprintf("%s to %s, %s open", s.local(b.Pass.Started), s.local(b.Pass.Ended), count(int64(b.Pass.Open))))
	}
	if !b.Silence.LastLook.IsZero() {
		fact("silent", length(b.Silence.Quiet)+", last look "+s.local(b.Silence.LastLook))
	}
	for _, r := range b.Refused {
		fact("refused", fmt.Sprintf("%q UID %d: %s", r.Folder, r.UID, r.Reason))
	}
}

// History writes the earlier versions of the state, newest first as given.
func History(w io.Writer, versions []state.Version, s Style) error {
	p := newPage(s)
	t := newTable("Serial", "Revision", "Written", "Age", "By").number(0, 1).keep(2, 3)
	for _, v := range versions {
		t.row(words(strong, strconv.FormatUint(v.Serial, 10)), words(plain, strconv.FormatUint(v.Revision, 10)),
			words(plain, s.stamp(v.Updated)), words(faint, s.distance(v.Updated)), words(plain, v.Tool))
	}
	if len(versions) == 0 {
		p.put(0, say(plain, "No earlier version is kept."))
		return p.flush(w)
	}
	t.put(p, 0)
	return p.flush(w)
}

// Executions writes the runs of apply, oldest first as in the state.
func Executions(w io.Writer, list []state.Execution, s Style) error {
	p := newPage(s)
	t := newTable("Began", "Took", "Who", "Plan", "Revision", "Exit").keep(0, 1, 3, 4, 5)
	for _, e := range list {
		took, ended := words(faint, "-"), words(change, "never")
		if !e.Ended.IsZero() {
			took = words(plain, length(e.Ended.Sub(e.Began)))
			ended = words(exitTone(e.ExitCode), fmt.Sprintf("%d %s", e.ExitCode, strings.ToLower(outcome(e.ExitCode))))
		}
		t.row(words(plain, s.stamp(e.Began)), took, words(plain, e.Who), words(faint, shortID(e.PlanID)), words(plain, fmt.Sprintf("%d-%d", e.From, e.To)), ended)
	}
	if len(list) == 0 {
		p.put(0, say(plain, "Nothing was applied yet."))
		return p.flush(w)
	}
	t.put(p, 0)
	return p.flush(w)
}

// shortID is a plan's id as people read it.
func shortID(id string) string {
	_, hash, ok := strings.Cut(id, ":")
	if !ok {
		hash = id
	}
	return hash[:min(len(hash), 12)]
}
