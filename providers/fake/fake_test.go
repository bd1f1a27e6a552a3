package fake_test

import (
	"errors"
	"testing"

	"bascule/migration"
	"bascule/providers"
	"bascule/providers/fake"
	"bascule/providers/providertest"
)

var errRefusedLogin = errors.New("login refused")

func service() *fake.Service {
	return fake.New(migration.Exports{MX: []string{"10 mx.fake.example."}, SPF: []string{"include:spf.fake.example"},
		DKIM: []migration.DKIMRecord{{Name: "s1._domainkey", Type: "TXT", Value: "v=DKIM1; p=AA"}}})
}

func TestContract(t *testing.T) {
	providertest.Run(t, func(t *testing.T) providertest.Target {
		s, broken := service(), service()
		broken.SetHook(func(fake.When, string, string) error { return errors.New("out of order") })
		return providertest.Target{Provider: s, Domain: "company.example", Broken: broken,
			Login: func(_ *testing.T, login, password string) error {
				if !s.CheckLogin(login, password) {
					return errRefusedLogin
				}
				return nil
			}}
	})
}

func TestALostAnswerLeavesItsEffect(t *testing.T) {
	s := service()
	lost := errors.New("connection reset")
	s.SetHook(func(when fake.When, verb, _ string) error {
		if when == fake.Afterwards && verb == "create domain" {
			return lost
		}
		return nil
	})
	if err := s.CreateDomain(t.Context(), "company.example"); !errors.Is(err, lost) {
		t.Errorf("CreateDomain = %v", err)
	}
	if names, err := s.ListDomains(t.Context()); err != nil || len(names) != 1 || s.Writes() != 1 {
		t.Errorf("ListDomains = %v, %v; %d writes", names, err, s.Writes())
	}
}

func TestItCanDoEverything(t *testing.T) {
	if got := providers.Capabilities(service()); len(got) != 6 {
		t.Errorf("Capabilities = %v", got)
	}
}
