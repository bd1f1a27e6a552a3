package observe

import (
	"context"
	"errors"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"bascule/internal/clock"
	"bascule/internal/retry"
	"bascule/maildns"
	"bascule/maildns/lookup"
	"bascule/mailsync"
	"bascule/migration"
	"bascule/providers"
	"bascule/state"
)

// Resolver asks name servers.
type Resolver interface {
	AuthoritativeServers(ctx context.Context, domain string) ([]lookup.Server, error)
	ExplicitServers(ctx context.Context, nameservers []string) ([]lookup.Server, error)
	ZoneOf(ctx context.Context, name string) (string, error)
	Snapshot(ctx context.Context, zone string, servers []lookup.Server, keys []maildns.Key) maildns.Zone
	LookupHost(ctx context.Context, host string) ([]string, error)
	LookupCNAME(ctx context.Context, name string) (string, error)
}

// Looker looks at everything a plan depends on.
type Looker struct {
	Clock      clock.Clock
	Resolver   Resolver
	Provider   func(ctx context.Context, target migration.Address) (providers.Provider, error)
	OpenSource func(ctx context.Context, server migration.Server, m migration.Mailbox, pin *state.Pin) (mailsync.Source, error)
	OpenTarget func(ctx context.Context, server migration.Server, m migration.Mailbox, pin *state.Pin) (mailsync.Target, error)
}

// Depth says how closely mailboxes are looked at.
type Depth int

// Depths.
const (
	// Needed looks at mailboxes whose identity is not pinned yet: what a tick needs.
	Needed Depth = iota
	// Everything looks at every mailbox: what a plan shows.
	Everything
)

// Targets asks every target what it serves and offers. It is the part of a
// look that the second evaluation of the configuration needs.
func (l *Looker) Targets(ctx context.Context, d *migration.Desired) map[migration.Address]migration.TargetSeen {
	out := map[migration.Address]migration.TargetSeen{}
	var mu sync.Mutex
	var group errgroup.Group
	for _, t := range d.Targets {
		group.Go(func() error {
			seen := l.target(ctx, t, d)
			mu.Lock()
			defer mu.Unlock()
			out[t.Address] = seen
			return nil
		})
	}
	_ = group.Wait()
	return out
}

func (l *Looker) target(ctx context.Context, t migration.Server, d *migration.Desired) migration.TargetSeen {
	p, err := l.Provider(ctx, t.Address)
	if err != nil {
		return migration.TargetSeen{Err: err.Error()}
	}
	if p == nil {
		return migration.TargetSeen{}
	}
	seen := migration.TargetSeen{Can: providers.Capabilities(p), Exports: map[string]migration.Exports{}}
	if err := list(ctx, p, &seen); err != nil {
		return migration.TargetSeen{Err: err.Error(), Can: seen.Can}
	}
	exporter, ok := p.(providers.Exporter)
	if !ok {
		return seen
	}
	for _, domain := range d.Domains {
		if domain.Target != t.Address {
			continue
		}
		x, err := exporter.Exports(ctx, domain.Name)
		if err != nil {
			return migration.TargetSeen{Err: err.Error(), Can: seen.Can}
		}
		seen.Exports[domain.Name] = x
	}
	return seen
}

func list(ctx context.Context, p providers.Provider, seen *migration.TargetSeen) (err error) {
	if lister, ok := p.(providers.DomainLister); ok {
		if seen.Domains, err = lister.ListDomains(ctx); err != nil {
			return err
		}
	}
	if lister, ok := p.(providers.MailboxLister); ok {
		if seen.Accounts, err = lister.ListMailboxes(ctx); err != nil {
			return err
		}
	}
	if lister, ok := p.(providers.AliasLister); ok {
		if seen.Aliases, err = lister.ListAliases(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Mailboxes looks at both sides of the mailboxes, as closely as asked, and adds
// what it saw to seen. What is in seen already is not looked at again, but for
// a target account that has come to exist since.
func (l *Looker) Mailboxes(ctx context.Context, d *migration.Desired, targets map[migration.Address]migration.TargetSeen, s *state.State, depth Depth, seen map[migration.Address]migration.MailboxSeen) {
	var mu sync.Mutex
	var group errgroup.Group
	group.SetLimit(max(d.Settings.Limits.Mailboxes, 1))
	for _, m := range d.Mailboxes {
		_, pinned := s.DoneAt(m.Address, "pin")
		was, known := seen[m.Address]
		_, there := targets[m.Target.Server].Accounts[m.Email]
		if pinned && depth == Needed || known && (was.Target.Looked || !there) {
			continue
		}
		group.Go(func() error {
			now := l.mailbox(ctx, d, targets[m.Target.Server], m, s)
			mu.Lock()
			defer mu.Unlock()
			seen[m.Address] = now
			return nil
		})
	}
	_ = group.Wait()
}

func (l *Looker) mailbox(ctx context.Context, d *migration.Desired, target migration.TargetSeen, m migration.Mailbox, s *state.State) migration.MailboxSeen {
	var pins state.Mailbox
	if o := s.Objects[m.Address]; o != nil && o.Mailbox != nil {
		pins = *o.Mailbox
	}
	var seen migration.MailboxSeen
	from, _ := find(d.Sources, m.Source.Server)
	source, err := l.OpenSource(ctx, from, m, pins.Source)
	var old, new mailsync.Listing
	seen.Source, old = side(ctx, source, err)
	to, _ := find(d.Targets, m.Target.Server)
	if mayHave(target, m, pins) {
		opened, err := l.OpenTarget(ctx, to, m, pins.Target)
		seen.Target, new = side(ctx, opened, err)
	}
	seen.Source.Mapping = mapping(old, new, m.Folders)
	return seen
}

// mayHave reports whether to log in to a target account: to one that the target
// says does not exist, a login only feeds its defence against guessing, and so
// it may while the target cannot say.
func mayHave(target migration.TargetSeen, m migration.Mailbox, pins state.Mailbox) bool {
	_, there := target.Accounts[m.Email]
	switch {
	case there, pins.Target != nil:
		return true
	case target.Err != "":
		return !slices.Contains(target.Can, migration.CanListAccounts)
	}
	return target.Accounts == nil
}

func find(list []migration.Server, a migration.Address) (migration.Server, bool) {
	for _, s := range list {
		if s.Address == a {
			return s, true
		}
	}
	return migration.Server{}, false
}

// side lists one side and closes it.
func side(ctx context.Context, s mailsync.Source, err error) (migration.SideSeen, mailsync.Listing) {
	seen := migration.SideSeen{Looked: true}
	var listing mailsync.Listing
	if err == nil {
		listing, err = s.List(ctx)
		seen.ServerID = s.Identity().ID
		_ = s.Close()
	}
	if err != nil {
		seen.ServerID = nil
		seen.Err, seen.Temporary, seen.Refused = err.Error(), retry.IsTemporary(err), errors.Is(err, mailsync.ErrAuth)
		return seen, listing
	}
	count(&seen, listing)
	return seen, listing
}

func count(seen *migration.SideSeen, l mailsync.Listing) {
	for _, f := range l.Folders {
		if f.Status != nil {
			seen.Messages += int(f.Status.Messages)
		}
		seen.Folders++
	}
	seen.NotCarried = l.Foreign
}

// Zones asks the authoritative servers of every domain.
func (l *Looker) Zones(ctx context.Context, d *migration.Desired, targets map[migration.Address]migration.TargetSeen) map[migration.Address]maildns.Zone {
	out := map[migration.Address]maildns.Zone{}
	var mu sync.Mutex
	var group errgroup.Group
	for _, domain := range d.Domains {
		group.Go(func() error {
			z, err := l.Snapshot(ctx, d, domain, Keys(d, domain, targets))
			if err != nil {
				z = maildns.Zone{Name: maildns.Name(domain.Name), Servers: []maildns.ServerView{{Name: domain.Name, Err: err.Error()}}}
			}
			mu.Lock()
			defer mu.Unlock()
			out[domain.Address] = z
			return nil
		})
	}
	_ = group.Wait()
	return out
}

// Snapshot asks the authoritative servers of one domain for some record sets.
func (l *Looker) Snapshot(ctx context.Context, d *migration.Desired, domain migration.Domain, keys []maildns.Key) (maildns.Zone, error) {
	servers, zone, err := l.servers(ctx, d, domain)
	if err != nil {
		return maildns.Zone{}, err
	}
	return l.Resolver.Snapshot(ctx, zone, servers, keys), nil
}

func (l *Looker) servers(ctx context.Context, d *migration.Desired, domain migration.Domain) ([]lookup.Server, string, error) {
	for _, dns := range d.DNS {
		if dns.Address == domain.DNS && len(dns.Nameservers) > 0 {
			servers, err := l.Resolver.ExplicitServers(ctx, dns.Nameservers)
			return servers, maildns.Name(domain.Name), err
		}
	}
	zone, err := l.Resolver.ZoneOf(ctx, domain.Name)
	if err != nil {
		return nil, "", err
	}
	servers, err := l.Resolver.AuthoritativeServers(ctx, zone)
	return servers, zone, err
}

// Keys lists the record sets of a domain that matter to the migration.
func Keys(d *migration.Desired, domain migration.Domain, targets map[migration.Address]migration.TargetSeen) []maildns.Key {
	keys := []maildns.Key{
		maildns.KeyOf(domain.Name, "MX"), maildns.KeyOf(domain.Name, "TXT"),
		maildns.KeyOf(maildns.DMARCName(domain.Name), "TXT"), maildns.KeyOf(maildns.DMARCName(domain.Name), "CNAME"),
	}
	records := append(append([]migration.DKIMRecord(nil), domain.DKIM.Records...), targets[domain.Target].Exports[domain.Name].DKIM...)
	for _, r := range records {
		keys = append(keys, maildns.KeyOf(r.Name+"."+domain.Name, r.Type))
	}
	for _, label := range []string{"_imaps._tcp", "_imap._tcp", "_submissions._tcp", "_submission._tcp"} {
		keys = append(keys, maildns.KeyOf(label+"."+domain.Name, "SRV"))
	}
	for _, r := range d.Records {
		if r.Domain == domain.Address {
			keys = append(keys, maildns.KeyOf(r.Name, r.Type))
		}
	}
	return keys
}

// Hosts resolves the hosts of the new MX; those probed at a given endpoint
// need no address.
func (l *Looker) Hosts(ctx context.Context, d *migration.Desired) map[string]migration.HostSeen {
	out := map[string]migration.HostSeen{}
	for _, domain := range d.Domains {
		if t, ok := find(d.Targets, domain.Target); ok && t.MXEndpoint != "" {
			continue
		}
		rr := maildns.RRset{Name: maildns.Name(domain.Name), Type: "MX", Values: domain.MXTo.Values}
		for _, host := range maildns.MXHosts(rr) {
			out[host] = l.host(ctx, host)
		}
	}
	return out
}

func (l *Looker) host(ctx context.Context, host string) migration.HostSeen {
	var seen migration.HostSeen
	if target, err := l.Resolver.LookupCNAME(ctx, host); err == nil && target != "" {
		seen.CNAME = target
	}
	addrs, err := l.Resolver.LookupHost(ctx, host)
	seen.Addrs = addrs
	switch {
	case err != nil:
		seen.Err = err.Error()
	case len(addrs) == 0:
		seen.Absent = true
	}
	return seen
}
