package mox

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// ListDomains implements providers.DomainLister. A disabled domain is not
// served: mox turns its mail away.
func (p *Provider) ListDomains(ctx context.Context) ([]string, error) {
	now, err := p.look(ctx)
	if err != nil {
		return nil, fmt.Errorf("list domains: %w", err)
	}
	var names []string
	for _, ascii := range slices.Sorted(maps.Keys(now.domains)) {
		if now.serves(ascii) {
			names = append(names, ascii)
		}
	}
	return names, nil
}

func (s *snapshot) serves(ascii string) bool {
	raw, ok := s.domains[ascii]
	return ok && !s.Domains[raw].Disabled
}

// CreateDomain implements providers.DomainCreator. mox makes DKIM keys with it.
func (p *Provider) CreateDomain(ctx context.Context, name string) error {
	ascii, err := canonicalDomain(name)
	if err != nil {
		return fmt.Errorf("create domain: %w", err)
	}
	p.writing.Lock()
	defer p.writing.Unlock()
	now, err := p.look(ctx)
	if err != nil {
		return fmt.Errorf("create domain %s: %w", ascii, err)
	}
	if raw, there := now.domains[ascii]; there && now.Domains[raw].Disabled {
		return fmt.Errorf("create domain %s: %w", ascii, refused("it is there but disabled; enable it in the admin interface of mox, under Domains, %s", ascii))
	} else if there {
		return nil
	}
	owner, err := p.postmaster(ctx)
	if err != nil {
		return fmt.Errorf("create domain %s: %w", ascii, err)
	}
	served := func(s *snapshot) bool { return s.serves(ascii) }
	return p.change(ctx, "create domain "+ascii, served, func() error {
		return p.call(ctx, nil, nil, "DomainAdd", false, ascii, owner, "")
	})
}

// postmaster returns the account that receives the reports of new domains.
func (p *Provider) postmaster(ctx context.Context) (string, error) {
	if p.account != "" {
		return p.account, nil
	}
	s, err := p.static(ctx)
	if err != nil {
		return "", err
	}
	if s.postmaster == "" {
		return "", refused("mox names no postmaster account; set admin_account to an existing account")
	}
	return s.postmaster, nil
}

// static is what matters of mox.conf.
type static struct{ hostname, postmaster string }

// static reads mox.conf. It is in sconf: a key and a value on a line, nested
// by tabs, comments on lines of their own.
func (p *Provider) static(ctx context.Context) (static, error) {
	var files []string
	if err := p.call(ctx, &files, nil, "ConfigFiles"); err != nil {
		return static{}, err
	}
	if len(files) != 4 {
		return static{}, fmt.Errorf("ConfigFiles: %d results, not 4: its shape is not understood", len(files))
	}
	s := parseStatic(files[2])
	if s.hostname == "" {
		return static{}, errors.New("mox.conf shows no Hostname; its shape is not understood")
	}
	return s, nil
}

func parseStatic(text string) static {
	var s static
	section := ""
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		key, value, _ := strings.Cut(strings.TrimLeft(line, "\t"), ":")
		value = strings.TrimSpace(value)
		depth := len(line) - len(strings.TrimLeft(line, "\t"))
		switch {
		case strings.HasPrefix(key, "#") || line == "":
		case depth == 0 && key == "Hostname":
			section, s.hostname = key, value
		case depth == 0:
			section = key
		case depth == 1 && section == "Postmaster" && key == "Account":
			s.postmaster = value
		}
	}
	return s
}
