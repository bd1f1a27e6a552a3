package planner

import (
	"strings"
	"testing"
	"time"

	"bascule/migration"
	"bascule/state"
)

func TestAccounts(t *testing.T) {
	const create = `mailbox.team["alice"]/create`
	there := func(messages int, onExisting string) func(*world) {
		return func(w *world) {
			adopted(w)
			w.mailboxes[alice] = migration.MailboxSeen{Target: migration.SideSeen{Looked: true, Messages: messages}}
			w.desired.Mailboxes[0].Target.OnExisting = onExisting
		}
	}
	byHand := func(w *world) { w.target.Can = nil; w.target.Accounts, w.target.Aliases = nil, nil }
	for name, c := range map[string]struct {
		change func(*world)
		kind   Kind // "" for no step
		check  string
		errors bool
	}{
		"an account that is not there is made":        {func(*world) {}, CreateAccount, "", false},
		"an empty account that is there is adopted":   {there(0, "refuse"), AdoptAccount, "", false},
		"an account with mail is refused":             {there(7, "refuse"), AdoptAccount, "", true},
		"an account with mail is adopted when asked":  {there(7, "adopt"), AdoptAccount, "", false},
		"an account that our own crash left is ours":  {func(w *world) { there(0, "refuse")(w); w.st.InFlight = []state.Mark{{Key: create}} }, CreateAccount, "", false},
		"a target without an interface asks a person": {byHand, ManualStep, "login", false},
		"a login that works needs nobody": {func(w *world) {
			byHand(w)
			w.mailboxes[alice] = migration.MailboxSeen{Target: migration.SideSeen{Looked: true}}
		}, "", "", false},
		"a target that lists but cannot make asks a person": {func(w *world) { w.target.Can = []string{migration.CanListAccounts} }, ManualStep, "login", false},
		"a target that cannot be asked makes no step":       {func(w *world) { w.target = migration.TargetSeen{Err: "refused"} }, "", "", false},
		"an account made and recorded is not made again":    {func(w *world) { w.st.Object(alice).Done = map[string]state.Done{"create": {At: monday}} }, "", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			w := company()
			c.change(w)
			p, diags := Make(w.look())
			if diags.HasErrors() != c.errors {
				t.Fatalf("errors: %v", diags)
			}
			if c.kind == "" {
				if hasStep(p, create) {
					t.Fatalf("there is a step %+v", step(t, p, create))
				}
				return
			}
			s := step(t, p, create)
			if s.Action.Kind != c.kind || c.check != "" && s.Action.Manual.Check != c.check {
				t.Errorf("got %+v", s.Action)
			}
		})
	}
}

func TestAnUnreachableMailboxIsBlockedAndTheOthersGoOn(t *testing.T) {
	w := company()
	w.mailboxes[bob] = migration.MailboxSeen{Source: migration.SideSeen{Looked: true, Err: "authentication failed", Refused: true}}
	p := w.plan(t)
	if p.Complete || len(p.Blocked) != 1 || p.Blocked[0].Address != bob || p.Blocked[0].Next == "" {
		t.Fatalf("blocked: %+v", p.Blocked)
	}
	w.tick(t)
	p = w.plan(t)
	if s := step(t, p, `mailbox.team["bob"]/pin`); s.Status != Stopped {
		t.Errorf("bob is %s", s.Status)
	}
	if !w.look().done(alice, "pin") || w.look().mailbox(alice).Pass == nil || hasStep(p, "domain.main/mx.ttl") {
		t.Errorf("alice and the domain do not go on: %v", readyKeys(p))
	}
}

func TestAMailboxAcceptedAsDeadHoldsNobody(t *testing.T) {
	w := company()
	w.mailboxes[bob] = migration.MailboxSeen{Source: migration.SideSeen{Looked: true, Err: "authentication failed", Refused: true}}
	w.accept("mailbox", bob)
	w.until(t, "the end", func(p *Plan) bool { return p.Finished })
	if w.st.Object(bob).Done["final"].At != (time.Time{}) || w.st.Object(alice).Done["compare"].At.IsZero() {
		t.Error("the wrong mailbox was compared")
	}
}

func TestAMailboxThatIsDeadAndNotAcceptedHoldsTheCutover(t *testing.T) {
	w := company()
	w.toWindow(t)
	w.mailboxes[bob] = migration.MailboxSeen{Source: migration.SideSeen{Looked: true, Err: "authentication failed", Refused: true}}
	w.tick(t)
	if w.st.Switched() {
		t.Error("it was switched")
	}
	if g := gate(t, w.plan(t), GateEvidence); g.Status == Open || !strings.Contains(strings.Join(g.Items, " "), "bob") {
		t.Errorf("the gate says %+v", g)
	}
}

func TestAliases(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*world)
		kind   Kind
	}{
		"one that is not there is set":                     {func(*world) {}, SetAlias},
		"one that is there and right needs nothing":        {func(w *world) { w.target.Aliases["info@example.ch"] = []string{"alice@example.ch"} }, ""},
		"one that delivers elsewhere is set":               {func(w *world) { w.target.Aliases["info@example.ch"] = []string{"bob@example.ch"} }, SetAlias},
		"one to the outside asks a person":                 {outside, ManualStep},
		"one to the outside is set where that is possible": {func(w *world) { outside(w); w.target.Can = append(w.target.Can, migration.CanExternalAlias) }, SetAlias},
		"a target without aliases asks a person":           {func(w *world) { w.target.Can = []string{migration.CanListAccounts, migration.CanCreateMailbox} }, ManualStep},
		"a target that cannot be asked makes no step":      {func(w *world) { w.target = migration.TargetSeen{Err: "refused"} }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := company()
			c.change(w)
			p := w.plan(t)
			if !hasStep(p, "alias.info/set") {
				if c.kind != "" {
					t.Fatal("there is no step")
				}
				return
			}
			if s := step(t, p, "alias.info/set"); s.Action.Kind != c.kind {
				t.Errorf("got %s", s.Action.Kind)
			}
		})
	}
}

func outside(w *world) { w.desired.Aliases[0].To = []string{"boss@elsewhere.example"} }

func TestATargetThatCannotBeAskedHoldsTheCutover(t *testing.T) {
	w := company()
	w.toWindow(t)
	w.target = migration.TargetSeen{Err: "503 service unavailable", Can: w.target.Can}
	w.tick(t)
	if p := w.plan(t); w.st.Switched() || len(p.Blocked) == 0 {
		t.Errorf("switched: %v, blocked: %v", w.st.Switched(), p.Blocked)
	}
}

func TestWhatProtectsMailInTheZone(t *testing.T) {
	spf := func(w *world) []string { return w.served("example.ch", "TXT").SPFRecords() }
	dmarc := func(w *world) []string { return w.served("_dmarc.example.ch", "TXT").Values }
	for name, c := range map[string]struct {
		change func(*world)
		get    func(*world) []string
		want   []string
	}{
		"SPF is the union, mx written out":     {func(*world) {}, spf, []string{"v=spf1 a:mx.old.example include:shop.example include:spf.new.example -all"}},
		"SPF alone where there was none":       {func(w *world) { w.publish("example.ch", "TXT", 0) }, spf, []string{"v=spf1 include:spf.new.example ~all"}},
		"SPF that is not managed stays":        {func(w *world) { w.domain().SPF.Manage = false }, spf, []string{"v=spf1 mx include:shop.example -all"}},
		"SPF that holds the new service stays": {func(w *world) { w.publish("example.ch", "TXT", 60, "v=spf1 include:spf.new.example -all") }, spf, []string{"v=spf1 include:spf.new.example -all"}},
		"DMARC none where there was none":      {func(*world) {}, dmarc, []string{"v=DMARC1; p=none"}},
		"DMARC is never weakened":              {func(w *world) { w.publish("_dmarc.example.ch", "TXT", 60, "v=DMARC1; p=reject") }, dmarc, []string{"v=DMARC1; p=reject"}},
		"DMARC behind a CNAME is left alone":   {func(w *world) { w.publish("_dmarc.example.ch", "CNAME", 60, "dmarc.elsewhere.example.") }, dmarc, nil},
	} {
		t.Run(name, func(t *testing.T) {
			w := company()
			c.change(w)
			w.tick(t)
			if got := c.get(w); strings.Join(got, "\n") != strings.Join(c.want, "\n") {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if got := w.served("example.ch", "TXT"); got.TTL == 0 {
				t.Errorf("it was written with TTL 0: %v", got)
			}
		})
	}
}

func TestTermsOfTheOldServiceGoAndNothingElse(t *testing.T) {
	for name, c := range map[string]struct {
		drop []string
		want string
	}{
		"those that name its hosts":       {nil, "v=spf1 include:shop.example include:spf.new.example -all"},
		"those that are named":            {[]string{"include:shop.example"}, "v=spf1 a:mx.old.example include:spf.new.example -all"},
		"a bare mx means the old hosts":   {[]string{"mx"}, "v=spf1 include:shop.example include:spf.new.example -all"},
		"never one the new service needs": {[]string{"mx", "include:spf.new.example"}, "v=spf1 include:shop.example include:spf.new.example -all"},
	} {
		t.Run(name, func(t *testing.T) {
			w := company()
			w.domain().SPF.DropOld = c.drop
			w.until(t, "the end", func(p *Plan) bool { return p.Finished })
			if got := w.served("example.ch", "TXT").SPFRecords(); len(got) != 1 || got[0] != c.want {
				t.Errorf("got %q", got)
			}
		})
	}
	w := company()
	w.domain().SPF.DropOld = []string{"ip4:not-an-address"}
	if _, diags := Make(w.look()); !diags.HasErrors() {
		t.Error("a term that does not parse is dropped in silence")
	}
}

func TestAKeyMadeByAnEarlierStepIsKnownAfterAndCovered(t *testing.T) {
	w := company()
	key := w.domain().DKIM.Records
	w.domain().DKIM = migration.DKIM{Manage: true, Unknown: true}
	w.domain().SPF.Add = migration.Strings{Unknown: true}
	w.domain().MXTo = migration.Strings{Unknown: true}
	reviewed := w.plan(t)
	for _, name := range []string{"dkim", "spf.union", "mx.add", "mx.remove", "mx.ttl_restore", "spf.minus"} {
		if s := step(t, reviewed, "domain.main/"+name); s.After.KnownAfter != "domain.main/serve" || s.Status == Ready {
			t.Errorf("%s: %+v is %s", name, s.After, s.Status)
		}
	}
	w.domain().DKIM = migration.DKIM{Manage: true, Records: key}
	w.domain().SPF.Add = migration.Strings{Values: []string{"include:spf.new.example"}}
	w.domain().MXTo = migration.Strings{Values: []string{"10 mx.new.example."}}
	if got := reviewed.Uncovered(w.plan(t)); len(got) > 0 {
		t.Errorf("what became known is not covered: %+v", got)
	}
}

func TestAForeignKeyUnderOurSelectorIsAConflict(t *testing.T) {
	w := company()
	w.publish("s1._domainkey.example.ch", "TXT", 3600, "v=DKIM1; p=BBBB")
	p := w.plan(t)
	if c := p.Conflicts(); len(c) != 1 || hasStep(p, "domain.main/dkim.s1._domainkey") {
		t.Errorf("conflicts: %+v", c)
	}
	if s := step(t, p, "migration/switch"); s.Status != Stopped {
		t.Errorf("the switch is %s in spite of a conflict", s.Status)
	}
}
