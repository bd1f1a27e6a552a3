package mox

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"bascule/internal/httpapi"
	"bascule/internal/secret"
	"bascule/migration"
	"bascule/providers"
)

// Driver is the name in configuration.
const Driver = "mox"

// Provider is the admin interface of one mox. It is safe for use by several
// goroutines.
type Provider struct {
	api      *httpapi.Client
	password func(context.Context) (secret.Value, error)
	// account takes the postmaster and report mail of new domains; "" for
	// mox's own postmaster account.
	account string

	mu      sync.Mutex
	session *session
	// writing keeps a look and the write that follows from it together.
	writing sync.Mutex
}

var (
	_ providers.DomainLister   = (*Provider)(nil)
	_ providers.DomainCreator  = (*Provider)(nil)
	_ providers.MailboxLister  = (*Provider)(nil)
	_ providers.MailboxCreator = (*Provider)(nil)
	_ providers.PasswordSetter = (*Provider)(nil)
	_ providers.AliasLister    = (*Provider)(nil)
	_ providers.AliasSetter    = (*Provider)(nil)
	_ providers.Exporter       = (*Provider)(nil)
)

// Descriptor is what configuration and documentation know of the driver.
func Descriptor() providers.Descriptor {
	return providers.Descriptor{
		Kind: providers.KindTarget, Driver: Driver,
		Doc: "mox, the modern full-featured mail server, through its admin web interface.",
		Fields: []providers.Field{
			{Name: "admin_url", Type: providers.String, Required: true, Example: "https://mail.example.ch/admin/",
				Doc: "Address of the admin web interface. Plain http:// only to a loopback address, through a tunnel say, unless allow_plaintext = true."},
			{Name: "admin_password", Type: providers.Secret, Required: true, Example: `secret("env:MOX_ADMIN_PASSWORD")`,
				Doc: "Password of the admin web interface."},
			{Name: "admin_account", Type: providers.String,
				Doc: "Existing mox account that receives postmaster and report mail of domains made here; mox's own postmaster account when absent."},
		},
		Credentials: []string{"password", "keep"},
		Open:        func(c providers.Config) (providers.Provider, error) { return Open(c) },
	}
}

// Open makes a provider. It contacts nobody and reads no secret.
func Open(c providers.Config) (*Provider, error) {
	settings := c.Server.Settings
	if settings["admin_url"] == "" {
		return nil, errors.New("open mox: admin_url is missing")
	}
	locator := c.Server.Secrets["admin_password"]
	if locator.IsZero() || c.Secret == nil {
		return nil, errors.New("open mox: admin_password is missing")
	}
	transport := httpapi.WithCAs(c.HTTP, c.CAs)
	api, err := httpapi.New(settings["admin_url"], transport, c.Server.Endpoint.AllowPlaintext)
	if err != nil {
		return nil, fmt.Errorf("open mox: admin_url: %w", err)
	}
	return &Provider{
		api:      api,
		account:  settings["admin_account"],
		password: func(ctx context.Context) (secret.Value, error) { return c.Secret(ctx, locator) },
	}, nil
}

// Driver implements providers.Provider.
func (p *Provider) Driver() string { return Driver }

// change makes one write and looks whether it is there, whatever was answered.
func (p *Provider) change(ctx context.Context, what string, is func(*snapshot) bool, do func() error) error {
	err := do()
	if errors.Is(err, providers.ErrAuth) {
		return fmt.Errorf("%s: %w", what, err)
	}
	now, lookErr := p.look(ctx)
	switch {
	case lookErr != nil:
		return fmt.Errorf("%s: %w", what, errors.Join(err, fmt.Errorf("look whether it is there: %w", lookErr)))
	case is(now):
		return nil
	case err == nil:
		err = errors.New("mox reports success, but its configuration does not show it")
	}
	return fmt.Errorf("%s: %w", what, err)
}

// refused is an error for what mox cannot do, with the next move.
func refused(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{providers.ErrRefused}, args...)...)
}

// login is the account people log in with: in mox always an address.
func login(address string, quota int64) migration.Account {
	return migration.Account{Login: address, Quota: max(quota, 0)}
}
