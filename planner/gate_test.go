package planner

import (
	"slices"
	"strings"
	"testing"
	"time"

	"bascule/migration"
	"bascule/state"
)

// required are the gates that hold each step back, and nothing less.
func required() map[string][]string {
	end := []string{GateHold, GateSilence, GateSoak}
	return map[string][]string{
		"migration/switch":                   {GateEvidence, GateHold, GateTTLExpiry, GateWindow},
		"domain.main/mx.ttl":                 {GateHold, GateLead},
		"domain.main/srv._imaps.ttl":         {GateHold, GateLead},
		"domain.main/mx.add":                 {GateEvidence, GateHold, GateTTLExpiry, GateWindow},
		"domain.main/mx.remove":              {GateHold, "propagation:domain.main"},
		"domain.main/srv._imaps.switch":      {GateHold},
		"record.www/record.ttl":              {GateHold, GateLead},
		"record.www/record.switch":           {GateHold},
		"domain.main/inbound":                end,
		`mailbox.team["alice"]/final`:        end,
		`mailbox.team["alice"]/compare`:      end,
		`mailbox.team["bob"]/final`:          end,
		`mailbox.team["bob"]/compare`:        end,
		"domain.main/mx.ttl_restore":         end,
		"domain.main/srv._imaps.ttl_restore": end,
		"record.www/record.ttl_restore":      end,
		"record.hint/unset":                  end,
		"domain.main/spf.minus":              end,
		"migration/proof":                    end,
		// What follows has nobody's mail in its hands.
		"domain.main/serve": nil, "domain.main/spf.union": nil, "domain.main/dkim.s1._domainkey": nil, "domain.main/dmarc": nil,
		`mailbox.team["alice"]/create`: nil, `mailbox.team["alice"]/pin`: nil, `mailbox.team["alice"]/probe`: nil, `mailbox.team["alice"]/sync`: nil,
		`mailbox.team["alice"]/verify`: nil, `mailbox.team["alice"]/kit`: nil,
		`mailbox.team["bob"]/create`: nil, `mailbox.team["bob"]/pin`: nil, `mailbox.team["bob"]/probe`: nil, `mailbox.team["bob"]/sync`: nil,
		`mailbox.team["bob"]/verify`: nil, `mailbox.team["bob"]/kit`: nil,
		"alias.info/set": nil, "record.hint/set": nil,
		"domain.main/rcpt": nil, "domain.main/spf": nil, "domain.main/dkim": nil, "domain.main/clients.check": nil,
	}
}

// everything is a migration whose first plan holds every kind of step.
func everything() *world {
	w := company()
	w.domain().Autoconfig = true
	w.desired.Settings.LowerTTL.Lead = 72 * time.Hour
	w.target.Exports = map[string]migration.Exports{"example.ch": services()}
	w.publish("_imaps._tcp.example.ch", "SRV", 7200, "0 1 993 imap.old.example.")
	w.publish("www.example.ch", "A", 7200, "192.0.2.1")
	comeAndGo(w)
	w.desired.Records = append(w.desired.Records, migration.Record{
		Address: "record.www", Domain: dom, Name: "www.example.ch.", Type: "A",
		Values: migration.Strings{Values: []string{"192.0.2.2"}}, FromPhase: migration.Cutover,
	})
	return w
}

func TestEveryStepCarriesItsGates(t *testing.T) {
	p, want := everything().plan(t), required()
	for _, s := range p.Steps {
		if strings.HasPrefix(s.Name, "srv.") && !strings.HasPrefix(s.Name, "srv._imaps.") {
			continue
		}
		gates, listed := want[s.Key()]
		if !listed {
			t.Errorf("nobody said which gates hold %s back", s.Key())
			continue
		}
		if got := slices.Sorted(slices.Values(s.Gates)); !slices.Equal(got, gates) {
			t.Errorf("%s carries the gates %v, want %v", s.Key(), got, gates)
		}
		delete(want, s.Key())
	}
	for key := range want {
		t.Errorf("the plan has no step %s", key)
	}
	for _, s := range p.Steps {
		for _, id := range s.Gates {
			if _, ok := p.Gate(id); !ok {
				t.Errorf("%s names the gate %s, which the plan does not have", s.Key(), id)
			}
		}
	}
}

// TestEachGateHoldsAlone closes one gate after the other while everything else
// would let the step through.
func TestEachGateHoldsAlone(t *testing.T) {
	for name, c := range map[string]struct {
		key, gate string
		to        func(*world, tb)
		shut      func(*world)
	}{
		"the intent waits for the hold": {"migration/switch", GateHold, toGates, held},
		"the intent waits for the window": {"migration/switch", GateWindow, toGates, func(w *world) {
			w.desired.Settings.Cutover.Window.Start = 8 * 60
			w.desired.Settings.Cutover.Window.End = 9 * 60
		}},
		"the intent waits for the TTL":      {"migration/switch", GateTTLExpiry, toGates, func(w *world) { w.desired.Settings.LowerTTL.Wait = 30 * 24 * time.Hour }},
		"the intent waits for the evidence": {"migration/switch", GateEvidence, toGates, failRCPT},
		"the MX waits for the hold":         {"domain.main/mx.add", GateHold, toIntent, held},
		"the MX waits for the window":       {"domain.main/mx.add", GateWindow, toIntent, func(w *world) { w.desired.Settings.Cutover.Window.Days = []time.Weekday{time.Sunday} }},
		"the MX waits for the TTL":          {"domain.main/mx.add", GateTTLExpiry, toIntent, func(w *world) { w.desired.Settings.LowerTTL.Wait = 30 * 24 * time.Hour }},
		"the MX waits for the evidence":     {"domain.main/mx.add", GateEvidence, toIntent, failRCPT},
		"the removal waits for the hold":    {"domain.main/mx.remove", GateHold, toHalf, held},
		"the closing waits for the hold":    {"domain.main/inbound", GateHold, toEnd, held},
		"the closing waits for the soak":    {"domain.main/inbound", GateSoak, toEnd, func(w *world) { w.desired.Settings.DoubleReception.Soak = 60 * 24 * time.Hour }},
		"the closing waits for the silence": {"domain.main/inbound", GateSilence, toEnd, func(w *world) { w.st.MailboxOf(alice).Silence.Quiet = time.Hour }},
	} {
		t.Run(name, func(t *testing.T) {
			w := company()
			w.tick(t)
			c.to(w, t)
			if s := step(t, w.plan(t), c.key); s.Status != Ready {
				t.Fatalf("%s is %s before the gate is shut: %v", c.key, s.Status, s.DependsOn)
			}
			c.shut(w)
			p := w.plan(t)
			if s := step(t, p, c.key); s.Status != Gated {
				t.Errorf("%s is %s behind a closed gate", c.key, s.Status)
			}
			for _, g := range p.Gates {
				if slices.Contains(step(t, p, c.key).Gates, g.ID) && (g.Status == Open) == (g.ID == c.gate) {
					t.Errorf("the gate %s is %s: %s", g.ID, g.Status, g.Because)
				}
			}
		})
	}
}

func held(w *world) { w.st.Hold = &state.Hold{Since: w.now, By: "somebody", Reason: "lunch"} }

func failRCPT(w *world) {
	w.st.Object(dom).Evidence["rcpt"] = state.Evidence{At: w.now, Verdict: state.Failed, Summary: "bob refused"}
}

func named(names ...string) func(Step) bool {
	return func(s Step) bool { return s.Progress || slices.Contains(names, s.Name) }
}

func inWindow(w *world) { w.now = time.Date(2027, 3, 13, 5, 5, 0, 0, time.UTC) }

func toGates(w *world, t tb) { inWindow(w); w.tickUntil(t, named()) }

func toIntent(w *world, t tb) { inWindow(w); w.tickUntil(t, named("switch")) }

func toHalf(w *world, t tb) { inWindow(w); w.tickUntil(t, named("switch", "mx.add")) }

// toEnd is where everything is over but the closing of the old side.
func toEnd(w *world, t tb) {
	w.verdicts["domain.main/manual:inbound"] = state.Failed
	w.until(t, "the last step of a person", func(p *Plan) bool {
		return p.open(GateSoak) && p.open(GateSilence) && w.look().switchedOver()
	})
	w.now = w.now.Add(10 * time.Minute)
	w.tickUntil(t, named())
}

func TestTheTTLGate(t *testing.T) {
	lowered := func(at time.Time) func(*world) {
		return func(w *world) {
			old := w.mx()
			w.st.Object(dom).Done = map[string]state.Done{"mx.ttl": {At: at, Before: asJSON(old), After: asJSON(old.WithTTL(300))}}
			w.zone[old.Key()] = old.WithTTL(300)
		}
	}
	day := 24 * time.Hour
	for name, c := range map[string]struct {
		change func(*world)
		want   GateStatus
		opens  time.Duration // after monday
	}{
		"it was not lowered yet":                     {func(*world) {}, Closed, 0},
		"it is low already":                          {func(w *world) { w.publish("example.ch", "MX", 300, "10 mx.old.example.") }, Open, 0},
		"it is below the low one already":            {func(w *world) { w.publish("example.ch", "MX", 60, "10 mx.old.example.") }, Open, 0},
		"there is no MX yet":                         {func(w *world) { w.publish("example.ch", "MX", 0) }, Open, 0},
		"caches may still hold it":                   {lowered(monday.Add(-23 * time.Hour)), Closed, day - 23*time.Hour + 15*time.Minute},
		"the margin counts":                          {lowered(monday.Add(-day)), Closed, 15 * time.Minute},
		"no cache holds it":                          {lowered(monday.Add(-day - 15*time.Minute)), Open, 0},
		"a wait longer than the TTL counts":          {func(w *world) { lowered(monday.Add(-2 * day))(w); w.desired.Settings.LowerTTL.Wait = 3 * day }, Closed, day},
		"a wait shorter than the TTL does not":       {func(w *world) { lowered(monday.Add(-time.Hour))(w); w.desired.Settings.LowerTTL.Wait = time.Minute }, Closed, 23*time.Hour + 15*time.Minute},
		"of several record sets the last one counts": {func(w *world) { lowered(monday.Add(-2 * day))(w); slowSRV(w) }, Closed, 5 * time.Hour},
		"one of several is still to be lowered": {func(w *world) {
			lowered(monday.Add(-2 * day))(w)
			slowSRV(w)
			delete(w.st.Objects[dom].Done, "srv._imaps.ttl")
			w.publish("_imaps._tcp.example.ch", "SRV", 6*3600, "0 1 993 imap.old.example.")
		}, Closed, 0},
		"a server that is silent leaves it unknown": {func(w *world) { w.down = "timeout" }, Inconclusive, 0},
		"what was lowered stays known":              {func(w *world) { lowered(monday.Add(-2 * day))(w); w.down = "timeout" }, Open, 0},
	} {
		t.Run(name, func(t *testing.T) {
			w := company()
			c.change(w)
			g := gate(t, w.plan(t), GateTTLExpiry)
			if g.Status != c.want {
				t.Errorf("got %s (%s, %v), want %s", g.Status, g.Because, g.Items, c.want)
			}
			if c.opens > 0 && !g.OpensAt.Equal(monday.Add(c.opens)) {
				t.Errorf("it opens %s, want %s", g.OpensAt, monday.Add(c.opens))
			}
			if c.opens == 0 && c.want == Closed && !g.OpensAt.IsZero() {
				t.Errorf("it promises to open at %s", g.OpensAt)
			}
		})
	}
}

// slowSRV has an SRV that was served for six hours, lowered 75 minutes ago.
func slowSRV(w *world) {
	w.domain().Autoconfig = true
	w.target.Exports = map[string]migration.Exports{"example.ch": services()}
	w.publish("_imaps._tcp.example.ch", "SRV", 6*3600, "0 1 993 imap.old.example.")
	old := w.served("_imaps._tcp.example.ch", "SRV")
	w.st.Object(dom).Done["srv._imaps.ttl"] = state.Done{At: monday.Add(-75 * time.Minute), Before: asJSON(old), After: asJSON(old.WithTTL(300))}
	w.zone[old.Key()] = old.WithTTL(300)
}

func TestTheLeadGate(t *testing.T) {
	for name, c := range map[string]struct {
		lead time.Duration
		now  time.Time
		want GateStatus
	}{
		"without a lead nothing waits":        {0, monday, Open},
		"the window is further than the lead": {72 * time.Hour, monday, Closed},
		"the lead has come":                   {72 * time.Hour, time.Date(2027, 3, 10, 5, 0, 0, 0, time.UTC), Open},
	} {
		t.Run(name, func(t *testing.T) {
			w := company()
			w.desired.Settings.LowerTTL.Lead = c.lead
			w.tickUntil(t, func(s Step) bool { return s.Phase != migration.LowerTTL })
			w.now = c.now
			p := w.plan(t)
			s := step(t, p, "domain.main/mx.ttl")
			if (s.Status == Ready) != (c.want == Open) {
				t.Errorf("mx.ttl is %s", s.Status)
			}
			if g, ok := p.Gate(GateLead); ok && g.Status != c.want {
				t.Errorf("the gate is %s: %s", g.Status, g.Because)
			}
		})
	}
}

func TestTheEvidenceGate(t *testing.T) {
	set := func(a migration.Address, check string, v state.Verdict, age time.Duration) func(*world) {
		return func(w *world) {
			w.st.Object(a).Evidence[check] = state.Evidence{At: w.now.Add(-age), Verdict: v, Summary: "so it is"}
		}
	}
	both := func(fs ...func(*world)) func(*world) {
		return func(w *world) {
			for _, f := range fs {
				f(w)
			}
		}
	}
	dead := func(w *world) {
		w.st.MailboxOf(bob).Pass = nil
		w.st.Object(bob).Evidence = nil
	}
	for name, c := range map[string]struct {
		change func(*world)
		want   GateStatus
	}{
		"everything passed":  {func(*world) {}, Open},
		"a check is missing": {func(w *world) { delete(w.st.Objects[dom].Evidence, "spf") }, Inconclusive},
		"a check that nobody requires is missing": {func(w *world) {
			delete(w.st.Objects[dom].Evidence, "spf")
			w.desired.Settings.Verify.Require = []string{"messages", "rcpt"}
		}, Open},
		"a check is one minute younger than its age allows": {set(dom, "spf", state.Passed, 12*time.Hour-time.Minute), Open},
		"a check is too old":                               {set(dom, "spf", state.Passed, 12*time.Hour), Inconclusive},
		"a check failed":                                   {set(alice, "flags", state.Failed, 0), GateFailed},
		"a check is inconclusive":                          {set(dom, "rcpt", state.Inconclusive, 0), Inconclusive},
		"a failure outweighs what is missing":              {both(set(dom, "rcpt", state.Inconclusive, 0), set(alice, "dates", state.Failed, 0)), GateFailed},
		"a failure that was accepted by name":              {both(set(alice, "flags", state.Failed, 0), func(w *world) { w.accept("flags", alice) }), Open},
		"a failure accepted for somebody else":             {both(set(alice, "flags", state.Failed, 0), func(w *world) { w.accept("flags", bob) }), GateFailed},
		"a failure accepted by the name of its domain":     {both(set(dom, "rcpt", state.Inconclusive, 0), func(w *world) { w.accept("rcpt", "Example.CH.") }), Open},
		"an acceptance that is over":                       {both(set(alice, "flags", state.Failed, 0), func(w *world) { w.accept("flags", alice); w.desired.Accepts[0].Until = w.now }), GateFailed},
		"an acceptance that still holds":                   {both(set(alice, "flags", state.Failed, 0), func(w *world) { w.accept("flags", alice); w.desired.Accepts[0].Until = w.now.Add(time.Second) }), Open},
		"one message accepted does not accept the mailbox": {both(set(alice, "messages", state.Failed, 0), func(w *world) { w.accept("messages", alice); w.desired.Accepts[0].Message = "<1@x>" }), GateFailed},
		"a mailbox has not converged":                      {func(w *world) { w.st.MailboxOf(bob).Pass.LastComplete = w.now.Add(-freshness) }, Closed},
		"a mailbox converged a quarter of an hour ago":     {func(w *world) { w.st.MailboxOf(bob).Pass.LastComplete = w.now.Add(1 - freshness) }, Open},
		"messages failed in the last pass":                 {func(w *world) { w.st.MailboxOf(bob).Pass.Open = 3 }, Closed},
		"messages that failed were accepted":               {both(func(w *world) { w.st.MailboxOf(bob).Pass.Open = 3 }, func(w *world) { w.accept("messages", bob) }), Open},
		"a mailbox that is dead":                           {dead, Inconclusive},
		"a mailbox that is dead and accepted by name":      {both(dead, func(w *world) { w.accept("mailbox", bob) }), Open},
		"nothing is required but that mailboxes converge":  {func(w *world) { w.desired.Settings.Verify.Require = nil; w.st.MailboxOf(bob).Pass = nil }, Closed},
	} {
		t.Run(name, func(t *testing.T) {
			w := company()
			w.toWindow(t)
			w.tickUntil(t, named())
			c.change(w)
			if g := gate(t, w.plan(t), GateEvidence); g.Status != c.want || g.Because == "" {
				t.Errorf("got %s (%s, %v), want %s", g.Status, g.Because, g.Items, c.want)
			}
		})
	}
}

func TestSoakAndSilence(t *testing.T) {
	for name, c := range map[string]struct {
		change        func(*world)
		soak, silence GateStatus
	}{
		"just after the cutover":         {func(*world) {}, Closed, Closed},
		"the soak is over by the second": {func(w *world) { w.now = w.now.Add(72 * time.Hour) }, Open, Closed},
		"the soak lacks a second":        {func(w *world) { w.now = w.now.Add(72*time.Hour - time.Second) }, Closed, Closed},
		"silent before the soak is over": {quietFor(48 * time.Hour), Closed, Open},
		"silent, not long enough":        {quietFor(48*time.Hour - 1), Closed, Closed},
		"one that is not silent accepted by name": {func(w *world) {
			quietFor(48 * time.Hour)(w)
			w.st.MailboxOf(bob).Silence.Quiet = 0
			w.accept("silence", bob)
		}, Closed, Open},
		"one that is dead accepted by name": {func(w *world) {
			quietFor(48 * time.Hour)(w)
			w.st.MailboxOf(bob).Silence = state.Silence{}
			w.accept("mailbox", bob)
		}, Closed, Open},
		"a sender accepted is not silence": {func(w *world) {
			w.accept("silence", bob)
			w.accept("silence", alice)
			w.desired.Accepts[0].Sender = "news@x"
		}, Closed, Closed},
		"never silent and the wait is over": {func(w *world) { w.now = w.now.Add(30*24*time.Hour + time.Second) }, Open, Person},
		"after the way back":                {func(w *world) { quietFor(48 * time.Hour)(w); at := w.now; w.st.Switch.Back = &at }, Closed, Closed},
	} {
		t.Run(name, func(t *testing.T) {
			w := company()
			w.toSwitched(t)
			c.change(w)
			p := w.plan(t)
			if g := gate(t, p, GateSoak); g.Status != c.soak {
				t.Errorf("the soak is %s (%s), want %s", g.Status, g.Because, c.soak)
			}
			g := gate(t, p, GateSilence)
			if g.Status != c.silence {
				t.Errorf("the silence is %s (%s, %v), want %s", g.Status, g.Because, g.Items, c.silence)
			}
			if g.Status == Person && g.Next == "" {
				t.Error("nobody is told what to do")
			}
		})
	}
}

func quietFor(d time.Duration) func(*world) {
	return func(w *world) {
		for _, m := range w.desired.Mailboxes {
			w.st.MailboxOf(m.Address).Silence.Quiet = d
		}
	}
}

func TestALookThatFailedIsSaid(t *testing.T) {
	w := company()
	w.toSwitched(t)
	s := &w.st.MailboxOf(bob).Silence
	s.LastLook, s.LastTry = w.now, w.now.Add(time.Minute)
	if g := gate(t, w.plan(t), GateSilence); !strings.Contains(strings.Join(g.Items, "\n"), "the last look failed") {
		t.Errorf("the failed look is not named: %v", g.Items)
	}
}

func TestThePropagationGate(t *testing.T) {
	const id = "propagation:domain.main"
	half := func(w *world) { w.publish("example.ch", "MX", 300, "10 mx.old.example.", "10 mx.new.example.") }
	lag := func(w *world) { half(w); w.lag[w.mx().Key()] = w.mx().Without("10 mx.new.example.") }
	for name, c := range map[string]struct {
		change func(*world)
		want   GateStatus
		ready  bool
	}{
		"both sides on every server":        {half, Open, true},
		"one server lags":                   {lag, Closed, false},
		"one server is silent":              {func(w *world) { half(w); w.down = "timeout" }, Closed, false},
		"the new side stands alone already": {func(w *world) { w.publish("example.ch", "MX", 300, "10 mx.new.example.") }, Open, true},
		"the right values with another TTL": {func(w *world) { half(w); w.zone[w.mx().Key()] = w.mx().WithTTL(9) }, Closed, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := company()
			w.tick(t)
			toHalf(w, t)
			c.change(w)
			in := w.look()
			if g := propagationGate(in, domainMX(in, in.Desired.Domains[0])); g.ID != id || g.Status != c.want || g.Because == "" {
				t.Errorf("got %s (%s, %v), want %s", g.Status, g.Because, g.Items, c.want)
			}
			p, _ := Make(in)
			if got := slices.Contains(readyKeys(p), "domain.main/mx.remove"); got != c.ready {
				t.Errorf("mx.remove ready: %v", got)
			}
		})
	}
}

func TestTheHoldGate(t *testing.T) {
	w := company()
	if g := gate(t, w.plan(t), GateHold); g.Status != Open {
		t.Errorf("nobody holds it, and it is %s", g.Status)
	}
	held(w)
	if g := gate(t, w.plan(t), GateHold); g.Status != Person || g.Next == "" || !strings.Contains(g.Because, "lunch") {
		t.Errorf("held, it is %+v", g)
	}
}
