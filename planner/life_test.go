package planner

import (
	"testing"
	"time"

	"bascule/migration"
)

func TestAMigrationEndsWithTheProof(t *testing.T) {
	w := company()
	w.domain().Autoconfig = true
	w.target.Exports = map[string]migration.Exports{"example.ch": services()}
	p := w.until(t, "the end", func(p *Plan) bool { return p.Finished })
	if got := w.mx(); got.TTL != 86400 || len(got.Values) != 1 || got.Values[0] != "10 mx.new.example." {
		t.Errorf("the MX ends as %v", got)
	}
	if got := w.served("example.ch", "TXT"); !got.Has("v=spf1 include:shop.example include:spf.new.example -all") || !got.Has("site=1") {
		t.Errorf("the TXT records end as %v", got)
	}
	if len(w.st.InFlight) > 0 {
		t.Errorf("marks are left: %v", w.st.InFlight)
	}
	if p.Changes() || len(p.Ready()) > 0 {
		t.Errorf("a finished migration has something to do: %v", readyKeys(p))
	}
	if at, _ := cutoverAt(w.look()); w.now.Sub(at) < 72*time.Hour {
		t.Errorf("it ended %s after the cutover", w.now.Sub(at))
	}
}

func TestAReviewedPlanCoversItsWholeLife(t *testing.T) {
	for name, change := range map[string]func(*world){
		"plain": func(*world) {},
		"autoconfig": func(w *world) {
			w.domain().Autoconfig = true
			w.target.Exports = map[string]migration.Exports{"example.ch": services()}
		},
		"no MX at first":       func(w *world) { w.publish("example.ch", "MX", 0) },
		"no SPF at first":      func(w *world) { w.publish("example.ch", "TXT", 3600, "site=1") },
		"old terms named":      func(w *world) { w.domain().SPF.DropOld = []string{"mx", "include:shop.example"} },
		"low TTL at first":     func(w *world) { w.publish("example.ch", "MX", 60, "10 mx.old.example.") },
		"an adopted account":   adopted,
		"records come and go":  comeAndGo,
		"a record at cutover":  func(w *world) { comeAndGo(w); w.desired.Records[0].FromPhase = migration.Cutover },
		"the MX is new before": func(w *world) { w.publish("example.ch", "MX", 86400, "10 mx.new.example.") },
		"one host stays":       func(w *world) { w.publish("example.ch", "MX", 86400, "10 mx.new.example.", "20 mx.old.example.") },
		"inbound accepted":     func(w *world) { w.accept("inbound", dom) },
		"no domain":            func(w *world) { w.desired.Domains, w.desired.Aliases = nil, nil },
	} {
		t.Run(name, func(t *testing.T) {
			w := company()
			change(w)
			reviewed := w.plan(t)
			w.until(t, "the end", func(p *Plan) bool {
				for _, m := range reviewed.Uncovered(p) {
					t.Fatalf("%s: not covered: %s: reviewed %+v, now %+v -> %+v", w.now, m.Key, m.Reviewed, m.Now.Before, m.Now.After)
				}
				return p.Finished
			})
		})
	}
}

func adopted(w *world) {
	w.target.Accounts["alice@example.ch"] = migration.Account{Login: "alice@example.ch"}
	w.mailboxes[alice] = migration.MailboxSeen{Target: migration.SideSeen{Looked: true, Messages: 12}}
	w.desired.Mailboxes[0].Target.OnExisting = "adopt"
}

func comeAndGo(w *world) {
	w.desired.Records = []migration.Record{{
		Address: "record.hint", Domain: dom, Name: "hint.example.ch.", Type: "TXT",
		Values: migration.Strings{Values: []string{"moving"}}, FromPhase: migration.Prepare, UntilPhase: migration.Decommission,
	}}
}

func services() migration.Exports {
	return migration.Exports{
		IMAP:       migration.Service{Host: "imap.new.example", Port: 993, TLS: migration.Implicit},
		Submission: migration.Service{Host: "smtp.new.example", Port: 465, TLS: migration.Implicit},
	}
}

func TestARunKilledAtEveryStepLeadsToTheSameEndUnderTheSamePlan(t *testing.T) {
	for name, dies := range map[string]crash{"before acting": beforeActing, "before recording": beforeRecording} {
		t.Run(name, func(t *testing.T) {
			w := company()
			w.domain().Autoconfig = true
			w.target.Exports = map[string]migration.Exports{"example.ch": services()}
			comeAndGo(w)
			reviewed, died := w.plan(t), map[string]bool{}
			for range 200 {
				for w.killed(t, reviewed, died, dies) {
					w.tickUntil(t, func(s Step) bool { return died[s.Key()] })
				}
				if w.now = w.now.Add(4 * time.Hour); w.tickUntil(t, func(s Step) bool { return died[s.Key()] }).Finished {
					break
				}
			}
			if p := w.plan(t); !p.Finished {
				t.Fatalf("it does not end: phase %s, ready %v", p.Phase, readyKeys(p))
			}
			if got := w.mx(); got.TTL != 86400 || !got.Has("10 mx.new.example.") || len(got.Values) != 1 {
				t.Errorf("the MX ends as %v", got)
			}
			for _, m := range w.st.InFlight {
				// What the target itself says is there needs no record.
				if m.Key != "domain.main/serve" && m.Key != "alias.info/set" {
					t.Errorf("a mark is left: %s", m.Key)
				}
			}
		})
	}
}

// killed kills the first ready step that was not killed before.
func (w *world) killed(t tb, reviewed *Plan, died map[string]bool, dies crash) bool {
	t.Helper()
	p := w.plan(t)
	for _, m := range reviewed.Uncovered(p) {
		t.Fatalf("not covered after a crash: %s: reviewed %+v, now %+v -> %+v", m.Key, m.Reviewed, m.Now.Before, m.Now.After)
	}
	if len(p.Conflicts()) > 0 {
		t.Fatalf("a crash looks like drift: %+v", p.Conflicts())
	}
	for _, s := range p.Ready() {
		if !died[s.Key()] {
			died[s.Key()] = true
			w.do(t, s, dies)
			return true
		}
	}
	return false
}
