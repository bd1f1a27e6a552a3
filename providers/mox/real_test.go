package mox_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"bascule/internal/secret"
	"bascule/internal/testservers"
	"bascule/migration"
	"bascule/providers"
	"bascule/providers/mox"
	"bascule/providers/providertest"
)

func config(url, password string) providers.Config {
	return providers.Config{
		Server: migration.Server{Driver: "mox", Settings: map[string]string{"admin_url": url},
			Secrets: map[string]migration.Secret{"admin_password": {Locator: "env:MOX"}}},
		Secret: func(context.Context, migration.Secret) (secret.Value, error) { return secret.New(password), nil },
		HTTP:   &http.Transport{},
	}
}

// open makes a provider for an admin interface.
func open(t *testing.T, url, password string) *mox.Provider {
	t.Helper()
	p, err := mox.Open(config(url, password))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// imapLogin logs in with a few lines of IMAP of its own: no quoting it has not
// asked for, a literal for the password.
func imapLogin(m *testservers.Mox) func(*testing.T, string, string) error {
	return func(t *testing.T, login, password string) error {
		conn, err := tls.Dial("tcp", m.IMAPSAddr, &tls.Config{RootCAs: m.CA.Pool(), ServerName: m.Host})
		if err != nil {
			t.Fatalf("connect: %v", err)
		}
		defer conn.Close()
		r := bufio.NewReader(conn)
		_, _ = r.ReadString('\n')
		fmt.Fprintf(conn, "a LOGIN {%d+}\r\n%s {%d+}\r\n%s\r\n", len(login), login, len(password), password)
		for {
			line, err := r.ReadString('\n')
			if err != nil {
				return err
			}
			if answer, ok := strings.CutPrefix(line, "a "); ok {
				if strings.HasPrefix(answer, "OK") {
					return nil
				}
				return errors.New(strings.TrimSpace(answer))
			}
		}
	}
}

// TestContract runs against the real mox.
func TestContract(t *testing.T) {
	m := testservers.StartMox(t, testservers.MoxOptions{})
	p := open(t, m.AdminURL, testservers.MoxAdminPassword)
	var n atomic.Int32
	providertest.Run(t, func(t *testing.T) providertest.Target {
		return providertest.Target{Provider: p, Domain: fmt.Sprintf("company%d.example", n.Add(1)),
			Login: imapLogin(m), Broken: open(t, "http://127.0.0.1:1/admin/", "x")}
	})
}

func TestARealMox(t *testing.T) {
	m := testservers.StartMox(t, testservers.MoxOptions{})
	p := open(t, m.AdminURL, testservers.MoxAdminPassword)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}

	t.Run("a wrong password is ErrAuth", func(t *testing.T) {
		if _, err := open(t, m.AdminURL, "not the password").ListDomains(t.Context()); !errors.Is(err, providers.ErrAuth) {
			t.Errorf("%v", err)
		}
	})

	t.Run("over TLS with an authority of one's own", func(t *testing.T) {
		c := config(m.AdminTLSURL, testservers.MoxAdminPassword)
		if strict, err := mox.Open(c); err != nil {
			t.Error(err)
		} else if _, err := strict.ListDomains(t.Context()); err == nil {
			t.Error("a certificate of an unknown authority was taken")
		}
		c.CAs = m.CA.Pool()
		if p, err := mox.Open(c); err != nil {
			t.Error(err)
		} else if _, err := p.ListDomains(t.Context()); err != nil {
			t.Error(err)
		}
	})

	t.Run("exports name the server, its keys and its TLS ports", func(t *testing.T) {
		must(p.CreateDomain(t.Context(), "exports.example"))
		e, err := p.Exports(t.Context(), "exports.example")
		must(err)
		if len(e.MX) != 1 || e.MX[0] != "10 mx.new.example." || len(e.SPF) == 0 || len(e.DKIM) == 0 {
			t.Errorf("%+v", e)
		}
		for _, r := range e.DKIM {
			if !strings.HasPrefix(r.Value, "v=DKIM1;") || strings.ContainsAny(r.Value, "\n\t\"") || !strings.HasSuffix(r.Name, "._domainkey") {
				t.Errorf("%+v", r)
			}
		}
		for what, s := range map[string]migration.Service{"imap": e.IMAP, "submission": e.Submission} {
			if s.Host != "mx.new.example" || s.Port == 0 || s.TLS != migration.Implicit {
				t.Errorf("%s: %+v", what, s)
			}
		}
	})

	t.Run("an IDN domain is one domain in both forms", func(t *testing.T) {
		must(p.CreateDomain(t.Context(), "müller.example"))
		must(p.CreateDomain(t.Context(), "xn--mller-kva.example"))
		address := "anna@xn--mller-kva.example"
		must(p.CreateMailbox(t.Context(), providers.NewMailbox{Email: "Anna@müller.example", Password: secret.New("a long password")}))
		boxes, err := p.ListMailboxes(t.Context())
		must(err)
		if _, ok := boxes[address]; !ok {
			t.Errorf("%v", boxes)
		}
		must(p.SetAlias(t.Context(), "info@müller.example", []string{address}))
		must(p.SetAlias(t.Context(), "info@müller.example", []string{"anna@müller.example"}))
		if err := imapLogin(m)(t, "anna@müller.example", "a long password"); err != nil {
			t.Error(err)
		}
	})

	t.Run("a catch-all leads to one mailbox", func(t *testing.T) {
		must(p.CreateDomain(t.Context(), "all.example"))
		must(p.CreateMailbox(t.Context(), providers.NewMailbox{Email: "a@all.example", Password: secret.New("a long password")}))
		must(p.SetAlias(t.Context(), "*@all.example", []string{"a@all.example"}))
		aliases, err := p.ListAliases(t.Context())
		must(err)
		if got := aliases["*@all.example"]; len(got) != 1 || got[0] != "a@all.example" {
			t.Errorf("%v", aliases)
		}
		boxes, err := p.ListMailboxes(t.Context())
		must(err)
		if _, ok := boxes["*@all.example"]; ok || boxes["a@all.example"].Login != "a@all.example" {
			t.Errorf("%v", boxes)
		}
	})

	t.Run("addresses that look alike are accounts apart", func(t *testing.T) {
		must(p.CreateDomain(t.Context(), "twins.example"))
		for _, local := range []string{"a.b", "a-b", "a_b"} {
			must(p.CreateMailbox(t.Context(), providers.NewMailbox{Email: local + "@twins.example", Password: secret.New("a long password")}))
		}
	})

	t.Run("an account made by hand counts under its address", func(t *testing.T) {
		m.AddDomain("byhand.example")
		m.AddAccount("zoe", "zoe@byhand.example", "a long password")
		err := p.CreateMailbox(t.Context(), providers.NewMailbox{Email: "zoe@byhand.example", Password: secret.New("another password")})
		if !errors.Is(err, providers.ErrExists) {
			t.Errorf("%v", err)
		}
		if err := imapLogin(m)(t, "zoe@byhand.example", "a long password"); err != nil {
			t.Error(err)
		}
	})

	t.Run("what mox refuses is refused before anything is made", func(t *testing.T) {
		must(p.CreateDomain(t.Context(), "refuse.example"))
		for name, box := range map[string]providers.NewMailbox{
			"a short password": {Email: "x@refuse.example", Password: secret.New("short")},
			"no password":      {Email: "x@refuse.example"},
			"another login":    {Email: "x@refuse.example", Login: "x", Password: secret.New("a long password")},
			"a separator":      {Email: "x+y@refuse.example", Password: secret.New("a long password")},
		} {
			if err := p.CreateMailbox(t.Context(), box); !errors.Is(err, providers.ErrRefused) {
				t.Errorf("%s: %v", name, err)
			}
		}
		boxes, err := p.ListMailboxes(t.Context())
		must(err)
		for address := range boxes {
			if strings.HasSuffix(address, "@refuse.example") {
				t.Errorf("%s was made", address)
			}
		}
	})

	t.Run("a session that ended with a restart is opened again", func(t *testing.T) {
		m.Restart()
		if _, err := p.ListDomains(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
