package mox_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"bascule/internal/retry"
	"bascule/internal/secret"
	"bascule/migration"
	"bascule/providers"
	"bascule/providers/mox"
)

const pass = "a long password"

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "the server is unwell", code) }
}

func says(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, text) }
}

func hangUp(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

func box(localpart string) providers.NewMailbox {
	return providers.NewMailbox{Email: localpart + "@company.example", Password: secret.New(pass)}
}

func TestALostAnswerIsSettledByLooking(t *testing.T) {
	for name, how := range map[string]fault{
		"500 after the effect":     {status(500), true},
		"hung up after the effect": {hangUp, true},
		"HTML after the effect":    {says("<html>gateway"), true},
	} {
		t.Run(name, func(t *testing.T) {
			f, url := newFake(t)
			p := open(t, url, "right")
			f.fail("AccountAdd", -1, how)
			if err := p.CreateMailbox(t.Context(), box("alice")); err != nil {
				t.Errorf("CreateMailbox = %v", err)
			}
			f.fail("DomainAdd", -1, how)
			if err := p.CreateDomain(t.Context(), "new.example"); err != nil {
				t.Errorf("CreateDomain = %v", err)
			}
			f.fail("AddressAdd", -1, how)
			if err := p.SetAlias(t.Context(), "info@company.example", []string{"alice@company.example"}); err != nil {
				t.Errorf("SetAlias = %v", err)
			}
			for _, function := range []string{"AccountAdd", "DomainAdd", "AddressAdd", "SetPassword"} {
				if n := f.count(function); n != 1 {
					t.Errorf("%s was called %d times", function, n)
				}
			}
		})
	}
}

func TestAFailureWithoutEffectIsSaidWithItsKind(t *testing.T) {
	for name, test := range map[string]struct {
		how       http.HandlerFunc
		temporary bool
	}{
		"500":                 {status(500), true},
		"429":                 {status(429), true},
		"hung up":             {hangUp, true},
		"refused":             {says(`{"error":{"code":"user:error","message":"no"}}`), false},
		"server error":        {says(`{"error":{"code":"server:error","message":"disk full"}}`), true},
		"success that is not": {says(`{"result":null}`), false},
		"HTML":                {says("<html>gateway"), false},
		"403 of a proxy":      {status(403), false},
	} {
		t.Run(name, func(t *testing.T) {
			f, url := newFake(t)
			f.fail("AccountAdd", -1, fault{answer: test.how})
			err := open(t, url, "right").CreateMailbox(t.Context(), box("alice"))
			if err == nil || retry.IsTemporary(err) != test.temporary || !strings.Contains(err.Error(), "alice@company.example") {
				t.Errorf("%v, temporary %v", err, retry.IsTemporary(err))
			}
			if f.count("SetPassword") != 0 {
				t.Error("the password of an account that is not there was set")
			}
		})
	}
}

func TestListingsNeverComeBackShort(t *testing.T) {
	for name, how := range map[string]http.HandlerFunc{
		"429": status(429), "500": status(500), "404": status(404), "hung up": hangUp, "HTML": says("<!doctype html><title>Log in</title>"),
		"nothing": says(`{}`), "null": says(`{"result":null}`), "another shape": says(`{"result":["a"]}`),
		"no accounts": says(`{"result":{"Domains":{}}}`), "half": says(`{"result":{"Domains":{},"Acc`),
		"an address that is none": says(`{"result":{"Domains":{},"Accounts":{"a":{"Destinations":{"a@..":{}}}}}}`),
		"endless":                 says(`{"result":"` + strings.Repeat("x", 17<<20) + `"}`),
	} {
		t.Run(name, func(t *testing.T) {
			f, url := newFake(t)
			f.fail("Config", -1, fault{answer: how})
			p := open(t, url, "right")
			if v, err := p.ListDomains(t.Context()); err == nil || v != nil {
				t.Errorf("ListDomains = %v, %v", v, err)
			}
			if v, err := p.ListMailboxes(t.Context()); err == nil || v != nil {
				t.Errorf("ListMailboxes = %v, %v", v, err)
			}
			if v, err := p.ListAliases(t.Context()); err == nil || v != nil {
				t.Errorf("ListAliases = %v, %v", v, err)
			}
			if err := p.CreateMailbox(t.Context(), box("alice")); err == nil || errors.Is(err, providers.ErrNotFound) {
				t.Errorf("CreateMailbox = %v", err)
			}
			if f.count("AccountAdd") != 0 {
				t.Error("it wrote without having looked")
			}
		})
	}
}

func TestASessionThatEndedIsOpenedOnceMore(t *testing.T) {
	f, url := newFake(t)
	p := open(t, url, "right")
	if _, err := p.ListDomains(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.mu.Lock()
	f.logins += 10 // ten others logged in
	f.mu.Unlock()
	if err := p.CreateMailbox(t.Context(), box("alice")); err != nil {
		t.Fatal(err)
	}
	if n := f.count("Login"); n != 2 {
		t.Errorf("%d logins", n)
	}
	f.fail("Config", -1, fault{answer: says(`{"error":{"code":"user:badAuth","message":"unknown session"}}`)})
	if _, err := p.ListDomains(t.Context()); !errors.Is(err, providers.ErrAuth) {
		t.Errorf("a session refused right after the login: %v", err)
	}
	if n := f.count("Login"); n != 3 {
		t.Errorf("%d logins", n)
	}
}

func TestTheWrongPasswordIsTriedOncePerCallAndNeverShown(t *testing.T) {
	f, url := newFake(t)
	p := open(t, url, "wrong-and-secret")
	_, err := p.ListDomains(t.Context())
	if !errors.Is(err, providers.ErrAuth) || retry.IsTemporary(err) || strings.Contains(err.Error(), "wrong-and-secret") {
		t.Errorf("%v", err)
	}
	if n := f.count("Login"); n != 1 {
		t.Errorf("%d logins", n)
	}
}

func TestAPasswordThatWasNotSetIsSaidAndNotShown(t *testing.T) {
	f, url := newFake(t)
	f.fail("SetPassword", -1, fault{answer: says(`{"error":{"code":"user:error","message":"bad password: ` + pass + `"}}`)})
	err := open(t, url, "right").CreateMailbox(t.Context(), box("alice"))
	if err == nil || !strings.Contains(err.Error(), "the account is made, but has no password yet") || strings.Contains(err.Error(), pass) {
		t.Errorf("%v", err)
	}
	f.fail("SetPassword", -1, fault{answer: status(500)})
	p := open(t, url, "right")
	if err := p.CreateMailbox(t.Context(), box("alice")); !errors.Is(err, providers.ErrExists) {
		t.Errorf("the second time: %v", err)
	}
	f.fail("", 0, fault{})
	if err := p.SetPassword(t.Context(), "alice@company.example", secret.New(pass)); err != nil {
		t.Errorf("SetPassword = %v", err)
	}
}

func TestAnAliasThatCannotBeMovedStaysWhereItWas(t *testing.T) {
	f, url := newFake(t)
	p := open(t, url, "right")
	for _, local := range []string{"alice", "bob"} {
		if err := p.CreateMailbox(t.Context(), box(local)); err != nil {
			t.Fatal(err)
		}
	}
	info, alice, bob := "info@company.example", "alice@company.example", "bob@company.example"
	if err := p.SetAlias(t.Context(), info, []string{alice}); err != nil {
		t.Fatal(err)
	}
	f.fail("AliasAdd", -1, fault{answer: status(500)})
	if err := p.SetAlias(t.Context(), info, []string{alice, bob}); !retry.IsTemporary(err) {
		t.Errorf("SetAlias = %v", err)
	}
	got, err := p.ListAliases(t.Context())
	if err != nil || len(got[info]) != 1 || got[info][0] != alice {
		t.Errorf("ListAliases = %v, %v", got, err)
	}
}

func TestBeforeAnythingIsContacted(t *testing.T) {
	good := func() providers.Config {
		return providers.Config{
			Server: migration.Server{Settings: map[string]string{"admin_url": "https://mox.example/admin/"},
				Secrets: map[string]migration.Secret{"admin_password": {Locator: "env:X"}}},
			Secret: func(context.Context, migration.Secret) (secret.Value, error) {
				t.Error("a secret was read")
				return secret.Value{}, nil
			},
			HTTP: http.DefaultTransport,
		}
	}
	if _, err := mox.Open(good()); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*providers.Config){
		"no admin_url":           func(c *providers.Config) { delete(c.Server.Settings, "admin_url") },
		"no admin_password":      func(c *providers.Config) { c.Server.Secrets = nil },
		"plaintext to elsewhere": func(c *providers.Config) { c.Server.Settings["admin_url"] = "http://mox.example/admin/" },
		"no way to a secret":     func(c *providers.Config) { c.Secret = nil },
		"no transport":           func(c *providers.Config) { c.HTTP = nil },
	} {
		c := good()
		spoil(&c)
		if _, err := mox.Open(c); err == nil {
			t.Errorf("%s: opened", name)
		}
	}
}
