package mox

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/net/idna"
)

// config is the part of mox's configuration that matters here; one call gives
// the whole of it, as it is at one moment.
type config struct {
	Domains  map[string]domain
	Accounts map[string]account
}

type domain struct {
	Disabled bool
	Aliases  map[string]alias
}

type alias struct {
	Addresses  []string
	PostPublic bool
}

type account struct {
	Domain                       string
	Destinations                 map[string]any
	QuotaMessageSize             int64
	MaxOutgoingMessagesPerDay    int
	MaxFirstTimeRecipientsPerDay int
	NoFirstTimeSenderDelay       bool
	NoCustomPassword             bool
}

// snapshot is the configuration by address. Addresses are canonical: lower
// case, domain as A-labels, "*@domain" for the catch-all.
type snapshot struct {
	config
	// domains holds mox's name of each domain, by canonical name.
	domains map[string]string
	// owned are the addresses of accounts, lists the aliases.
	owned map[string]owned
	lists map[string]list
	// main is the address that stands for each account.
	main map[string]string
}

// owned is an address of an account; raw is how mox writes it.
type owned struct{ account, raw string }

// list is an alias with members of its own; raw is how mox writes each member.
type list struct {
	localpart, domain string
	members           []string
	raw               map[string]string
	public            bool
}

// look reads the configuration of mox.
func (p *Provider) look(ctx context.Context) (*snapshot, error) {
	var c config
	if err := p.call(ctx, &c, nil, "Config"); err != nil {
		return nil, err
	}
	if c.Domains == nil || c.Accounts == nil {
		return nil, errors.New("the configuration of mox lists neither domains nor accounts; it is not understood")
	}
	return index(c)
}

func index(c config) (*snapshot, error) {
	s := &snapshot{config: c, domains: map[string]string{}, owned: map[string]owned{}, lists: map[string]list{}, main: map[string]string{}}
	for name, d := range c.Domains {
		ascii, err := canonicalDomain(name)
		if err != nil {
			return nil, err
		}
		s.domains[ascii] = name
		for localpart, a := range d.Aliases {
			l := list{localpart: localpart, domain: name, raw: map[string]string{}, public: a.PostPublic}
			if l.members, err = canonicalAll(a.Addresses); err != nil {
				return nil, fmt.Errorf("alias %s@%s: %w", localpart, name, err)
			}
			for _, raw := range a.Addresses {
				if address, err := canonical(raw); err == nil {
					l.raw[address] = raw
				}
			}
			s.lists[strings.ToLower(localpart)+"@"+ascii] = l
		}
	}
	for name, a := range c.Accounts {
		if err := s.indexAccount(name, a); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *snapshot) indexAccount(name string, a account) error {
	var addresses []string
	for raw := range a.Destinations {
		full := raw
		if !strings.Contains(raw, "@") {
			full = raw + "@" + a.Domain // a form mox still reads
		}
		address, err := canonical(full)
		if err != nil {
			return fmt.Errorf("account %q: %w", name, err)
		}
		s.owned[address] = owned{name, raw}
		addresses = append(addresses, address)
	}
	slices.Sort(addresses)
	s.main[name] = mainAddress(name, a.Domain, addresses)
	return nil
}

// mainAddress chooses the address that stands for an account: the one it is
// named after, or the first. The others are its aliases. A catch-all or
// postmaster address stands for it only when there is nothing else.
func mainAddress(name, domain string, addresses []string) string {
	var first string
	for _, a := range addresses {
		if accountName(a) == name || a == strings.ToLower(name+"@"+domain) {
			return a
		}
		if first == "" && !strings.HasPrefix(a, "*@") && !strings.HasPrefix(a, "postmaster@") {
			first = a
		}
	}
	if first == "" && len(addresses) > 0 && !strings.HasPrefix(addresses[len(addresses)-1], "*@") {
		first = addresses[len(addresses)-1]
	}
	return first
}

// canonical returns the form addresses are compared in. "@domain" is how mox
// writes a catch-all.
func canonical(address string) (string, error) {
	at := strings.LastIndexByte(address, '@')
	if at < 0 {
		return "", fmt.Errorf("%q is not an address", address)
	}
	name, err := canonicalDomain(address[at+1:])
	if err != nil {
		return "", err
	}
	localpart := strings.ToLower(address[:at])
	if localpart == "" {
		localpart = "*"
	}
	return localpart + "@" + name, nil
}

func canonicalAll(addresses []string) ([]string, error) {
	out := make([]string, 0, len(addresses))
	for _, a := range addresses {
		c, err := canonical(a)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

func canonicalDomain(name string) (string, error) {
	ascii, err := idna.Lookup.ToASCII(strings.TrimSuffix(name, "."))
	if err != nil || ascii == "" || slices.Contains(strings.Split(ascii, "."), "") {
		return "", fmt.Errorf("%q is not a domain name", name)
	}
	return strings.ToLower(ascii), nil
}

// wire is how mox wants an address in a call: "@domain" for the catch-all.
func wire(address string) string { return strings.TrimPrefix(address, "*") }
