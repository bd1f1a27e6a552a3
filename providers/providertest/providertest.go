package providertest

import (
	"errors"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bascule/internal/secret"
	"bascule/providers"
)

// Target is a service under test.
type Target struct {
	Provider providers.Provider
	// Domain is one the service does not serve yet, or serves empty when it
	// cannot make domains.
	Domain string
	// Login tries a login at the service itself; nil if that cannot be done.
	Login func(t *testing.T, login, password string) error
	// Broken is the same driver before a service that fails; nil skips.
	Broken providers.Provider
}

const (
	firstPassword  = "correct horse battery"
	secondPassword = "staple & \"quoted\" é"
)

// Run checks a driver. fresh gives the service with an unused domain.
func Run(t *testing.T, fresh func(t *testing.T) Target) {
	tests := map[string]func(*testing.T, Target){
		"a domain made is listed, and making it twice is no error":     domains,
		"a mailbox made is listed, and people can log in":              create,
		"making a mailbox twice is ErrExists and leaves it as it is":   createTwice,
		"a mailbox outside the domains is not made":                    createForeign,
		"a password that was set works, the one before does not":       password,
		"a password of nobody is ErrNotFound":                          passwordOfNobody,
		"an alias is set, replaced, set again and listed":              alias,
		"an alias never takes the place of a mailbox":                  aliasOverMailbox,
		"an alias to a local address nobody has is refused":            aliasToNobody,
		"an alias to another service works or is ErrRefused":           aliasOutside,
		"exports hold an MX at once and DKIM once the domain is there": exports,
		"a service that fails is an error, never an empty list":        broken,
	}
	for _, name := range slices.Sorted(maps.Keys(tests)) {
		t.Run(name, func(t *testing.T) { tests[name](t, fresh(t)) })
	}
}

// as returns the provider as a verb, or skips the test.
func as[V any](t *testing.T, p providers.Provider, verb string) V {
	t.Helper()
	v, ok := p.(V)
	if !ok {
		t.Skipf("%s cannot %s", p.Driver(), verb)
	}
	return v
}

// serve makes the domain where the driver can.
func serve(t *testing.T, target Target) {
	t.Helper()
	if c, ok := target.Provider.(providers.DomainCreator); ok {
		if err := c.CreateDomain(t.Context(), target.Domain); err != nil {
			t.Fatalf("create domain: %v", err)
		}
	}
}

// mailbox makes an account and returns its address.
func mailbox(t *testing.T, target Target, localpart string) string {
	t.Helper()
	address := localpart + "@" + target.Domain
	c := as[providers.MailboxCreator](t, target.Provider, "make mailboxes")
	if err := c.CreateMailbox(t.Context(), providers.NewMailbox{Email: address, Password: secret.New(firstPassword)}); err != nil {
		t.Fatalf("create %s: %v", address, err)
	}
	return address
}

func login(t *testing.T, target Target, address, password string, works bool) {
	t.Helper()
	if target.Login == nil {
		return
	}
	if err := target.Login(t, address, password); (err == nil) != works {
		t.Errorf("login of %s: %v; should work: %v", address, err, works)
	}
}

func domains(t *testing.T, target Target) {
	c := as[providers.DomainCreator](t, target.Provider, "make domains")
	l := as[providers.DomainLister](t, target.Provider, "list domains")
	for range 2 {
		if err := c.CreateDomain(t.Context(), target.Domain); err != nil {
			t.Fatal(err)
		}
	}
	names, err := l.ListDomains(t.Context())
	if err != nil || !slices.Contains(names, target.Domain) {
		t.Errorf("ListDomains = %v, %v", names, err)
	}
}

func create(t *testing.T, target Target) {
	serve(t, target)
	c := as[providers.MailboxCreator](t, target.Provider, "make mailboxes")
	address := "alice.m@" + target.Domain
	err := c.CreateMailbox(t.Context(), providers.NewMailbox{Email: address, Password: secret.New(firstPassword), Quota: 1 << 30})
	if err != nil {
		t.Fatal(err)
	}
	got, err := as[providers.MailboxLister](t, target.Provider, "list mailboxes").ListMailboxes(t.Context())
	a, there := got[address]
	if err != nil || !there || a.Login == "" {
		t.Fatalf("ListMailboxes = %v, %v", got, err)
	}
	if a.Quota != 0 && a.Quota != 1<<30 {
		t.Errorf("quota %d", a.Quota)
	}
	login(t, target, a.Login, firstPassword, true)
	login(t, target, a.Login, "wrong password", false)
}

func createTwice(t *testing.T, target Target) {
	serve(t, target)
	address := mailbox(t, target, "bob")
	c := as[providers.MailboxCreator](t, target.Provider, "make mailboxes")
	err := c.CreateMailbox(t.Context(), providers.NewMailbox{Email: address, Password: secret.New(secondPassword)})
	if !errors.Is(err, providers.ErrExists) {
		t.Errorf("second time: %v", err)
	}
	login(t, target, address, firstPassword, true)
	login(t, target, address, secondPassword, false)
}

func createForeign(t *testing.T, target Target) {
	c := as[providers.MailboxCreator](t, target.Provider, "make mailboxes")
	address := "eve@not-served." + target.Domain
	if err := c.CreateMailbox(t.Context(), providers.NewMailbox{Email: address, Password: secret.New(firstPassword)}); err == nil {
		t.Error("it was made")
	}
}

func password(t *testing.T, target Target) {
	serve(t, target)
	s := as[providers.PasswordSetter](t, target.Provider, "set passwords")
	address := mailbox(t, target, "carol")
	for range 2 {
		if err := s.SetPassword(t.Context(), address, secret.New(secondPassword)); err != nil {
			t.Fatal(err)
		}
	}
	login(t, target, address, secondPassword, true)
	login(t, target, address, firstPassword, false)
}

func passwordOfNobody(t *testing.T, target Target) {
	serve(t, target)
	s := as[providers.PasswordSetter](t, target.Provider, "set passwords")
	if err := s.SetPassword(t.Context(), "nobody@"+target.Domain, secret.New(firstPassword)); !errors.Is(err, providers.ErrNotFound) {
		t.Errorf("%v", err)
	}
}

func alias(t *testing.T, target Target) {
	serve(t, target)
	s := as[providers.AliasSetter](t, target.Provider, "set aliases")
	a, b, c := mailbox(t, target, "a"), mailbox(t, target, "b"), mailbox(t, target, "c")
	info := "info@" + target.Domain
	for _, to := range [][]string{{a}, {a}, {b}, {a, b}, {b, c}, {b, c}, {c}, {a, b, c}} {
		if err := s.SetAlias(t.Context(), info, to); err != nil {
			t.Fatalf("SetAlias to %v: %v", to, err)
		}
		l, ok := target.Provider.(providers.AliasLister)
		if !ok {
			continue
		}
		got, err := l.ListAliases(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(to, slices.Sorted(slices.Values(got[info]))); diff != "" {
			t.Errorf("alias to %v (-want +got):\n%s", to, diff)
		}
	}
	if m, ok := target.Provider.(providers.MailboxLister); ok {
		got, err := m.ListMailboxes(t.Context())
		if _, listed := got[info]; err != nil || listed {
			t.Errorf("the alias is listed as a mailbox: %v", err)
		}
	}
}

func aliasOverMailbox(t *testing.T, target Target) {
	serve(t, target)
	s := as[providers.AliasSetter](t, target.Provider, "set aliases")
	a, b := mailbox(t, target, "a"), mailbox(t, target, "b")
	if err := s.SetAlias(t.Context(), a, []string{b}); err == nil {
		t.Error("the mailbox became an alias")
	}
	login(t, target, a, firstPassword, true)
}

func aliasToNobody(t *testing.T, target Target) {
	serve(t, target)
	s := as[providers.AliasSetter](t, target.Provider, "set aliases")
	a := mailbox(t, target, "a")
	info := "info@" + target.Domain
	if err := s.SetAlias(t.Context(), info, []string{a, "nobody@" + target.Domain}); err == nil {
		t.Error("it was set")
	}
	if err := s.SetAlias(t.Context(), info, nil); err == nil {
		t.Error("an alias to nothing was set")
	}
}

func aliasOutside(t *testing.T, target Target) {
	serve(t, target)
	s := as[providers.AliasSetter](t, target.Provider, "set aliases")
	err := s.SetAlias(t.Context(), "out@"+target.Domain, []string{"someone@elsewhere.example"})
	if _, can := s.(providers.ExternalAliaser); can {
		if err != nil {
			t.Errorf("it says it can, and: %v", err)
		}
	} else if !errors.Is(err, providers.ErrRefused) {
		t.Errorf("%v", err)
	}
}

func exports(t *testing.T, target Target) {
	e := as[providers.Exporter](t, target.Provider, "say what to publish")
	before, err := e.Exports(t.Context(), target.Domain)
	if err != nil || len(before.MX) == 0 {
		t.Fatalf("before the domain is there: %+v, %v", before, err)
	}
	if _, can := target.Provider.(providers.DomainCreator); can && len(before.DKIM) > 0 {
		t.Errorf("DKIM of a domain that is not there: %+v", before.DKIM)
	}
	serve(t, target)
	after, err := e.Exports(t.Context(), target.Domain)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before.MX, after.MX); diff != "" {
		t.Errorf("the MX depends on the domain (-before +after):\n%s", diff)
	}
	for _, r := range after.DKIM {
		if r.Domain != target.Domain || r.Name == "" || r.Value == "" || (r.Type != "TXT" && r.Type != "CNAME") {
			t.Errorf("DKIM record %+v", r)
		}
	}
}

func broken(t *testing.T, target Target) {
	if target.Broken == nil {
		t.Skip("no broken service to ask")
	}
	lists := map[string]func() (int, error){}
	if l, ok := target.Broken.(providers.DomainLister); ok {
		lists["domains"] = func() (int, error) { v, err := l.ListDomains(t.Context()); return len(v), err }
	}
	if l, ok := target.Broken.(providers.MailboxLister); ok {
		lists["mailboxes"] = func() (int, error) { v, err := l.ListMailboxes(t.Context()); return len(v), err }
	}
	if l, ok := target.Broken.(providers.AliasLister); ok {
		lists["aliases"] = func() (int, error) { v, err := l.ListAliases(t.Context()); return len(v), err }
	}
	if l, ok := target.Broken.(providers.Exporter); ok {
		lists["exports"] = func() (int, error) { v, err := l.Exports(t.Context(), target.Domain); return len(v.MX), err }
	}
	for name, list := range lists {
		if n, err := list(); err == nil || n != 0 {
			t.Errorf("%s: %d, %v", name, n, err)
		}
	}
}
