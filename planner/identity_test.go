package planner

import (
	"testing"
	"time"

	"bascule/migration"
	"bascule/state"
)

func TestTheIdentityOfAPlan(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*world)
		same   bool
	}{
		"nothing changed":               {func(*world) {}, true},
		"an hour has passed":            {func(w *world) { w.now = w.now.Add(time.Hour) }, true},
		"a pass was recorded":           {func(w *world) { w.passed(Step{Address: alice}) }, true},
		"evidence was gathered":         {func(w *world) { w.proves(Step{Address: dom}, "rcpt")() }, true},
		"somebody holds it":             {held, true},
		"the serial rose":               {func(w *world) { w.st.Serial++ }, true},
		"mail arrived in an account":    {func(w *world) { s := w.mailboxes[bob]; s.Target.Messages++; w.mailboxes[bob] = s }, true},
		"a server fell silent":          {func(w *world) { w.st.Object(alice).Failure = &state.Failure{Text: "timeout"} }, true},
		"the configuration changed":     {func(w *world) { w.desired.Digest = "other" }, false},
		"another lineage":               {func(w *world) { w.st.Lineage = "other" }, false},
		"the revision rose":             {func(w *world) { w.st.Revision++ }, false},
		"the MX served is another":      {func(w *world) { w.publish("example.ch", "MX", 86400, "10 mx.third.example.") }, false},
		"the TTL served is another":     {func(w *world) { w.publish("example.ch", "MX", 7200, "10 mx.old.example.") }, false},
		"the new MX is another":         {func(w *world) { w.domain().MXTo = known("5 mx.new.example.") }, false},
		"somebody accepted something":   {func(w *world) { w.accept("flags", alice) }, false},
		"an account is there meanwhile": {func(w *world) { w.target.Accounts["alice@example.ch"] = migration.Account{Login: "alice"} }, false},
		"a gate was added":              {func(w *world) { w.desired.Settings.LowerTTL.Lead = time.Hour }, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := company()
			w.target.Accounts["bob@example.ch"] = migration.Account{Login: "bob@example.ch"}
			w.mailboxes[bob] = migration.MailboxSeen{Target: migration.SideSeen{Looked: true, Messages: 3}}
			w.desired.Mailboxes[1].Target.OnExisting = "adopt"
			before := w.plan(t)
			c.change(w)
			if after := w.plan(t); (after.ID == before.ID) != c.same {
				t.Errorf("the ids are %s and %s", before.ShortID(), after.ShortID())
			}
		})
	}
}

func TestAPlanEditedByHandIsFound(t *testing.T) {
	p := company().plan(t)
	if err := p.Verify(); err != nil {
		t.Fatal(err)
	}
	p.Steps[len(p.Steps)-1].Gates = nil
	if p.Verify() == nil {
		t.Error("a gate was taken away and nobody noticed")
	}
}

func TestWhatAReviewedPlanDoesNotCover(t *testing.T) {
	for name, change := range map[string]func(*world){
		"another MX before":  func(w *world) { w.publish("example.ch", "MX", 86400, "10 mx.third.example.") },
		"another MX after":   func(w *world) { w.domain().MXTo = known("5 mx.new.example.") },
		"another SPF record": func(w *world) { w.publish("example.ch", "TXT", 3600, "v=spf1 mx ip4:192.0.2.1 -all", "site=1") },
		"a domain more": func(w *world) {
			w.desired.Domains = append(w.desired.Domains, domainOfMX("domain.other", "other.example"))
		},
		"a gate less":           func(w *world) { w.desired.Settings.LowerTTL.Lead = 0 },
		"an alias elsewhere":    func(w *world) { w.desired.Aliases[0].To = []string{"bob@example.ch"} },
		"an account made since": func(w *world) { w.target.Accounts["alice@example.ch"] = migration.Account{Login: "alice"} },
	} {
		t.Run(name, func(t *testing.T) {
			w := company()
			w.desired.Settings.LowerTTL.Lead = 72 * time.Hour
			reviewed := w.plan(t)
			if got := reviewed.Uncovered(w.plan(t)); len(got) > 0 {
				t.Fatalf("the plan does not cover itself: %+v", got)
			}
			change(w)
			if got := reviewed.Uncovered(w.plan(t)); len(got) == 0 {
				t.Error("it is covered")
			}
		})
	}
}
