package mox

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"bascule/providers"
)

// ListAliases implements providers.AliasLister: the further addresses of
// accounts, and the lists.
func (p *Provider) ListAliases(ctx context.Context) (map[string][]string, error) {
	now, err := p.look(ctx)
	if err != nil {
		return nil, fmt.Errorf("list aliases: %w", err)
	}
	return now.aliases(), nil
}

func (s *snapshot) aliases() map[string][]string {
	out := map[string][]string{}
	for address, l := range s.lists {
		out[address] = l.members
	}
	for address, o := range s.owned {
		if to := s.main[o.account]; to != "" && to != address {
			out[address] = []string{to}
		}
	}
	return out
}

// SetAlias implements providers.AliasSetter. A list that is there is changed
// member by member, so that no message finds it missing.
func (p *Provider) SetAlias(ctx context.Context, email string, to []string) error {
	address, err := canonical(email)
	if err != nil {
		return fmt.Errorf("set alias: %w", err)
	}
	want, err := canonicalAll(to)
	if err != nil {
		return fmt.Errorf("set alias %s: %w", address, err)
	}
	p.writing.Lock()
	defer p.writing.Unlock()
	now, err := p.look(ctx)
	if err != nil {
		return fmt.Errorf("set alias %s: %w", address, err)
	}
	if err := now.canAlias(address, want); err != nil {
		return fmt.Errorf("set alias %s: %w", address, err)
	}
	if now.delivers(address, want) {
		return nil
	}
	is := func(s *snapshot) bool { return s.delivers(address, want) }
	return p.change(ctx, "set alias "+address, is, func() error { return p.point(ctx, now, address, want) })
}

// canAlias refuses what mox cannot hold, before anything is changed.
func (s *snapshot) canAlias(address string, want []string) error {
	_, name, _ := strings.Cut(address, "@")
	switch {
	case len(want) == 0:
		return refused("an alias needs a destination")
	case s.domains[name] == "":
		return fmt.Errorf("%w: mox does not serve the domain %s", providers.ErrNotFound, name)
	case strings.HasPrefix(address, "*@") && !s.isMain(want):
		return refused("a catch-all of mox leads to one mailbox; name that mailbox")
	case s.main[s.owned[address].account] == address:
		return fmt.Errorf("%w: it is the mailbox of the mox account %q", providers.ErrExists, s.owned[address].account)
	}
	for _, to := range want {
		if err := s.canDeliver(to); err != nil {
			return err
		}
	}
	return nil
}

func (s *snapshot) canDeliver(to string) error {
	_, name, _ := strings.Cut(to, "@")
	if s.domains[name] == "" {
		return refused("mox does not send mail on to other services, and %s is one; give the alias a mailbox here and let its owner forward, or leave the address with a service that redirects", to)
	}
	if _, isList := s.lists[to]; isList {
		return refused("%s is an alias itself, and mox has no aliases of aliases; name its members", to)
	}
	if _, there := s.owned[to]; !there {
		return fmt.Errorf("%w: no mox account has the address %s; create the mailbox first", providers.ErrNotFound, to)
	}
	return nil
}

// isMain reports whether the destination is one mailbox, by its main address.
// Only then can a further address of the account stand for the alias: read
// back, it leads to the main address.
func (s *snapshot) isMain(want []string) bool {
	return len(want) == 1 && s.main[s.owned[want[0]].account] == want[0]
}

// delivers reports whether an address leads to exactly these destinations.
func (s *snapshot) delivers(address string, want []string) bool {
	if l, ok := s.lists[address]; ok {
		return slices.Equal(l.members, want) && l.public
	}
	o, ok := s.owned[address]
	return ok && s.isMain(want) && s.owned[want[0]].account == o.account
}

// point makes the change, from whatever the address was.
func (p *Provider) point(ctx context.Context, now *snapshot, address string, want []string) error {
	if l, ok := now.lists[address]; ok {
		return p.changeList(ctx, now, l, want)
	}
	old, wasOwned := now.owned[address]
	if wasOwned {
		// mox has no call that moves an address; the gap is two calls long.
		if err := p.call(ctx, nil, nil, "AddressRemove", old.raw); err != nil {
			return err
		}
	}
	err := p.add(ctx, now, address, want)
	if err != nil && wasOwned {
		back := p.call(ctx, nil, nil, "AddressAdd", wire(address), old.account)
		return errors.Join(err, back)
	}
	return err
}

func (p *Provider) add(ctx context.Context, now *snapshot, address string, want []string) error {
	if now.isMain(want) {
		return p.call(ctx, nil, nil, "AddressAdd", wire(address), now.owned[want[0]].account)
	}
	localpart, name, _ := strings.Cut(address, "@")
	return p.call(ctx, nil, nil, "AliasAdd", localpart, now.domains[name], map[string]any{
		// Anybody may write to it, members do not see one another, and may
		// answer in its name.
		"Addresses": now.spelled(want), "PostPublic": true, "ListMembers": false, "AllowMsgFrom": true,
	})
}

// changeList adds what is missing before it takes away what is too much.
func (p *Provider) changeList(ctx context.Context, now *snapshot, l list, want []string) error {
	missing := without(want, l.members)
	var surplus []string
	for _, address := range without(l.members, want) {
		surplus = append(surplus, l.raw[address])
	}
	if len(missing) > 0 {
		if err := p.call(ctx, nil, nil, "AliasAddressesAdd", l.localpart, l.domain, now.spelled(missing)); err != nil {
			return err
		}
	}
	if len(surplus) > 0 {
		if err := p.call(ctx, nil, nil, "AliasAddressesRemove", l.localpart, l.domain, surplus); err != nil {
			return err
		}
	}
	if l.public {
		return nil
	}
	return p.call(ctx, nil, nil, "AliasUpdate", l.localpart, l.domain, true, false, true)
}

// spelled returns addresses as mox writes them.
func (s *snapshot) spelled(addresses []string) []string {
	var out []string
	for _, a := range addresses {
		out = append(out, s.owned[a].raw)
	}
	return out
}

func without(all, drop []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(a string) bool { return slices.Contains(drop, a) })
}
