package planner

import (
	"slices"
	"strings"
	"testing"

	"bascule/migration"
	"bascule/state"
)

// TestTheWayBackFromEveryPoint rolls back from wherever the switch may stand,
// then goes forward again to the end.
func TestTheWayBackFromEveryPoint(t *testing.T) {
	mark := func(name string, effect bool) func(*world, tb) {
		return func(w *world, t tb) {
			dies := beforeActing
			if effect {
				dies = beforeRecording
			}
			w.do(t, step(t, w.plan(t), "domain.main/"+name), dies)
		}
	}
	then := func(fs ...func(*world, tb)) func(*world, tb) {
		return func(w *world, t tb) {
			for _, f := range fs {
				f(w, t)
			}
		}
	}
	restored := func(w *world, t tb) {
		toEnd(w, t)
		delete(w.verdicts, "domain.main/manual:inbound")
		w.now = w.now.Add(2 * w.desired.Settings.Sync.Every)
		w.tickUntil(t, func(s Step) bool { return s.Name != "proof" && s.Name != "mx.ttl_restore" })
	}
	for name, to := range map[string]func(*world, tb){
		"after the intent":                   toIntent,
		"about to add":                       then(toIntent, mark("mx.add", false)),
		"added and not recorded":             then(toIntent, mark("mx.add", true)),
		"half swapped":                       toHalf,
		"about to remove":                    then(toHalf, mark("mx.remove", false)),
		"removed and not recorded":           then(toHalf, mark("mx.remove", true)),
		"switched":                           func(w *world, t tb) { inWindow(w); w.tick(t) },
		"before the TTL is restored":         restored,
		"about to restore the TTL":           then(restored, mark("mx.ttl_restore", false)),
		"the TTL restored, and not recorded": then(restored, mark("mx.ttl_restore", true)),
		"the TTL restored":                   then(restored, func(w *world, t tb) { w.tickUntil(t, named("mx.ttl_restore")) }),
		"at the end":                         func(w *world, t tb) { w.until(t, "the end", func(p *Plan) bool { return p.Finished }) },
	} {
		t.Run(name, func(t *testing.T) {
			w := everything()
			w.desired.Settings.LowerTTL.Lead = 0
			w.tick(t)
			to(w, t)
			reviewed, _ := MakeRollback(w.look())
			back := w.rollBackKilled(t, reviewed)
			if !back.Finished || back.Phase != migration.Verify {
				t.Fatalf("the way back is not over: %v", keysOf(back.Steps, func(Step) bool { return true }))
			}
			if got := w.mx(); len(got.Values) != 1 || !got.Has("10 mx.old.example.") {
				t.Errorf("the MX is %v", got)
			}
			if got := w.served("www.example.ch", "A"); !got.Has("192.0.2.1") {
				t.Errorf("the record beside it is %v", got)
			}
			if w.st.Hold == nil || w.st.Switch.Back == nil {
				t.Error("it is not held, or not on record")
			}
			p := w.plan(t)
			if len(p.Conflicts()) > 0 {
				t.Errorf("the way forward calls it drift: %+v", p.Drift)
			}
			for _, s := range p.Ready() {
				if s.Phase >= migration.LowerTTL && !s.Progress && s.Name != "kit" {
					t.Errorf("%s is ready although it is held", s.Key())
				}
				if sync := s.Action.Sync; sync != nil && !sync.AddOnly {
					t.Error("the sync mirrors again")
				}
			}
			w.st.Hold = nil
			w.until(t, "the end, after a way back", func(p *Plan) bool { return p.Finished })
			if got := w.mx(); len(got.Values) != 1 || !got.Has("10 mx.new.example.") || got.TTL != 86400 {
				t.Errorf("the MX ends as %v", got)
			}
		})
	}
}

// rollBackKilled rolls back, dying once at every step after its effect.
func (w *world) rollBackKilled(t tb, reviewed *Plan) *Plan {
	t.Helper()
	died := map[string]bool{}
	for range 60 {
		p, diags := MakeRollback(w.look())
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		for _, m := range reviewed.Uncovered(p) {
			t.Fatalf("the reviewed way back does not cover %s: reviewed %+v, now %+v -> %+v", m.Key, m.Reviewed, m.Now.Before, m.Now.After)
		}
		ready := p.Ready()
		if len(ready) == 0 {
			return p
		}
		dies := lives
		if s := ready[0]; !died[s.Key()] && s.Action.RRset != nil {
			died[s.Key()], dies = true, beforeRecording
		}
		w.do(t, ready[0], dies)
	}
	t.Fatal("the way back never ends")
	return nil
}

func TestTheWayBackFirstHoldsThenAsksTheOldSide(t *testing.T) {
	w := company()
	w.toSwitched(t)
	w.verdicts["domain.main/old_rcpt"] = state.Failed
	p := w.rollBack(t)
	if w.st.Hold == nil {
		t.Error("it is not held")
	}
	if !w.mx().Has("10 mx.new.example.") || w.mx().Has("10 mx.old.example.") {
		t.Errorf("the MX moved to a side that refuses mail: %v", w.mx())
	}
	if s := step(t, p, "domain.main/mx.back_add"); s.Status != Gated {
		t.Errorf("mx.back_add is %s", s.Status)
	}
	w.accept("old_rcpt", dom)
	if p = w.rollBack(t); !p.Finished {
		t.Errorf("accepted by name, it does not end: %v", readyKeys(p))
	}
}

func TestTheHoldIsSetEvenWhenTheZoneIsUnknown(t *testing.T) {
	w := company()
	w.toSwitched(t)
	w.down = "timeout"
	p, _ := MakeRollback(w.look())
	if got := readyKeys(p); !slices.Equal(got, []string{"migration/hold"}) {
		t.Errorf("ready: %v", got)
	}
}

func TestNothingToLeadBack(t *testing.T) {
	w := company()
	w.tick(t)
	w.st.Hold = &state.Hold{Since: w.now, By: "test"}
	if p, _ := MakeRollback(w.look()); !p.Finished {
		t.Errorf("steps before anything moved: %v", readyKeys(p))
	}
}

func TestThePriceOfTheWayBackIsKnownWithoutALook(t *testing.T) {
	w := company()
	w.until(t, "double reception", func(*Plan) bool { _, done := w.st.DoneAt(dom, "mx.remove"); return done })
	seen := w.look()
	blind := seen
	blind.Zones = nil
	got, want := RollbackText(blind), RollbackText(seen)
	if got != want || !strings.Contains(want, "about 5m ") {
		t.Errorf("without a look: %q, with one: %q", got, want)
	}
}
