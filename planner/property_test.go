package planner

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"bascule/maildns"
	"bascule/migration"
	"bascule/state"
)

// drawWorld draws a migration: TTLs, what the MX is at first, what is managed.
func drawWorld(t *rapid.T) *world {
	w := company()
	ttl := rapid.SampledFrom([]uint32{60, 300, 3600, 86400}).Draw(t, "ttl")
	w.publish("example.ch", "MX", ttl, rapid.SampledFrom([][]string{
		{"10 mx.old.example."}, {"10 mx.old.example.", "20 mx2.old.example."}, {"10 mx.old.example.", "20 mx.new.example."}, nil,
	}).Draw(t, "mx")...)
	w.domain().MXTo = known(rapid.SampledFrom([][]string{{"10 mx.new.example."}, {"10 mx.new.example.", "10 mx.old.example."}}).Draw(t, "to")...)
	if w.domain().Autoconfig = rapid.Bool().Draw(t, "autoconfig"); w.domain().Autoconfig {
		w.target.Exports = map[string]migration.Exports{"example.ch": services()}
	}
	if rapid.Bool().Draw(t, "two domains") {
		w.desired.Domains = append(w.desired.Domains, domainOfMX("domain.other", "other.example"))
		w.publish("other.example", "MX", 7200, "10 mx.old.example.")
	}
	if rapid.Bool().Draw(t, "records") {
		comeAndGo(w)
		w.desired.Records[0].FromPhase = rapid.SampledFrom([]migration.Phase{migration.Prepare, migration.Cutover}).Draw(t, "from")
	}
	return w
}

// TestAnyLifeKeepsTheRules plays lives with crashes, outages, failing checks,
// holds and clock hops, and watches the rules all the way.
func TestAnyLifeKeepsTheRules(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		reviewed := w.plan(t)
		had := !w.mx().IsEmpty()
		for i := range rapid.IntRange(3, 25).Draw(t, "events") {
			w.event(t, i)
			if a, b := w.plan(t), w.plan(t); a.ID != b.ID {
				t.Fatalf("two plans of one situation have the ids %s and %s", a.ShortID(), b.ShortID())
			}
			w.play(t, reviewed, rapid.IntRange(0, 40).Draw(t, "steps"))
			if had && w.mx().IsEmpty() {
				t.Fatal("the domain is without MX")
			}
		}
		w.mend()
		for range 200 {
			w.play(t, reviewed, 400)
			p := w.plan(t)
			if len(p.Ready()) > 0 {
				t.Fatalf("after everything ready was done, %v is ready", readyKeys(p))
			}
			if p.Finished {
				return
			}
			w.now = w.now.Truncate(12 * time.Hour).Add(17*time.Hour + 5*time.Minute) // five past five, twice a day
		}
		t.Fatalf("it never ends: %v", w.plan(t).Phases)
	})
}

// event is something that happens between two runs.
func (w *world) event(t *rapid.T, i int) {
	switch rapid.IntRange(0, 9).Draw(t, fmt.Sprintf("event %d", i)) {
	case 0:
		w.down = "timeout"
	case 1:
		w.verdicts["domain.main/rcpt"] = rapid.SampledFrom([]state.Verdict{state.Failed, state.Inconclusive}).Draw(t, "verdict")
	case 2:
		held(w)
	case 3:
		if w.mx().IsEmpty() {
			return // a server that lags behind nothing serves the same nothing
		}
		w.lag[w.mx().Key()] = w.mx().WithTTL(w.mx().TTL + 1)
	case 4:
		inWeek := w.now.Add(time.Duration(rapid.IntRange(0, 6).Draw(t, "days")) * 24 * time.Hour)
		if at := time.Date(inWeek.Year(), inWeek.Month(), inWeek.Day(), 5, 5, 0, 0, time.UTC); at.After(w.now) {
			w.now = at
		}
	case 5, 6:
		w.now = w.now.Add(time.Duration(rapid.IntRange(1, 48*60).Draw(t, "minutes")) * time.Minute)
	default:
		w.mend()
	}
}

func (w *world) mend() {
	w.down, w.st.Hold = "", nil
	clear(w.lag)
	clear(w.verdicts)
}

// play does up to n ready steps, each once, dying now and then.
func (w *world) play(t *rapid.T, reviewed *Plan, n int) {
	tried := map[string]bool{}
	for range n {
		p := w.plan(t)
		w.check(t, reviewed, p)
		i := slices.IndexFunc(p.Steps, func(s Step) bool { return s.Status == Ready && !tried[s.Key()] })
		if i < 0 {
			return
		}
		s := p.Steps[i]
		dies := lives
		if n < 100 && s.Revises {
			dies = rapid.SampledFrom([]crash{lives, lives, lives, beforeActing, beforeRecording}).Draw(t, s.Key())
		}
		tried[s.Key()] = dies == lives
		w.do(t, s, dies)
	}
}

// check is what must hold of every plan.
func (w *world) check(t *rapid.T, reviewed, p *Plan) {
	if left := reviewed.Uncovered(p); len(left) > 0 {
		t.Fatalf("%s is not covered: reviewed %+v, now %+v -> %+v", left[0].Key, left[0].Reviewed, left[0].Now.Before, left[0].Now.After)
	}
	for _, s := range p.Ready() {
		switch {
		case s.Key() == "migration/switch":
			w.mayBegin(t, s)
		case s.Name == "mx.add":
			w.mayBegin(t, s)
			if w.st.Switch == nil {
				t.Fatal("mx.add is ready without the intent")
			}
		case s.Phase == migration.Cutover && !s.Progress && w.st.Switch == nil:
			t.Fatalf("%s is ready without the intent", s.Key())
		case s.Phase == migration.Decommission:
			w.mayEnd(t, s)
		}
	}
}

// mayBegin looks at the model, not at the plan's gates.
func (w *world) mayBegin(t *rapid.T, s Step) {
	local := w.now.In(zurich(t))
	if local.Weekday() != time.Saturday || local.Hour() != 6 {
		t.Fatalf("%s is ready at %s", s.Key(), local)
	}
	if w.st.Hold != nil || w.down != "" || len(w.lag) > 0 {
		t.Fatalf("%s is ready while held or blind", s.Key())
	}
	for _, d := range w.desired.Domains {
		if _, moved := w.st.DoneAt(d.Address, "mx.add"); moved {
			continue
		}
		if done, ok := w.st.DoneAt(d.Address, "mx.ttl"); ok {
			if rr, _ := image(done.Before); w.now.Before(done.At.Add(time.Duration(rr.TTL)*time.Second + 15*time.Minute)) {
				t.Fatalf("%s is ready while caches hold the old TTL of %s", s.Key(), d.Name)
			}
		} else if w.served(d.Name, "MX").TTL > 300 && !w.served(d.Name, "MX").IsEmpty() {
			t.Fatalf("%s is ready with a TTL of %d", s.Key(), w.served(d.Name, "MX").TTL)
		}
		for _, check := range []string{"rcpt", "spf", "dkim"} {
			if e := w.st.Object(d.Address).Evidence[check]; e.Verdict != state.Passed || w.now.Sub(e.At) >= 12*time.Hour {
				t.Fatalf("%s is ready with %s of %s: %+v", s.Key(), check, d.Name, e)
			}
		}
	}
	for _, m := range w.desired.Mailboxes {
		if b := w.st.MailboxOf(m.Address); b.Pass == nil || w.now.Sub(b.Pass.LastComplete) >= 15*time.Minute {
			t.Fatalf("%s is ready although %s is not converged", s.Key(), m.Address)
		}
	}
}

func (w *world) mayEnd(t *rapid.T, s Step) {
	for _, d := range w.desired.Domains {
		mx := w.served(d.Name, "MX")
		if want := (maildns.RRset{Name: mx.Name, Type: "MX", Values: d.MXTo.Values}); !want.SameValues(mx) {
			t.Fatalf("%s is ready, and the MX of %s is %v", s.Key(), d.Name, mx)
		}
	}
	if w.st.Hold != nil || w.now.Sub(w.st.Switch.Intent) < 72*time.Hour {
		t.Fatalf("%s is ready %s after the intent, hold %v", s.Key(), w.now.Sub(w.st.Switch.Intent), w.st.Hold)
	}
	for _, m := range w.desired.Mailboxes {
		if w.st.MailboxOf(m.Address).Silence.Quiet < 48*time.Hour {
			t.Fatalf("%s is ready although %s is not silent", s.Key(), m.Address)
		}
	}
}

func zurich(t *rapid.T) *time.Location {
	z, err := time.LoadLocation("Europe/Zurich")
	if err != nil {
		t.Fatal(err)
	}
	return z
}
