package observe

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"bascule/internal/retry"
	"bascule/maildns"
	"bascule/maildns/lookup"
	"bascule/mailsync"
	"bascule/mailsync/storetest"
	"bascule/migration"
	"bascule/providers"
	"bascule/providers/fake"
	"bascule/state"
)

const (
	alice migration.Address = "mailbox.alice"
	to    migration.Address = "target.fake.new"
	dom   migration.Address = "domain.main"
)

// scene is what a Looker looks at.
type scene struct {
	desired        *migration.Desired
	st             *state.State
	service        *fake.Service
	provider       func() (providers.Provider, error)
	source, target *storetest.Server
	sourceErr      error
	targetErr      error
	dns            *fakeResolver

	mu     sync.Mutex
	logins []string
}

func newScene() *scene {
	s := &scene{
		st: state.New("l", "test", storetest.New(storetest.Personality{}).P.Now), service: fake.New(migration.Exports{MX: []string{"10 mx.new.example."}}),
		source: storetest.New(storetest.Personality{}), target: storetest.New(storetest.Personality{}), dns: &fakeResolver{},
	}
	s.provider = func() (providers.Provider, error) { return s.service, nil }
	s.desired = &migration.Desired{
		Settings: migration.DefaultSettings(),
		Sources:  []migration.Server{{Address: "source.imap.old"}}, Targets: []migration.Server{{Address: to}},
		Domains: []migration.Domain{{Address: dom, Name: "example.ch", Target: to, DNS: "dns.x.zone", MXTo: migration.Strings{Values: []string{"10 mx.new.example."}}}},
		DNS:     []migration.DNS{{Address: "dns.x.zone"}},
		Mailboxes: []migration.Mailbox{{
			Address: alice, Email: "alice@example.ch",
			Source: migration.SourceAccount{Server: "source.imap.old"}, Target: migration.TargetAccount{Server: to},
		}},
	}
	return s
}

func (s *scene) looker() *Looker {
	return &Looker{
		Resolver: s.dns,
		Provider: func(context.Context, migration.Address) (providers.Provider, error) { return s.provider() },
		OpenSource: func(ctx context.Context, _ migration.Server, _ migration.Mailbox, _ *state.Pin) (mailsync.Source, error) {
			if s.login("source"); s.sourceErr != nil {
				return nil, s.sourceErr
			}
			return s.source.OpenSource(ctx)
		},
		OpenTarget: func(ctx context.Context, _ migration.Server, _ migration.Mailbox, _ *state.Pin) (mailsync.Target, error) {
			if s.login("target"); s.targetErr != nil {
				return nil, s.targetErr
			}
			return s.target.OpenTarget(ctx)
		},
	}
}

func (s *scene) login(side string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.logins = append(s.logins, side)
}

func (s *scene) account(t *testing.T) {
	t.Helper()
	if err := errors.Join(s.service.CreateDomain(t.Context(), "example.ch"), s.service.CreateMailbox(t.Context(), providers.NewMailbox{Email: "alice@example.ch"})); err != nil {
		t.Fatal(err)
	}
}

// mailboxes looks at the mailboxes, targets first.
func (s *scene) mailboxes(t *testing.T, depth Depth) map[migration.Address]migration.MailboxSeen {
	l := s.looker()
	seen := map[migration.Address]migration.MailboxSeen{}
	l.Mailboxes(t.Context(), s.desired, l.Targets(t.Context(), s.desired), s.st, depth, seen)
	return seen
}

func TestWhatATargetServesAndOffers(t *testing.T) {
	s := newScene()
	s.account(t)
	got := s.looker().Targets(t.Context(), s.desired)[to]
	if got.Err != "" || !slices.Equal(got.Domains, []string{"example.ch"}) || got.Accounts["alice@example.ch"].Login == "" || len(got.Exports["example.ch"].MX) != 1 {
		t.Errorf("%+v", got)
	}
	if !slices.Contains(got.Can, migration.CanListAccounts) {
		t.Errorf("it can %v", got.Can)
	}
}

// A listing that failed is unknown: neither empty nor what came before it.
func TestATargetThatCannotBeListedIsUnknown(t *testing.T) {
	for _, verb := range []string{"list domains", "list mailboxes", "list aliases", "exports of example.ch"} {
		t.Run(verb, func(t *testing.T) {
			s := newScene()
			s.account(t)
			s.service.SetHook(func(_ fake.When, v, subject string) error {
				if v+" "+subject == verb {
					return errors.New("503 come back later")
				}
				return nil
			})
			got := s.looker().Targets(t.Context(), s.desired)[to]
			if !strings.Contains(got.Err, "come back later") || got.Domains != nil || got.Accounts != nil || got.Aliases != nil || got.Exports != nil {
				t.Errorf("%+v", got)
			}
			if len(got.Can) == 0 {
				t.Error("what its driver can do does not depend on the answer")
			}
		})
	}
}

func TestATargetWithoutAnInterfaceOrOneThatCannotBeOpened(t *testing.T) {
	s := newScene()
	s.provider = func() (providers.Provider, error) { return nil, nil }
	if got := s.looker().Targets(t.Context(), s.desired)[to]; got.Err != "" || got.Accounts != nil || got.Can != nil {
		t.Errorf("without: %+v", got)
	}
	s.provider = func() (providers.Provider, error) { return nil, errors.New("no such secret") }
	if got := s.looker().Targets(t.Context(), s.desired)[to]; got.Err != "no such secret" {
		t.Errorf("with an error: %+v", got)
	}
}

func TestNoLoginIsTriedWhereTheTargetSaysThereIsNoAccount(t *testing.T) {
	s := newScene()
	got := s.mailboxes(t, Needed)[alice]
	if slices.Contains(s.logins, "target") || got.Target.Looked || !got.Source.OK() {
		t.Errorf("logins %v: %+v", s.logins, got)
	}
	s.account(t)
	if got := s.mailboxes(t, Needed)[alice]; !got.Target.OK() {
		t.Errorf("with an account: %+v", got)
	}
	s = newScene()
	s.provider = func() (providers.Provider, error) { return nil, nil }
	if got := s.mailboxes(t, Needed)[alice]; !got.Target.Looked {
		t.Errorf("a target that lists nothing is tried: %+v", got)
	}
}

func TestALoginIsNotTriedWhileTheTargetCannotBeAsked(t *testing.T) {
	s := newScene()
	s.service.SetHook(func(fake.When, string, string) error { return errors.New("503") })
	got := s.mailboxes(t, Needed)[alice]
	if slices.Contains(s.logins, "target") || got.Target.Looked {
		t.Errorf("logins %v: %+v", s.logins, got.Target)
	}
}

func TestDepth(t *testing.T) {
	s := newScene()
	s.account(t)
	s.st.Object(alice).Done = map[string]state.Done{"pin": {}}
	if got := s.mailboxes(t, Needed); len(got) != 0 {
		t.Errorf("a tick looks at what is pinned: %+v", got)
	}
	if got := s.mailboxes(t, Everything)[alice]; !got.Source.OK() || !got.Target.OK() {
		t.Errorf("a plan shows everything: %+v", got)
	}
}

func TestASideIsCountedAndMapped(t *testing.T) {
	s := newScene()
	s.account(t)
	s.source.Put("INBOX", "a", s.source.P.Now)
	s.source.Put("Elements envoyes", "b", s.source.P.Now)
	s.source.Make("Sent Items", `\Sent`)
	s.target.Make("Sent", `\Sent`)
	s.desired.Mailboxes[0].Folders = migration.FolderRules{Exclude: []string{"Elements envoyes"}}
	got := s.mailboxes(t, Needed)[alice]
	if got.Source.Messages != 2 || got.Source.Folders != 3 || got.Target.Messages != 0 {
		t.Errorf("%+v", got)
	}
	for from, to := range map[string]string{"INBOX": "INBOX", "Sent Items": "Sent", "Elements envoyes": ""} {
		i := slices.IndexFunc(got.Source.Mapping, func(m migration.FolderMapping) bool { return m.From == from })
		if i < 0 || got.Source.Mapping[i].To != to || (to == "") != (got.Source.Mapping[i].Reason != "") {
			t.Errorf("%s: mapping %+v", from, got.Source.Mapping)
		}
	}
}

func TestASideThatFailedSaysWhyAndIsNotEmpty(t *testing.T) {
	for name, tt := range map[string]struct {
		err                error
		listing            error
		temporary, refused bool
	}{
		"login refused":         {err: fmt.Errorf("LOGIN: %w: NO wrong password", mailsync.ErrAuth), refused: true},
		"a lost connection":     {err: retry.Temporary(errors.New("reset by peer")), temporary: true},
		"another server":        {err: mailsync.ErrIdentity},
		"a listing cut short":   {listing: retry.Temporary(errors.New("reset by peer")), temporary: true},
		"a listing not allowed": {listing: errors.New("NO not allowed")},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene()
			s.source.Put("INBOX", "a", s.source.P.Now)
			s.sourceErr = tt.err
			if tt.listing != nil {
				s.source.Before = func(string) error { return tt.listing }
			}
			got := s.mailboxes(t, Needed)[alice].Source
			want := errors.Join(tt.err, tt.listing).Error()
			if got.OK() || got.Err != want || got.Temporary != tt.temporary || got.Refused != tt.refused || got.Mapping != nil {
				t.Errorf("%+v, want %q", got, want)
			}
		})
	}
}

func TestALookWritesNothing(t *testing.T) {
	s := newScene()
	s.account(t)
	writes := s.service.Writes()
	s.source.Put("INBOX", "a", s.source.P.Now)
	s.mailboxes(t, Everything)
	if a, b := s.source.Writes(), s.target.Writes(); len(a)+len(b) > 0 || s.service.Writes() != writes {
		t.Errorf("source %v, target %v, service %d -> %d", a, b, writes, s.service.Writes())
	}
}

// fakeResolver answers as a test says.
type fakeResolver struct {
	zoneErr, serversErr, hostErr error
	addrs                        []string
	cname                        string
	explicit                     []string
	asked                        []maildns.Key
	zone                         string
}

func (r *fakeResolver) ZoneOf(_ context.Context, name string) (string, error) {
	return maildns.Name(name), r.zoneErr
}

func (r *fakeResolver) AuthoritativeServers(context.Context, string) ([]lookup.Server, error) {
	return []lookup.Server{{Name: "ns1.example."}}, r.serversErr
}

func (r *fakeResolver) ExplicitServers(_ context.Context, names []string) ([]lookup.Server, error) {
	r.explicit = names
	return nil, r.serversErr
}

func (r *fakeResolver) Snapshot(_ context.Context, zone string, servers []lookup.Server, keys []maildns.Key) maildns.Zone {
	r.zone, r.asked = zone, keys
	z := maildns.Zone{Name: zone}
	for _, s := range servers {
		z.Servers = append(z.Servers, maildns.ServerView{Name: s.Name, RRsets: map[maildns.Key]maildns.RRset{}})
	}
	return z
}

func (r *fakeResolver) LookupHost(context.Context, string) ([]string, error) {
	return r.addrs, r.hostErr
}
func (r *fakeResolver) LookupCNAME(context.Context, string) (string, error) { return r.cname, nil }

func TestAZoneThatCannotBeFoundIsUnknown(t *testing.T) {
	for name, break_ := range map[string]func(*fakeResolver){
		"no zone":    func(r *fakeResolver) { r.zoneErr = errors.New("SERVFAIL") },
		"no servers": func(r *fakeResolver) { r.serversErr = errors.New("SERVFAIL") },
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene()
			break_(s.dns)
			z := s.looker().Zones(t.Context(), s.desired, nil)[dom]
			if rr, ok := z.Agreed("example.ch", "MX"); ok {
				t.Errorf("agreed on %v", rr)
			}
			if why := z.Silent(maildns.KeyOf("example.ch", "MX")); len(why) != 1 || why["example.ch"] != "SERVFAIL" {
				t.Errorf("silent %v", why)
			}
		})
	}
}

func TestNameserversThatAreGivenAreAsked(t *testing.T) {
	s := newScene()
	s.desired.DNS[0].Nameservers = []string{"127.0.0.1:5353"}
	s.looker().Zones(t.Context(), s.desired, nil)
	if !slices.Equal(s.dns.explicit, []string{"127.0.0.1:5353"}) || s.dns.zone != "example.ch." {
		t.Errorf("asked %v for %q", s.dns.explicit, s.dns.zone)
	}
}

func TestEveryRecordSetThatMattersIsAskedFor(t *testing.T) {
	s := newScene()
	s.desired.Domains[0].DKIM.Records = []migration.DKIMRecord{{Name: "s1._domainkey", Type: "CNAME"}}
	s.desired.Records = []migration.Record{{Domain: dom, Name: "webmail.example.ch.", Type: "CNAME"}, {Domain: "domain.other", Name: "x.example.", Type: "A"}}
	targets := map[migration.Address]migration.TargetSeen{to: {Exports: map[string]migration.Exports{"example.ch": {DKIM: []migration.DKIMRecord{{Name: "s2._domainkey", Type: "TXT"}}}}}}
	keys := Keys(s.desired, s.desired.Domains[0], targets)
	for _, want := range []maildns.Key{
		maildns.KeyOf("example.ch", "MX"), maildns.KeyOf("example.ch", "TXT"), maildns.KeyOf("_dmarc.example.ch", "TXT"), maildns.KeyOf("_dmarc.example.ch", "CNAME"),
		maildns.KeyOf("s1._domainkey.example.ch", "CNAME"), maildns.KeyOf("s2._domainkey.example.ch", "TXT"),
		maildns.KeyOf("_imaps._tcp.example.ch", "SRV"), maildns.KeyOf("_submission._tcp.example.ch", "SRV"), maildns.KeyOf("webmail.example.ch", "CNAME"),
	} {
		if !slices.Contains(keys, want) {
			t.Errorf("not asked for: %s", want)
		}
	}
	if slices.Contains(keys, maildns.KeyOf("x.example", "A")) {
		t.Error("a record of another domain is asked for")
	}
}

func TestAHostIsThereAbsentOrUnknown(t *testing.T) {
	for name, tt := range map[string]struct {
		dns  fakeResolver
		want migration.HostSeen
	}{
		"there":    {fakeResolver{addrs: []string{"192.0.2.1"}}, migration.HostSeen{Addrs: []string{"192.0.2.1"}}},
		"absent":   {fakeResolver{}, migration.HostSeen{Absent: true}},
		"unknown":  {fakeResolver{hostErr: errors.New("SERVFAIL")}, migration.HostSeen{Err: "SERVFAIL"}},
		"an alias": {fakeResolver{addrs: []string{"192.0.2.1"}, cname: "x.example."}, migration.HostSeen{Addrs: []string{"192.0.2.1"}, CNAME: "x.example."}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene()
			s.dns = &tt.dns
			got := s.looker().Hosts(t.Context(), s.desired)["mx.new.example."]
			if got.Err != tt.want.Err || got.Absent != tt.want.Absent || got.CNAME != tt.want.CNAME || !slices.Equal(got.Addrs, tt.want.Addrs) {
				t.Errorf("%+v, want %+v", got, tt.want)
			}
		})
	}
	s := newScene()
	s.desired.Targets[0].MXEndpoint = "127.0.0.1:2525"
	if got := s.looker().Hosts(t.Context(), s.desired); len(got) != 0 {
		t.Errorf("asked although an endpoint is given: %v", got)
	}
}
