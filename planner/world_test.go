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

// Addresses and instants of the migration most tests play.
const (
	dom   migration.Address = "domain.main"
	alice migration.Address = `mailbox.team["alice"]`
	bob   migration.Address = `mailbox.team["bob"]`
)

// monday is J-5 of a window on Saturday, 13 March 2027, 06:00 in Zurich.
var monday = time.Date(2027, 3, 8, 9, 0, 0, 0, time.UTC)

// tb is what a helper needs of *testing.T and of *rapid.T.
type tb interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// world is a model of everything a plan looks at and acts upon: two
// authoritative servers, a target with an interface, a state, a clock.
type world struct {
	desired *migration.Desired
	st      *state.State
	now     time.Time
	// zone is what every server serves; lag overrides it on the second one.
	zone map[maildns.Key]maildns.RRset
	lag  map[maildns.Key]maildns.RRset
	// down is why the second server does not answer.
	down      string
	target    migration.TargetSeen
	mailboxes map[migration.Address]migration.MailboxSeen
	// verdicts overrides what a check finds, by "address/check".
	verdicts map[string]state.Verdict
	// planID is on every record; writes counts what was written to the zone.
	planID string
	writes []string
}

// company is two mailboxes, an alias and one domain in the middle of nowhere.
func company() *world {
	w := &world{
		now: monday, st: state.New("lineage", "test", monday), planID: "p",
		zone: map[maildns.Key]maildns.RRset{}, lag: map[maildns.Key]maildns.RRset{},
		mailboxes: map[migration.Address]migration.MailboxSeen{}, verdicts: map[string]state.Verdict{},
		target: migration.TargetSeen{
			Can:      []string{migration.CanListAccounts, migration.CanCreateDomain, migration.CanCreateMailbox, migration.CanSetPassword, migration.CanSetAlias},
			Accounts: map[string]migration.Account{}, Aliases: map[string][]string{},
		},
	}
	settings := migration.DefaultSettings()
	settings.Timezone = "Europe/Zurich"
	settings.Cutover.Window = migration.Window{Days: []time.Weekday{time.Saturday}, Start: 6 * 60, End: 7 * 60}
	w.desired = &migration.Desired{
		Digest: "config", Settings: settings,
		Sources: []migration.Server{{Address: "source.imap.old", Driver: "imap"}},
		Targets: []migration.Server{{Address: "target.mox.new", Driver: "mox"}},
		DNS:     []migration.DNS{{Address: "dns.rfc2136.zone", Driver: "rfc2136"}},
		Domains: []migration.Domain{domainOfMX(dom, "example.ch")},
		Mailboxes: []migration.Mailbox{
			box(alice, "alice@example.ch"), box(bob, "bob@example.ch"),
		},
		Aliases: []migration.Alias{{Address: "alias.info", Email: "info@example.ch", To: []string{"alice@example.ch"}}},
	}
	w.publish("example.ch", "MX", 86400, "10 mx.old.example.")
	w.publish("example.ch", "TXT", 3600, "v=spf1 mx include:shop.example -all", "site=1")
	return w
}

func domainOfMX(a migration.Address, name string) migration.Domain {
	return migration.Domain{
		Address: a, Name: name, DNS: "dns.rfc2136.zone", Target: "target.mox.new",
		MXTo:  migration.Strings{Values: []string{"10 mx.new.example."}},
		SPF:   migration.SPF{Manage: true, Add: migration.Strings{Values: []string{"include:spf.new.example"}}},
		DKIM:  migration.DKIM{Manage: true, Records: []migration.DKIMRecord{{Name: "s1._domainkey", Type: "TXT", Value: "v=DKIM1; p=AAAA"}}},
		DMARC: migration.DMARC{Manage: true},
	}
}

func box(a migration.Address, email string) migration.Mailbox {
	return migration.Mailbox{
		Address: a, Email: email,
		Source: migration.SourceAccount{Server: "source.imap.old", Login: email, Password: migration.Secret{Locator: "env:OLD"}},
		Target: migration.TargetAccount{Server: "target.mox.new", Login: email, Password: migration.Secret{Locator: "env:NEW"}, Credential: "password", OnExisting: "refuse"},
	}
}

// domain lets a test change the domain in place.
func (w *world) domain() *migration.Domain { return &w.desired.Domains[0] }

func (w *world) publish(name, typ string, ttl uint32, values ...string) {
	rr := maildns.RRset{Name: name, Type: typ, TTL: ttl, Values: values}.Canonical()
	w.zone[rr.Key()] = rr
}

func (w *world) served(name, typ string) maildns.RRset {
	key := maildns.KeyOf(name, typ)
	if rr, ok := w.zone[key]; ok {
		return rr
	}
	return maildns.RRset{Name: key.Name, Type: key.Type}
}

func (w *world) mx() maildns.RRset { return w.served("example.ch", "MX") }

// accept adds an accept block.
func (w *world) accept(check string, a migration.Address) {
	x := migration.Accept{Address: migration.Address(fmt.Sprintf("accept.x%d", len(w.desired.Accepts))), Check: check, Reason: "said so"}
	if a.Kind() == "mailbox" {
		x.Mailbox = a
	} else {
		x.Record = string(a)
	}
	w.desired.Accepts = append(w.desired.Accepts, x)
}

// look is what a plan is made of.
func (w *world) look() Input {
	in := Input{
		Desired: w.desired, State: w.st, Now: w.now, Tool: "test",
		Observed: &migration.Observed{
			At: w.now, Mailboxes: w.mailboxes, Targets: map[migration.Address]migration.TargetSeen{"target.mox.new": w.target},
		},
		Zones: map[migration.Address]maildns.Zone{},
	}
	for _, d := range w.desired.Domains {
		in.Zones[d.Address] = w.snapshot(d)
	}
	return in
}

// snapshot holds every key a plan may ask for: absent ones were seen absent.
func (w *world) snapshot(d migration.Domain) maildns.Zone {
	first := map[maildns.Key]maildns.RRset{}
	for _, key := range keysAsked(d, w.desired.Records) {
		first[key] = w.served(key.Name, key.Type)
	}
	second := map[maildns.Key]maildns.RRset{}
	for k, rr := range first {
		second[k] = rr
		if old, ok := w.lag[k]; ok {
			second[k] = old
		}
	}
	return maildns.Zone{Name: maildns.Name(d.Name), Servers: []maildns.ServerView{
		{Name: "ns1.example.", RRsets: first}, {Name: "ns2.example.", RRsets: second, Err: w.down},
	}}
}

func keysAsked(d migration.Domain, records []migration.Record) []maildns.Key {
	keys := []maildns.Key{
		maildns.KeyOf(d.Name, "MX"), maildns.KeyOf(d.Name, "TXT"),
		maildns.KeyOf(maildns.DMARCName(d.Name), "TXT"), maildns.KeyOf(maildns.DMARCName(d.Name), "CNAME"),
	}
	for _, label := range []string{"_imaps", "_imap", "_submissions", "_submission"} {
		keys = append(keys, maildns.KeyOf(label+"._tcp."+d.Name, "SRV"))
	}
	for _, r := range d.DKIM.Records {
		keys = append(keys, maildns.KeyOf(r.Name+"."+d.Name, r.Type))
	}
	for _, r := range records {
		keys = append(keys, maildns.KeyOf(r.Name, r.Type))
	}
	return keys
}

// plan makes the forward plan and fails on diagnostics with errors.
func (w *world) plan(t tb) *Plan {
	t.Helper()
	p, diags := Make(w.look())
	if diags.HasErrors() {
		t.Fatalf("the plan has errors: %v", diags)
	}
	return p
}

// step returns the step of a plan, or fails.
func step(t tb, p *Plan, key string) Step {
	t.Helper()
	i := slices.IndexFunc(p.Steps, func(s Step) bool { return s.Key() == key })
	if i < 0 {
		t.Fatalf("the plan has no step %s; it has %v", key, keysOf(p.Steps, func(Step) bool { return true }))
	}
	return p.Steps[i]
}

func hasStep(p *Plan, key string) bool {
	return slices.ContainsFunc(p.Steps, func(s Step) bool { return s.Key() == key })
}

func gate(t tb, p *Plan, id string) Gate {
	t.Helper()
	g, ok := p.Gate(id)
	if !ok {
		t.Fatalf("the plan has no gate %s", id)
	}
	return g
}

func readyKeys(p *Plan) []string {
	return keysOf(p.Steps, func(s Step) bool { return s.Status == Ready })
}

// crash says where a step dies.
type crash int

const (
	lives crash = iota
	beforeActing
	beforeRecording
)

// do carries out a step the way the executor does: mark, act, record.
func (w *world) do(t tb, s Step, dies crash) {
	t.Helper()
	if s.Revises {
		if _, marked := w.st.Marked(s.Key()); !marked {
			w.st.InFlight = append(w.st.InFlight, state.Mark{Key: s.Key(), PlanID: w.planID, At: w.now, Before: w.image(s)})
		}
	}
	if dies == beforeActing {
		return
	}
	after, done, change := w.act(t, s)
	if dies == beforeRecording {
		return
	}
	w.record(s, after, done, change)
}

// image is the before-image the executor keeps in a mark.
func (w *world) image(s Step) json.RawMessage {
	if e := s.Action.RRset; e != nil {
		return asJSON(w.served(e.Name, e.Type))
	}
	return asJSON(s.Before.Lines)
}

func asJSON(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

func (w *world) record(s Step, after json.RawMessage, done bool, change func()) {
	o := w.st.Object(s.Address)
	if done {
		if o.Done == nil {
			o.Done = map[string]state.Done{}
		}
		d := state.Done{At: w.now, PlanID: w.planID, After: after, Before: w.image(s)}
		if m, ok := w.st.Marked(s.Key()); ok {
			d.Before = m.Before
		}
		o.Done[s.Name] = d
	}
	gone := []string{s.Key()}
	for _, name := range s.Clears {
		delete(o.Done, name)
		gone = append(gone, StepKey(s.Address, name))
	}
	if !done && s.Action.Manual != nil {
		gone = nil // a person was asked: what was there before stays on record
	}
	if change != nil {
		change()
	}
	w.st.InFlight = slices.DeleteFunc(w.st.InFlight, func(m state.Mark) bool { return slices.Contains(gone, m.Key) })
	if s.Revises && done {
		w.st.Revision++
	}
}
