package fake

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"bascule/internal/secret"
	"bascule/migration"
	"bascule/providers"
)

// Driver is the name the service answers to.
const Driver = "fake"

// When says on which side of its effect a call fails.
type When string

// Sides of an effect. Afterwards is a lost answer: the effect is there.
const (
	Before     When = "before"
	Afterwards When = "afterwards"
)

// Hook is asked twice per call; an error it returns is the call's answer.
type Hook func(when When, verb, subject string) error

// Service is a mail service in memory. It is safe for use by several goroutines.
type Service struct {
	mu       sync.Mutex
	exports  migration.Exports
	hook     Hook
	domains  map[string]bool
	accounts map[string]account
	aliases  map[string][]string
	writes   int
}

type account struct {
	password secret.Value
	quota    int64
}

var (
	_ providers.DomainLister    = (*Service)(nil)
	_ providers.DomainCreator   = (*Service)(nil)
	_ providers.MailboxLister   = (*Service)(nil)
	_ providers.MailboxCreator  = (*Service)(nil)
	_ providers.PasswordSetter  = (*Service)(nil)
	_ providers.AliasLister     = (*Service)(nil)
	_ providers.ExternalAliaser = (*Service)(nil)
	_ providers.Exporter        = (*Service)(nil)
)

// New returns an empty service. exports is what it offers for any domain it
// serves; DKIM records get their domain filled in.
func New(exports migration.Exports) *Service {
	return &Service{exports: exports, domains: map[string]bool{}, accounts: map[string]account{}, aliases: map[string][]string{}}
}

// Descriptor makes a catalogue entry that opens this very service.
func (s *Service) Descriptor() providers.Descriptor {
	return providers.Descriptor{
		Kind: providers.KindTarget, Driver: Driver, Doc: "A mail service in memory, for tests.",
		Credentials: []string{"password", "keep"},
		Open:        func(providers.Config) (providers.Provider, error) { return s, nil },
	}
}

// SetHook replaces the hook; nil takes it away.
func (s *Service) SetHook(h Hook) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hook = h
}

// Writes counts the effects there were.
func (s *Service) Writes() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.writes
}

// CheckLogin reports whether an account with this password exists.
func (s *Service) CheckLogin(login, password string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, ok := s.accounts[canonical(login)]
	return ok && a.password.Reveal() == password
}

// Driver implements providers.Provider.
func (s *Service) Driver() string { return Driver }

// AllowsExternalAlias implements providers.ExternalAliaser.
func (s *Service) AllowsExternalAlias() {}

func canonical(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }

func domainOf(address string) string { return address[strings.LastIndexByte(address, '@')+1:] }

// call frames an effect with the hook. f reports whether it changed anything.
func (s *Service) call(ctx context.Context, verb, subject string, f func() (changed bool, err error)) error {
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	hook := s.hook
	if hook == nil {
		hook = func(When, string, string) error { return nil }
	}
	err := hook(Before, verb, subject)
	if err == nil {
		var changed bool
		if changed, err = f(); changed {
			s.writes++
		}
	}
	if err == nil {
		err = hook(Afterwards, verb, subject)
	}
	if err != nil {
		return fmt.Errorf("%s %s: %w", verb, subject, err)
	}
	return nil
}

// ListDomains implements providers.DomainLister.
func (s *Service) ListDomains(ctx context.Context) (names []string, err error) {
	err = s.call(ctx, "list", "domains", func() (bool, error) {
		names = slices.Sorted(maps.Keys(s.domains))
		return false, nil
	})
	return names, err
}

// CreateDomain implements providers.DomainCreator.
func (s *Service) CreateDomain(ctx context.Context, domain string) error {
	domain = canonical(domain)
	return s.call(ctx, "create domain", domain, func() (bool, error) {
		there := s.domains[domain]
		s.domains[domain] = true
		return !there, nil
	})
}

// ListMailboxes implements providers.MailboxLister.
func (s *Service) ListMailboxes(ctx context.Context) (map[string]migration.Account, error) {
	out := map[string]migration.Account{}
	err := s.call(ctx, "list", "mailboxes", func() (bool, error) {
		for address, a := range s.accounts {
			out[address] = migration.Account{Login: address, Quota: a.quota}
		}
		return false, nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// CreateMailbox implements providers.MailboxCreator.
func (s *Service) CreateMailbox(ctx context.Context, m providers.NewMailbox) error {
	address := canonical(m.Email)
	return s.call(ctx, "create mailbox", address, func() (bool, error) {
		_, account := s.accounts[address]
		_, alias := s.aliases[address]
		switch {
		case account || alias:
			return false, providers.ErrExists
		case !s.domains[domainOf(address)]:
			return false, fmt.Errorf("%w: the domain is not served", providers.ErrRefused)
		}
		s.accounts[address] = accountOf(m)
		return true, nil
	})
}

func accountOf(m providers.NewMailbox) account { return account{m.Password, m.Quota} }

// SetPassword implements providers.PasswordSetter.
func (s *Service) SetPassword(ctx context.Context, login string, password secret.Value) error {
	address := canonical(login)
	return s.call(ctx, "set password of", address, func() (bool, error) {
		a, ok := s.accounts[address]
		if !ok {
			return false, providers.ErrNotFound
		}
		a.password = password
		s.accounts[address] = a
		return true, nil
	})
}

// ListAliases implements providers.AliasLister.
func (s *Service) ListAliases(ctx context.Context) (map[string][]string, error) {
	out := map[string][]string{}
	err := s.call(ctx, "list", "aliases", func() (bool, error) {
		for address, to := range s.aliases {
			out[address] = slices.Clone(to)
		}
		return false, nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// SetAlias implements providers.AliasSetter.
func (s *Service) SetAlias(ctx context.Context, email string, to []string) error {
	address := canonical(email)
	return s.call(ctx, "set alias", address, func() (bool, error) {
		var want []string
		for _, t := range to {
			want = append(want, canonical(t))
		}
		slices.Sort(want)
		want = slices.Compact(want)
		if err := s.canAlias(address, want); err != nil {
			return false, err
		}
		changed := !slices.Equal(s.aliases[address], want)
		s.aliases[address] = want
		return changed, nil
	})
}

func (s *Service) canAlias(address string, want []string) error {
	if _, mailbox := s.accounts[address]; mailbox {
		return fmt.Errorf("%w: it is a mailbox", providers.ErrExists)
	}
	if len(want) == 0 || !s.domains[domainOf(address)] {
		return fmt.Errorf("%w: no destination, or a domain that is not served", providers.ErrRefused)
	}
	for _, to := range want {
		_, mailbox := s.accounts[to]
		_, alias := s.aliases[to]
		if s.domains[domainOf(to)] && !mailbox && !alias {
			return fmt.Errorf("%w: %s", providers.ErrNotFound, to)
		}
	}
	return nil
}

// Exports implements providers.Exporter.
func (s *Service) Exports(ctx context.Context, domain string) (out migration.Exports, err error) {
	domain = canonical(domain)
	err = s.call(ctx, "exports of", domain, func() (bool, error) {
		out = s.exports
		out.MX, out.SPF = slices.Clone(s.exports.MX), slices.Clone(s.exports.SPF)
		out.DKIM = nil
		for _, r := range s.exports.DKIM {
			if s.domains[domain] {
				r.Domain = domain
				out.DKIM = append(out.DKIM, r)
			}
		}
		return false, nil
	})
	if err != nil {
		return migration.Exports{}, err
	}
	return out, nil
}
