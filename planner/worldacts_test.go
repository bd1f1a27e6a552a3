package planner

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"bascule/maildns"
	"bascule/migration"
	"bascule/state"
)

// act has the effect of a step on the model, and says what to record.
func (w *world) act(t tb, s Step) (after json.RawMessage, done bool, change func()) {
	t.Helper()
	after, done = asJSON(s.After.Lines), true
	switch s.Action.Kind {
	case ServeDomain:
		w.target.Domains = append(w.target.Domains, w.named(s.Action.Domain))
	case CreateAccount:
		w.target.Accounts[s.Action.Email] = migration.Account{Login: s.Action.Email}
	case SetAlias:
		w.target.Aliases[s.Action.Email] = s.Action.To
	case EditRRset:
		return w.edit(t, s), true, nil
	case ManualStep:
		if s.Action.RRset != nil {
			have := w.served(s.Action.RRset.Name, s.Action.RRset.Type)
			want, err := wanted(have, *s.Action.RRset)
			return asJSON(want), err == nil && have.Equal(want), w.proves(s, "manual:"+s.Name)
		}
		change = w.proves(s, "manual:"+s.Name)
		return after, w.verdict(s.Address, "manual:"+s.Name) == state.Passed, change
	case SyncMailbox:
		return after, s.Action.Sync.Final, func() { w.passed(s) }
	case ProbeTarget:
		return after, true, func() {
			w.st.MailboxOf(s.Action.Mailbox).Personality = &state.Personality{At: w.now, Class: "exact", Text: []string{"exact: it keeps every octet"}}
		}
	case VerifyMailbox:
		return after, s.Name == "compare", w.proves(s, mailboxChecks()...)
	case CheckDomain:
		return after, false, w.proves(s, s.Action.Check)
	case SwitchIntent:
		return after, true, w.intend
	case HoldMigration:
		return after, false, func() { w.st.Hold = &state.Hold{Since: w.now, By: "test", Reason: "rollback"} }
	case LeadBack:
		return after, false, w.leadBack
	}
	return after, done, nil
}

func (w *world) named(a migration.Address) string {
	for _, d := range w.desired.Domains {
		if d.Address == a {
			return d.Name
		}
	}
	return ""
}

func (w *world) verdict(a migration.Address, check string) state.Verdict {
	if v, ok := w.verdicts[string(a)+"/"+check]; ok {
		return v
	}
	return state.Passed
}

// proves records what checks find.
func (w *world) proves(s Step, checks ...string) func() {
	return func() {
		o := w.st.Object(s.Address)
		if o.Evidence == nil {
			o.Evidence = map[string]state.Evidence{}
		}
		for _, c := range checks {
			o.Evidence[c] = state.Evidence{At: w.now, Verdict: w.verdict(s.Address, c), Summary: "as the test says"}
		}
	}
}

// passed records a complete pass; its look covers the time since the last one.
func (w *world) passed(s Step) {
	b := w.st.MailboxOf(s.Address)
	b.Pass = &state.Pass{Started: w.now, Ended: w.now, Complete: true, LastComplete: w.now}
	if !b.Silence.LastLook.IsZero() {
		b.Silence.Quiet += min(w.now.Sub(b.Silence.LastLook), 12*time.Hour)
	}
	b.Silence.LastLook, b.Silence.LastTry = w.now, w.now
}

func (w *world) intend() {
	w.st.Switch = &state.Switch{Intent: w.now, PlanID: w.planID}
	for _, m := range w.desired.Mailboxes {
		w.st.MailboxOf(m.Address).Silence = state.Silence{}
	}
}

func (w *world) leadBack() {
	at := w.now
	w.st.Switch.Back = &at
	for _, o := range w.st.Objects {
		for _, name := range []string{"final", "compare", "inbound", "switch", "proof"} {
			delete(o.Done, name)
		}
		delete(o.Evidence, "clients")
	}
	w.st.Revision++
}

// edit writes to the zone. It never lets an MX that existed become empty.
func (w *world) edit(t tb, s Step) json.RawMessage {
	t.Helper()
	e := *s.Action.RRset
	have := w.served(e.Name, e.Type)
	want, err := wanted(have, e)
	if err != nil {
		t.Fatalf("%s: %v", s.Key(), err)
	}
	if !have.Equal(want) {
		w.writes = append(w.writes, s.Key())
	}
	if e.Type == "MX" && !have.IsEmpty() && want.IsEmpty() {
		t.Fatalf("%s leaves %s without MX", s.Key(), e.Name)
	}
	w.zone[want.Key()] = want
	return asJSON(want)
}

// wanted is what the executor makes of an edit, written anew for the model:
// the value before to act upon, the value after to record, else a conflict.
func wanted(have maildns.RRset, e RRsetEdit) (maildns.RRset, error) {
	ttl := e.TTLAfter
	if ttl == 0 || !e.Whole && !have.IsEmpty() {
		ttl = have.TTL
	}
	before := maildns.RRset{Name: e.Name, Type: e.Type, TTL: e.TTLBefore, Values: e.Before}.Canonical()
	want := maildns.RRset{Name: e.Name, Type: e.Type, TTL: ttl, Values: e.After}.Canonical()
	if !e.Whole {
		want = have.Without(e.Before...).With(e.After...).WithTTL(ttl)
	}
	if have.Equal(want) {
		return want, nil
	}
	ours := slices.ContainsFunc(before.Values, func(v string) bool { return !have.Has(v) })
	if e.Whole && have.SameValues(before) && (e.TTLBefore == 0 || have.TTL == e.TTLBefore || have.IsEmpty()) || !e.Whole && !ours {
		return want, nil
	}
	return want, fmt.Errorf("conflict: reviewed %v, found %v", before, have)
}

// tick does what is ready, each step once, until nothing more is.
func (w *world) tick(t tb) *Plan {
	t.Helper()
	return w.tickUntil(t, func(Step) bool { return true })
}

// tickUntil does what is ready of the steps that a test allows.
func (w *world) tickUntil(t tb, allowed func(Step) bool) *Plan {
	t.Helper()
	tried := map[string]bool{}
	for range 300 {
		p := w.plan(t)
		i := slices.IndexFunc(p.Steps, func(s Step) bool { return s.Status == Ready && !tried[s.Key()] && allowed(s) })
		if i < 0 || len(p.Conflicts()) > 0 {
			return p
		}
		tried[p.Steps[i].Key()] = true
		w.do(t, p.Steps[i], lives)
	}
	t.Fatal("the tick never ends")
	return nil
}

// rollBack does what is ready of the way back, until nothing more is.
func (w *world) rollBack(t tb) *Plan {
	t.Helper()
	tried := map[string]bool{}
	for range 100 {
		p, diags := MakeRollback(w.look())
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		i := slices.IndexFunc(p.Steps, func(s Step) bool { return s.Status == Ready && !tried[s.Key()] })
		if i < 0 {
			return p
		}
		tried[p.Steps[i].Key()] = true
		w.do(t, p.Steps[i], lives)
	}
	t.Fatal("the way back never ends")
	return nil
}

// until ticks every four hours, of which one is five o'clock UTC, until a
// condition holds.
func (w *world) until(t tb, what string, reached func(*Plan) bool) *Plan {
	t.Helper()
	for range 200 {
		p := w.tick(t)
		if reached(p) {
			return p
		}
		w.now = w.now.Add(4 * time.Hour)
	}
	t.Fatalf("never reached: %s", what)
	return nil
}

// toWindow prepares everything and stops five minutes into the window.
func (w *world) toWindow(t tb) {
	t.Helper()
	w.tick(t)
	w.now = time.Date(2027, 3, 13, 5, 5, 0, 0, time.UTC)
}

// toSwitched goes on until the MX has moved.
func (w *world) toSwitched(t tb) {
	t.Helper()
	w.toWindow(t)
	w.tick(t)
	if !w.look().switchedOver() {
		t.Fatalf("the MX did not move: %v", readyKeys(w.plan(t)))
	}
}
