package demo

import (
	"context"
	"crypto/subtle"
	"fmt"
	"sync"

	"bascule/internal/imapmem"
	"bascule/migration"
	"bascule/providers"
	"bascule/providers/dns/manual"
	"bascule/providers/dns/rfc2136"
	"bascule/providers/fake"
	"bascule/providers/genericimap"
)

// Driver is the target driver of this world.
const Driver = "demo"

// service is the administration interface of the new side: providers/fake
// keeps the books, and what is made there is made on the servers too. It sets
// no passwords of accounts that exist: the IMAP server of this world cannot.
type service struct {
	books *fake.Service
	imap  *imapmem.Server

	mu        sync.Mutex
	passwords map[string]string
}

var (
	_ providers.DomainLister   = (*service)(nil)
	_ providers.DomainCreator  = (*service)(nil)
	_ providers.MailboxLister  = (*service)(nil)
	_ providers.MailboxCreator = (*service)(nil)
	_ providers.AliasLister    = (*service)(nil)
	_ providers.AliasSetter    = (*service)(nil)
	_ providers.Exporter       = (*service)(nil)
)

func newService(imap *imapmem.Server, exports migration.Exports) *service {
	return &service{books: fake.New(exports), imap: imap, passwords: map[string]string{}}
}

func (s *service) descriptor() providers.Descriptor {
	return providers.Descriptor{
		Kind: providers.KindTarget, Driver: Driver, Doc: "The new mail service of the demonstration.",
		Credentials: []string{"password", "keep"},
		Open:        func(providers.Config) (providers.Provider, error) { return s, nil },
	}
}

// Driver implements providers.Provider.
func (s *service) Driver() string { return Driver }

// ListDomains implements providers.DomainLister.
func (s *service) ListDomains(ctx context.Context) ([]string, error) { return s.books.ListDomains(ctx) }

// CreateDomain implements providers.DomainCreator.
func (s *service) CreateDomain(ctx context.Context, domain string) error {
	return s.books.CreateDomain(ctx, domain)
}

// ListMailboxes implements providers.MailboxLister.
func (s *service) ListMailboxes(ctx context.Context) (map[string]migration.Account, error) {
	return s.books.ListMailboxes(ctx)
}

// CreateMailbox implements providers.MailboxCreator: the account can log in
// and receives mail when it returns.
func (s *service) CreateMailbox(ctx context.Context, m providers.NewMailbox) error {
	if err := s.books.CreateMailbox(ctx, m); err != nil {
		return err
	}
	if err := s.imap.AddUser(m.Email, m.Password.Reveal()); err != nil {
		return fmt.Errorf("create mailbox %s: %w", m.Email, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.passwords[m.Email] = m.Password.Reveal()
	return nil
}

// ListAliases implements providers.AliasLister.
func (s *service) ListAliases(ctx context.Context) (map[string][]string, error) {
	return s.books.ListAliases(ctx)
}

// SetAlias implements providers.AliasSetter.
func (s *service) SetAlias(ctx context.Context, email string, to []string) error {
	return s.books.SetAlias(ctx, email, to)
}

// Exports implements providers.Exporter.
func (s *service) Exports(ctx context.Context, domain string) (migration.Exports, error) {
	return s.books.Exports(ctx, domain)
}

// admits reports whether an account logs in with this password.
func (s *service) admits(login, password string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	have, ok := s.passwords[login]
	return ok && subtle.ConstantTimeCompare([]byte(have), []byte(password)) == 1
}

// accounts returns who receives the mail of an address. The books are in
// memory: nothing here waits, and nothing is to be cancelled.
func (s *service) accounts(address string) []string {
	aliases, err := s.books.ListAliases(context.Background())
	if err != nil {
		return nil
	}
	return routes(address, func(a string) bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		_, ok := s.passwords[a]
		return ok
	}, aliases)
}

// Catalog is the set of drivers of this world.
func (w *World) Catalog() providers.Catalog {
	return providers.Catalog{genericimap.Source(), w.service.descriptor(), rfc2136.Descriptor(), manual.Descriptor()}
}
