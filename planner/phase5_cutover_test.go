package planner

import (
	"slices"
	"strings"
	"testing"
	"time"

	"bascule/maildns"
	"bascule/migration"
	"bascule/state"
)

func TestTheWayOfAnMX(t *testing.T) {
	const old, new = "10 mx.old.example.", "10 mx.new.example."
	for name, c := range map[string]struct {
		ttl  uint32
		have []string
		to   migration.Strings
		want string
	}{
		"from old to new":               {86400, []string{old}, known(new), "mx.ttl mx.add mx.remove mx.ttl_restore"},
		"with a low TTL already":        {300, []string{old}, known(new), "mx.add mx.remove"},
		"below the low TTL":             {60, []string{old}, known(new), "mx.add mx.remove"},
		"from none":                     {0, nil, known(new), "mx.add"},
		"new is old":                    {86400, []string{new}, known(new), "mx.ttl mx.ttl_restore"},
		"new is old with a low TTL":     {300, []string{new}, known(new), ""},
		"one host stays, one goes":      {86400, []string{old, new}, known(new), "mx.ttl mx.remove mx.ttl_restore"},
		"one host stays, one comes":     {86400, []string{old}, known(old, new), "mx.ttl mx.add mx.ttl_restore"},
		"to something unknown":          {86400, []string{old}, migration.Strings{Unknown: true}, "mx.ttl mx.add mx.remove mx.ttl_restore"},
		"to something unknown, low TTL": {300, []string{old}, migration.Strings{Unknown: true}, "mx.add mx.remove"},
	} {
		t.Run(name, func(t *testing.T) {
			w := company()
			w.publish("example.ch", "MX", c.ttl, c.have...)
			w.domain().MXTo = c.to
			in := w.look()
			way := desiredAt(domainMX(in, in.Desired.Domains[0]), in)
			var steps []string
			for _, s := range way[1:] {
				steps = append(steps, s.step)
				if s.want.IsEmpty() && !c.to.Unknown {
					t.Errorf("%s leaves no MX", s.step)
				}
			}
			if got := strings.Join(steps, " "); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func known(values ...string) migration.Strings { return migration.Strings{Values: values} }

// TestWhateverComesFirstWaitsForTheCutover: no step of the switch, of the MX or
// beside it, is ready before the window, whatever the MX looks like at first.
func TestWhateverComesFirstWaitsForTheCutover(t *testing.T) {
	for name, mx := range map[string][]string{
		"old": {"10 mx.old.example."}, "none": nil, "new": {"10 mx.new.example."}, "both": {"10 mx.old.example.", "10 mx.new.example."},
	} {
		t.Run(name, func(t *testing.T) {
			w := everything()
			w.desired.Settings.LowerTTL.Lead = 0
			w.publish("example.ch", "MX", 86400, mx...)
			w.until(t, "everything prepared and no cache left", func(p *Plan) bool { return p.open(GateTTLExpiry) && p.open(GateEvidence) })
			if p := w.plan(t); w.st.Switched() || w.served("www.example.ch", "A").Has("192.0.2.2") || w.served("_imaps._tcp.example.ch", "SRV").Has("0 1 993 imap.new.example.") {
				t.Errorf("something moved before the window; ready: %v", readyKeys(p))
			}
			w.toSwitched(t)
			if !w.served("www.example.ch", "A").Has("192.0.2.2") || !w.served("_imaps._tcp.example.ch", "SRV").Has("0 1 993 imap.new.example.") || !w.mx().Has("10 mx.new.example.") {
				t.Errorf("not everything moved: %v", readyKeys(w.plan(t)))
			}
		})
	}
}

func TestWhatIsUnknownMovesNothing(t *testing.T) {
	for name, hide := range map[string]func(*world){
		"a server is silent": func(w *world) { w.down = "timeout" },
		"servers disagree":   func(w *world) { w.lag[w.mx().Key()] = w.mx().With("30 mx.third.example.") },
		"the TXT set is unsure": func(w *world) {
			w.lag[maildns.KeyOf("example.ch", "TXT")] = maildns.RRset{Name: "example.ch.", Type: "TXT"}
		},
	} {
		for at, to := range map[string]func(*world, tb){"before the switch": toGates, "after the intent": toIntent, "half swapped": toHalf, "at the end": toEnd} {
			t.Run(name+" "+at, func(t *testing.T) {
				w := everything()
				w.desired.Settings.LowerTTL.Lead = 0
				w.tick(t)
				to(w, t)
				hide(w)
				delete(w.verdicts, "domain.main/manual:inbound")
				p := w.plan(t)
				for _, s := range p.Ready() {
					if !s.Progress && s.Phase >= migration.Cutover && s.Name != "kit" {
						t.Errorf("%s is ready", s.Key())
					}
				}
				if p.Complete || p.Finished {
					t.Error("the plan calls itself complete")
				}
			})
		}
	}
}

func TestAnUnknownZoneLeavesThePhaseInPrepare(t *testing.T) {
	w := company()
	w.tickUntil(t, func(s Step) bool { return s.Phase <= migration.Prepare })
	w.down = "timeout"
	if p := w.plan(t); p.Phase != migration.Prepare || p.Phases[0].Status != "blocked" {
		t.Errorf("the phase is %s, prepare is %s", p.Phase, p.Phases[0].Status)
	}
}

func TestATargetThatFallsSilentAfterTheCutoverUndoesNothing(t *testing.T) {
	w := company()
	reviewed := w.plan(t)
	w.toSwitched(t)
	w.domain().MXTo = migration.Strings{Unknown: true}
	w.target.Err = "503"
	in := w.look()
	if !in.switchedOver() {
		t.Error("the MX counts as not moved")
	}
	p := w.plan(t)
	if !hasStep(p, "domain.main/mx.ttl_restore") || len(reviewed.Uncovered(p)) > 0 {
		t.Errorf("uncovered: %+v", reviewed.Uncovered(p))
	}
	if len(p.Conflicts()) > 0 {
		t.Errorf("conflicts: %+v", p.Conflicts())
	}
}

func TestTwoDomainsOfWhichOneLags(t *testing.T) {
	w := company()
	w.desired.Domains = append(w.desired.Domains, domainOfMX("domain.other", "other.example"))
	w.publish("other.example", "MX", 86400, "10 mx.old.example.")
	w.toWindow(t)
	w.tickUntil(t, func(s Step) bool { return s.Progress || s.Name != "mx.remove" || s.Address == dom })
	in := w.look()
	if in.switchedOver() || !in.done(dom, "mx.remove") {
		t.Fatal("the scene is not set")
	}
	p := w.plan(t)
	if g := gate(t, p, GateSoak); g.Status == Open {
		t.Error("the soak counts although one domain has not moved")
	}
	w.now = w.now.Add(40 * 24 * time.Hour)
	for _, s := range w.plan(t).Ready() {
		if s.Phase == migration.Decommission {
			t.Errorf("%s is ready", s.Key())
		}
	}
	w.tick(t)
	if !w.look().switchedOver() {
		t.Error("the second one does not go on by itself")
	}
}

func TestMailboxesAlone(t *testing.T) {
	w := company()
	w.desired.Domains, w.desired.Aliases = nil, nil
	w.st.Object(alice).Done = map[string]state.Done{}
	p := w.plan(t)
	for _, s := range p.Steps {
		if s.Phase == migration.LowerTTL || s.Phase == migration.Cutover || s.Phase == migration.DoubleReception {
			t.Errorf("%s has no place here", s.Key())
		}
	}
	w.verdicts[string(bob)+"/messages"] = state.Failed
	if p = w.tick(t); p.Finished {
		t.Error("finished although a comparison failed")
	}
	delete(w.verdicts, string(bob)+"/messages")
	w.now = w.now.Add(10 * time.Minute)
	if p = w.tick(t); !p.Finished || !w.look().done(Root, "proof") {
		t.Errorf("not finished: %v", keysOf(p.Steps, func(s Step) bool { return !s.Progress }))
	}
}

func TestMailboxesAloneAreNotProvenBeforeTheyAreCopied(t *testing.T) {
	w := company()
	w.desired.Domains, w.desired.Aliases = nil, nil
	w.desired.Settings.Verify.Require = nil
	w.tickUntil(t, func(s Step) bool { return s.Name != "sync" })
	failed := &state.Pass{Started: w.now, Ended: w.now, Open: 2}
	w.st.MailboxOf(alice).Pass, w.st.MailboxOf(bob).Pass = failed, failed
	if p := w.plan(t); slices.Contains(readyKeys(p), "migration/proof") {
		t.Error("the proof is ready although every pass failed")
	}
}

func TestInboundAcceptedByNameStillEndsThePull(t *testing.T) {
	w := company()
	w.accept("inbound", dom)
	w.until(t, "the end", func(p *Plan) bool { return p.Finished })
	for _, a := range []migration.Address{alice, bob} {
		if !w.look().done(a, "final") || !w.look().done(a, "compare") {
			t.Errorf("%s has no last delta", a)
		}
	}
	if p := w.plan(t); hasStep(p, `mailbox.team["alice"]/sync`) || len(p.Notes) == 0 {
		t.Error("the pull goes on, or nobody is told")
	}
}

func TestDriftStopsWhatItConcerns(t *testing.T) {
	for name, c := range map[string]struct {
		to    func(*world, tb)
		drift func(*world)
		want  bool
	}{
		"a changed MX after the TTL":     {toGates, func(w *world) { w.publish("example.ch", "MX", 300, "10 mx.third.example.") }, true},
		"a raised TTL":                   {toGates, func(w *world) { w.publish("example.ch", "MX", 86400, "10 mx.old.example.") }, true},
		"what the next step would bring": {toIntent, func(w *world) { w.publish("example.ch", "MX", 300, "10 mx.old.example.", "10 mx.new.example.") }, false},
		"a changed MX half way":          {toHalf, func(w *world) { w.publish("example.ch", "MX", 300, "10 mx.third.example.") }, true},
		"the old MX back at the end":     {toEnd, func(w *world) { w.publish("example.ch", "MX", 300, "10 mx.old.example.") }, true},
		"a changed MX after everything":  {func(w *world, t tb) { w.until(t, "the end", func(p *Plan) bool { return p.Finished }) }, func(w *world) { w.publish("example.ch", "MX", 86400, "10 mx.third.example.") }, true},
		"a rollback that was not ended":  {toHalf, func(w *world) { w.st.InFlight = []state.Mark{{Key: "domain.main/mx.back_add", Before: asJSON(w.mx())}} }, true},
	} {
		t.Run(name, func(t *testing.T) {
			w := company()
			w.tick(t)
			c.to(w, t)
			if d := w.plan(t).Drift; len(d) > 0 {
				t.Fatalf("drift from the start: %+v", d)
			}
			c.drift(w)
			p := w.plan(t)
			if got := len(p.Conflicts()) > 0; got != c.want {
				t.Errorf("conflicts: %+v", p.Drift)
			}
			for _, s := range p.Ready() {
				if c.want && !s.Progress && (s.Address == dom || s.Address == Root) {
					t.Errorf("%s is ready", s.Key())
				}
			}
		})
	}
}
