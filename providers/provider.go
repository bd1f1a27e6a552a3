package providers

import (
	"context"

	"bascule/internal/secret"
	"bascule/migration"
)

// Provider is a connection to a service's own interface. Its methods are
// safe for use by several goroutines.
type Provider interface {
	// Driver returns the name used in configuration: "mox".
	Driver() string
}

// DomainLister lists the mail domains the service serves, in A-label form.
type DomainLister interface {
	ListDomains(ctx context.Context) ([]string, error)
}

// DomainCreator makes the service serve a domain. One that is served already is no error.
type DomainCreator interface {
	CreateDomain(ctx context.Context, domain string) error
}

// MailboxLister lists accounts by address.
type MailboxLister interface {
	ListMailboxes(ctx context.Context) (map[string]migration.Account, error)
}

// NewMailbox is an account to make.
type NewMailbox struct {
	Email string
	// Login is the account name wanted; the service may need the address itself.
	Login string
	// Password is the credential the account starts with.
	Password secret.Value
	// Quota in octets; 0 for the service's default.
	Quota int64
}

// MailboxCreator makes an account. An account that exists is ErrExists, and
// is left as it is.
type MailboxCreator interface {
	CreateMailbox(ctx context.Context, m NewMailbox) error
}

// PasswordSetter sets the password of an account that was made by us.
type PasswordSetter interface {
	SetPassword(ctx context.Context, login string, password secret.Value) error
}

// AliasLister lists aliases and redirections: address → destinations.
type AliasLister interface {
	ListAliases(ctx context.Context) (map[string][]string, error)
}

// AliasSetter makes an address deliver to exactly these destinations,
// whatever it did before. External destinations need ExternalAliaser too.
type AliasSetter interface {
	SetAlias(ctx context.Context, email string, to []string) error
}

// ExternalAliaser marks an AliasSetter that can send mail to other domains.
type ExternalAliaser interface {
	AliasSetter
	AllowsExternalAlias()
}

// Exporter says what the service offers for a domain: MX, SPF, DKIM, client
// endpoints. A domain it does not serve yet gives the exports that do not
// depend on it and no DKIM.
type Exporter interface {
	Exports(ctx context.Context, domain string) (migration.Exports, error)
}

// Capabilities returns the Can… constants a provider answers to, sorted.
func Capabilities(p Provider) []string {
	var can []string
	add := func(name string, ok bool) {
		if ok {
			can = append(can, name)
		}
	}
	_, ok := p.(DomainCreator)
	add(migration.CanCreateDomain, ok)
	_, ok = p.(MailboxCreator)
	add(migration.CanCreateMailbox, ok)
	_, ok = p.(ExternalAliaser)
	add(migration.CanExternalAlias, ok)
	_, ok = p.(MailboxLister)
	add(migration.CanListAccounts, ok)
	_, ok = p.(AliasSetter)
	add(migration.CanSetAlias, ok)
	_, ok = p.(PasswordSetter)
	add(migration.CanSetPassword, ok)
	return can
}
