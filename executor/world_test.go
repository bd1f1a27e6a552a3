package executor

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"bascule/internal/clock"
	"bascule/internal/diag"
	"bascule/internal/secret"
	"bascule/maildns"
	"bascule/mailsync"
	"bascule/mailsync/ledger/ledgertest"
	"bascule/mailsync/limits"
	"bascule/mailsync/storetest"
	"bascule/migration"
	"bascule/planner"
	"bascule/providers"
	"bascule/providers/fake"
	"bascule/state"
)

const (
	dom   migration.Address = "domain.main"
	alice migration.Address = `mailbox.team["alice"]`
	bob   migration.Address = `mailbox.team["bob"]`
	to    migration.Address = "target.fake.new"
)

// monday is J-5 of a window on Saturday, 13 March 2027, 06:00 in Zurich.
var (
	monday   = time.Date(2027, 3, 8, 9, 0, 0, 0, time.UTC)
	saturday = time.Date(2027, 3, 13, 5, 5, 0, 0, time.UTC)
)

// world is all that ticks act upon, in memory: servers, zones, a state, a clock.
type world struct {
	t       testing.TB
	place   *place
	clock   *clock.Virtual
	desired *migration.Desired
	service *fake.Service
	who     string

	mu      sync.Mutex
	zone    map[maildns.Key]maildns.RRset
	silent  string // why the second name server does not answer
	sources map[migration.Address]*storetest.Server
	targets map[migration.Address]*storetest.Server
	ledgers map[migration.Address]mailsync.Ledger
	opened  []migration.Server
	// down is why a mailbox cannot be opened, by "source mailbox.x" or "target mailbox.x".
	down map[string]error
	// oldClosed: the old MX refuses; answers replaces what mail servers say.
	oldClosed bool
	answers   func(q migration.RecipientQuery) []migration.RecipientAnswer
	// wire is asked around each write of the zone.
	wire   func(when fake.When, after maildns.RRset) error
	writes []zoneWrite
	files  map[string]string
	events []Event
	lookAt func(*planner.Input) error
	tap    func(point string)
	limits *limits.Set
	// passing is the context of the pass that opened a target last.
	passing context.Context
}

type zoneWrite struct {
	dns           migration.Address
	zone          string
	before, after maildns.RRset
}

// company is two people, an alias and one domain that moves.
func company(t testing.TB) *world {
	w := &world{
		t: t, place: &place{}, clock: clock.NewVirtual(monday), service: fake.New(migration.Exports{}), who: "anna",
		zone: map[maildns.Key]maildns.RRset{}, sources: map[migration.Address]*storetest.Server{}, targets: map[migration.Address]*storetest.Server{},
		ledgers: map[migration.Address]mailsync.Ledger{}, down: map[string]error{}, files: map[string]string{},
	}
	w.limits = limits.New(limits.Options{Clock: w.clock, Random: func() float64 { return 0 }})
	settings := migration.DefaultSettings()
	settings.Timezone = "Europe/Zurich"
	settings.Cutover.Window = migration.Window{Days: []time.Weekday{time.Saturday}, Start: 6 * 60, End: 7 * 60}
	w.desired = &migration.Desired{
		Digest: "config", Settings: settings,
		Sources: []migration.Server{{Address: "source.imap.old", Driver: "imap", Endpoint: migration.Endpoint{Host: "imap.old.example", Port: 993, TLS: migration.Implicit}}},
		Targets: []migration.Server{{Address: to, Driver: "fake", Endpoint: migration.Endpoint{Host: "imap.new.example", Port: 993, TLS: migration.Implicit}}},
		DNS:     []migration.DNS{{Address: "dns.rfc2136.zone", Driver: "rfc2136"}},
		Domains: []migration.Domain{{
			Address: dom, Name: "example.ch", DNS: "dns.rfc2136.zone", Target: to,
			MXTo:  migration.Strings{Values: []string{"10 mx.new.example."}},
			SPF:   migration.SPF{Manage: true, Add: migration.Strings{Values: []string{"include:spf.new.example"}}},
			DKIM:  migration.DKIM{Manage: true, Records: []migration.DKIMRecord{{Name: "s1._domainkey", Type: "TXT", Value: "v=DKIM1; p=AAAA"}}},
			DMARC: migration.DMARC{Manage: true},
		}},
		Aliases: []migration.Alias{{Address: "alias.info", Email: "info@example.ch", To: []string{"alice@example.ch"}}},
	}
	w.person(alice, "alice@example.ch")
	w.person(bob, "bob@example.ch")
	w.publish("example.ch", "MX", 86400, "10 mx.old.example.")
	w.publish("example.ch", "TXT", 3600, "v=spf1 mx include:shop.example -all", "site=1")
	w.change(func(*state.State) {})
	return w
}

// person adds a mailbox with three messages.
func (w *world) person(a migration.Address, email string) {
	w.desired.Mailboxes = append(w.desired.Mailboxes, migration.Mailbox{
		Address: a, Email: email,
		Source: migration.SourceAccount{Server: "source.imap.old", Login: email, Password: migration.Secret{Locator: "env:OLD"}},
		Target: migration.TargetAccount{Server: to, Login: email, Password: migration.Secret{Locator: "env:NEW"}, Credential: "password", OnExisting: "refuse"},
	})
	w.sources[a], w.targets[a] = storetest.New(storetest.Personality{}), storetest.New(storetest.Personality{})
	w.ledgers[a] = ledgertest.NewMemory(string(a))
	for i := range 3 {
		w.arrive(a, fmt.Sprintf("old %d", i), monday.Add(-time.Hour*time.Duration(48+i)))
	}
}

// arrive delivers a message to the old side.
func (w *world) arrive(a migration.Address, subject string, at time.Time) {
	w.sources[a].Put("INBOX", fmt.Sprintf("Message-ID: <%s@%s>\r\nSubject: %s\r\n\r\nhello\r\n", subject, a, subject), at)
}

func (w *world) publish(name, typ string, ttl uint32, values ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	rr := maildns.RRset{Name: name, Type: typ, TTL: ttl, Values: values}.Canonical()
	w.zone[rr.Key()] = rr
}

func (w *world) served(name, typ string) maildns.RRset {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.at(maildns.KeyOf(name, typ))
}

func (w *world) at(k maildns.Key) maildns.RRset {
	if rr, ok := w.zone[k]; ok {
		return rr
	}
	return maildns.RRset{Name: k.Name, Type: k.Type}
}

func (w *world) mx() []string { return w.served("example.ch", "MX").Values }

// store opens the state's place as another run would.
func (w *world) store() *memStore { return &memStore{place: w.place, clock: w.clock} }

// change edits the state from outside of any run.
func (w *world) change(f func(*state.State)) {
	w.t.Helper()
	s := w.store()
	ctx, unlock, err := s.Lock(context.Background(), state.Holder{Who: "test"})
	if err != nil {
		w.t.Fatal(err)
	}
	st, err := s.Load(ctx)
	if errors.Is(err, state.ErrNoState) {
		st, err = state.New("lineage", "test", w.clock.Now()), nil
	}
	if err == nil {
		f(st)
		err = s.Save(ctx, st)
	}
	if e := unlock(); err != nil || e != nil {
		w.t.Fatal(err, e)
	}
}

func (w *world) state() *state.State {
	w.t.Helper()
	st, err := w.store().Load(context.Background())
	if err != nil {
		w.t.Fatal(err)
	}
	return st
}

// look is what a plan is made of.
func (w *world) look(ctx context.Context, st *state.State) (planner.Input, diag.List, error) {
	if ctx.Err() != nil {
		return planner.Input{}, nil, context.Cause(ctx)
	}
	now := w.clock.Now()
	in := planner.Input{Desired: w.desired, State: st, Now: now, Tool: "test", Zones: map[migration.Address]maildns.Zone{}}
	in.Observed = &migration.Observed{At: now, Targets: map[migration.Address]migration.TargetSeen{to: w.target(ctx)}, Mailboxes: map[migration.Address]migration.MailboxSeen{}}
	for _, m := range w.desired.Mailboxes {
		in.Observed.Mailboxes[m.Address] = w.seen(m.Address)
	}
	for _, d := range w.desired.Domains {
		in.Zones[d.Address], _ = w.snapshot(ctx, d, w.keys(d))
	}
	if w.lookAt != nil {
		return in, nil, w.lookAt(&in)
	}
	return in, nil, nil
}

func (w *world) target(ctx context.Context) migration.TargetSeen {
	seen := migration.TargetSeen{Can: providers.Capabilities(w.service), Exports: map[string]migration.Exports{}}
	var errs [3]error
	seen.Domains, errs[0] = w.service.ListDomains(ctx)
	seen.Accounts, errs[1] = w.service.ListMailboxes(ctx)
	seen.Aliases, errs[2] = w.service.ListAliases(ctx)
	if err := errors.Join(errs[:]...); err != nil {
		return migration.TargetSeen{Err: err.Error(), Can: seen.Can}
	}
	return seen
}

func (w *world) seen(a migration.Address) migration.MailboxSeen {
	var out migration.MailboxSeen
	for side, seen := range map[string]*migration.SideSeen{"source": &out.Source, "target": &out.Target} {
		if err := w.down[side+" "+string(a)]; err != nil {
			*seen = migration.SideSeen{Looked: true, Err: err.Error()}
		}
	}
	return out
}

func (w *world) keys(d migration.Domain) []maildns.Key {
	keys := []maildns.Key{
		maildns.KeyOf(d.Name, "MX"), maildns.KeyOf(d.Name, "TXT"),
		maildns.KeyOf(maildns.DMARCName(d.Name), "TXT"), maildns.KeyOf(maildns.DMARCName(d.Name), "CNAME"),
	}
	for _, r := range d.DKIM.Records {
		keys = append(keys, maildns.KeyOf(r.Name+"."+d.Name, r.Type))
	}
	return keys
}

func (w *world) snapshot(ctx context.Context, d migration.Domain, keys []maildns.Key) (maildns.Zone, error) {
	if ctx.Err() != nil {
		return maildns.Zone{}, context.Cause(ctx)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	sets := map[maildns.Key]maildns.RRset{}
	for _, k := range keys {
		sets[k] = w.at(k)
	}
	return maildns.Zone{Name: maildns.Name(d.Name), Servers: []maildns.ServerView{
		{Name: "ns1.example.", RRsets: sets}, {Name: "ns2.example.", RRsets: maps.Clone(sets), Err: w.silent},
	}}, nil
}

// zoneWriter is the zone's service.
type zoneWriter struct {
	w   *world
	dns migration.Address
}

func (z zoneWriter) ReplaceRRset(ctx context.Context, zone string, before, after maildns.RRset) error {
	w := z.w
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err := w.ask(fake.Before, after); err != nil {
		return err
	}
	w.mu.Lock()
	have := w.at(after.Key())
	if !have.Equal(before) {
		w.t.Errorf("a write from %v, but %v is served", before, have)
	}
	if after.Type == "MX" && after.IsEmpty() && !have.IsEmpty() {
		w.t.Errorf("a moment without MX")
	}
	w.writes = append(w.writes, zoneWrite{z.dns, zone, before, after})
	w.zone[after.Key()] = after
	w.mu.Unlock()
	return w.ask(fake.Afterwards, after)
}

func (w *world) ask(when fake.When, after maildns.RRset) error {
	if w.wire == nil {
		return nil
	}
	return w.wire(when, after)
}

func (w *world) recipients(_ context.Context, q migration.RecipientQuery) []migration.RecipientAnswer {
	if w.answers != nil {
		return w.answers(q)
	}
	var out []migration.RecipientAnswer
	for _, h := range q.Hosts {
		code := 250
		if h == "mx.old.example." && w.oldClosed {
			code = 550
		}
		for _, r := range q.Recipients {
			out = append(out, migration.RecipientAnswer{Server: h, Recipient: r, Code: code, Text: "so"})
		}
	}
	return out
}

func (w *world) openSource(ctx context.Context, s migration.Server, m migration.Mailbox, _ *state.Pin) (mailsync.Source, error) {
	if err := w.openable(s, "source", m.Address); err != nil {
		return nil, err
	}
	return w.sources[m.Address].OpenSource(ctx)
}

func (w *world) openTarget(ctx context.Context, s migration.Server, m migration.Mailbox, _ *state.Pin) (mailsync.Target, error) {
	w.mu.Lock()
	w.passing = ctx
	w.mu.Unlock()
	if err := w.openable(s, "target", m.Address); err != nil {
		return nil, err
	}
	return w.targets[m.Address].OpenTarget(ctx)
}

func (w *world) openable(s migration.Server, side string, a migration.Address) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.opened = append(w.opened, s)
	return w.down[side+" "+string(a)]
}

// probed reports whether what is appended now is mail, and no probe's.
func (w *world) probed(a migration.Address) bool {
	_, done := w.state().DoneAt(a, "probe")
	return done
}

// outside is the world as a tick sees it.
func (w *world) outside() World {
	return World{
		Store: w.store(), Clock: w.clock, Random: rand.Reader, Look: w.look, OpenSource: w.openSource, OpenTarget: w.openTarget,
		OpenLedger: func(_ context.Context, a migration.Address) (mailsync.Ledger, error) { return w.ledgers[a], nil },
		Provider:   func(context.Context, migration.Address) (providers.Provider, error) { return w.service, nil },
		Secret:     func(_ context.Context, s migration.Secret) (secret.Value, error) { return secret.New(s.Locator), nil },
		Writer: func(_ context.Context, dns migration.Address) (ZoneWriter, error) {
			return zoneWriter{w, dns}, nil
		},
		Snapshot: w.snapshot, Recipients: w.recipients,
		CountSPF: func(context.Context, string, string) maildns.SPFCount { return maildns.SPFCount{Lookups: 2} },
		WriteFile: func(name string, content []byte) error {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.files[name] = string(content)
			return nil
		},
		Tap: w.tap, Limits: w.limits,
	}
}

func (w *world) Step(e Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events = append(w.events, e)
}

func (w *world) Progress(Progress) {}

// run is one tick.
func (w *world) run(with ...func(*Executor)) Result {
	w.t.Helper()
	return w.runIn(context.Background(), with...)
}

func (w *world) runIn(ctx context.Context, with ...func(*Executor)) Result {
	w.t.Helper()
	e := &Executor{World: w.outside(), Report: w, Holder: state.Holder{Who: w.who, Operation: "apply"}, Mode: planner.Forward}
	for _, f := range with {
		f(e)
	}
	r := e.Run(ctx)
	if held := w.place.held; held != nil && held.holder.Who == w.who {
		w.t.Errorf("the lock is held after the tick: %+v", held.holder)
	}
	return r
}

func reviewed(p *planner.Plan) func(*Executor) { return func(e *Executor) { e.Reviewed = p } }

// plan makes the plan of the moment.
func (w *world) plan() *planner.Plan {
	w.t.Helper()
	in, _, err := w.look(context.Background(), w.state())
	if err != nil {
		w.t.Fatal(err)
	}
	p, diags := planner.Make(in)
	if diags.HasErrors() {
		w.t.Fatal(diags)
	}
	return p
}

// toSwitched goes on until the MX has moved.
func (w *world) toSwitched(with ...func(*Executor)) {
	w.t.Helper()
	w.run(with...)
	w.clock.Set(saturday)
	w.run(with...)
	if got := w.mx(); !slices.Equal(got, []string{"10 mx.new.example."}) {
		w.t.Fatalf("the MX did not move: %v", got)
	}
}

// until ticks every four hours until a condition holds.
func (w *world) until(what string, reached func(Result) bool, with ...func(*Executor)) Result {
	w.t.Helper()
	for range 200 {
		r := w.run(with...)
		if reached(r) {
			return r
		}
		w.clock.Advance(4 * time.Hour)
	}
	w.t.Fatalf("never reached: %s", what)
	return Result{}
}

// messages counts what the target of a mailbox holds.
func (w *world) messages(a migration.Address) int {
	n := 0
	for _, list := range w.targets[a].Snapshot() {
		n += len(list)
	}
	return n
}
