package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"bascule/executor"
	"bascule/maildns"
	"bascule/maildns/zonewriter"
	"bascule/mailsync"
	"bascule/mailsync/imapstore"
	"bascule/mailsync/ledger"
	"bascule/mailsync/limits"
	"bascule/mailsync/maildir"
	"bascule/mailsync/mbox"
	"bascule/migration"
	"bascule/providers"
	"bascule/providers/files"
	"bascule/state"
)

// openSource connects to the old side of a mailbox, read-only.
func (a *app) openSource(ctx context.Context, s migration.Server, m migration.Mailbox, pin *state.Pin) (mailsync.Source, error) {
	if s.Driver == files.DriverMaildir || s.Driver == files.DriverMbox {
		return a.openDirectory(ctx, s, m, pin)
	}
	cfg, err := a.account(ctx, s, limits.Source, m.Source.Login, m.Source.Password, pin)
	if err != nil {
		return nil, err
	}
	return recognised(ctx, cfg, pin, func(cfg imapstore.Config) (mailsync.Source, error) {
		src, err := imapstore.OpenSource(ctx, cfg)
		if err != nil {
			return nil, err
		}
		return src, nil
	})
}

// openDirectory opens mail that lies in a directory; its UIDs are kept beside
// the ledgers.
func (a *app) openDirectory(ctx context.Context, s migration.Server, m migration.Mailbox, pin *state.Pin) (mailsync.Source, error) {
	place, err := files.Place(a.dir, s, m.Source.Login)
	if err != nil {
		return nil, err
	}
	index := filepath.Join(a.ledgers(), LedgerName(m.Address)+".uids")
	var expect *mailsync.Identity
	if pin != nil {
		expect = &mailsync.Identity{Endpoint: pin.Endpoint, ID: pin.ID}
	}
	if s.Driver == files.DriverMbox {
		cfg := a.mbox(place, index)
		cfg.ExpectIdentity = expect
		return mbox.OpenSource(ctx, cfg)
	}
	cfg := a.maildir(place, index)
	cfg.ExpectIdentity = expect
	return maildir.OpenSource(ctx, cfg)
}

// openTarget connects to the new side of a mailbox.
func (a *app) openTarget(ctx context.Context, s migration.Server, m migration.Mailbox, pin *state.Pin) (mailsync.Target, error) {
	cfg, err := a.account(ctx, s, limits.Target, m.Target.Login, executor.Credential(m), pin)
	if err != nil {
		return nil, err
	}
	return recognised(ctx, cfg, pin, func(cfg imapstore.Config) (mailsync.Target, error) {
		target, err := imapstore.OpenTarget(ctx, cfg)
		if err != nil {
			return nil, err
		}
		return target, nil
	})
}

// recognised opens a mailbox at the server that was recorded. A certificate
// that was renewed has a new key: then the server is known by what it calls
// itself and by the UIDVALIDITY of the INBOX, which a server that merely took
// over the name does not share.
func recognised[S mailsync.Source](ctx context.Context, cfg imapstore.Config, pin *state.Pin, open func(imapstore.Config) (S, error)) (S, error) {
	var none S
	opened, err := open(cfg)
	switch {
	case pin == nil || pin.InboxUIDValidity == 0:
		return opened, err
	case err == nil && (pin.KeySHA256 != "" || sameMailbox(ctx, opened, pin)):
		return opened, nil
	case err == nil:
		// Without a certificate the mailboxes alone tell one server from another.
		_ = opened.Close()
		return none, fmt.Errorf("%s: %w: it calls itself otherwise, or its INBOX is another", pin.Endpoint, mailsync.ErrIdentity)
	case !errors.Is(err, mailsync.ErrIdentity):
		return opened, err
	}
	cfg.ExpectIdentity = nil
	opened, again := open(cfg)
	if again != nil {
		return none, err
	}
	if sameMailbox(ctx, opened, pin) {
		return opened, nil
	}
	_ = opened.Close()
	return none, err
}

func sameMailbox(ctx context.Context, s mailsync.Source, pin *state.Pin) bool {
	if s.Identity().ID["name"] != pin.ID["name"] {
		return false
	}
	list, err := s.List(ctx)
	if err != nil {
		return false
	}
	for _, f := range list.Folders {
		if len(f.Path) == 1 && strings.EqualFold(f.Path[0], "INBOX") && f.Status != nil {
			return f.Status.UIDValidity == pin.InboxUIDValidity
		}
	}
	return false
}

// account maps a block and a login to what the engine's connection needs.
func (a *app) account(ctx context.Context, s migration.Server, side limits.Side, login string, password migration.Secret, pin *state.Pin) (imapstore.Config, error) {
	value, err := a.secret(ctx, password)
	if err != nil {
		return imapstore.Config{}, err
	}
	cas, err := a.authorities(s.Endpoint.CAFile)
	if err != nil {
		return imapstore.Config{}, err
	}
	shared := executor.AccountOf(a.limits, a.desired.Settings.Limits, s, side, login)
	cfg := imapstore.Config{
		Host: s.Endpoint.Host, Port: s.Endpoint.Port, TLS: imapstore.TLSMode(s.Endpoint.TLS), AllowPlaintext: s.Endpoint.AllowPlaintext,
		CAs: cas, PinnedAddress: s.Endpoint.Pinned, Login: login, Password: value, Dial: shared.Dial(a.Dial), Heard: shared.Heard,
	}
	if s.Endpoint.AllowPlaintext {
		cfg.TLS = imapstore.None
	}
	if pin != nil {
		cfg.ExpectIdentity = &mailsync.Identity{Endpoint: pin.Endpoint, Address: pin.Address, KeySHA256: pin.KeySHA256, ID: pin.ID}
	}
	return cfg, nil
}

// openLedger opens the ledger of one mailbox, beside the state.
func (a *app) openLedger(ctx context.Context, mailbox migration.Address) (mailsync.Ledger, error) {
	dir := a.ledgers()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	return ledger.Open(ctx, filepath.Join(dir, LedgerName(mailbox)), ledger.Options{Clock: a.Clock, Random: a.Rand, Account: a.accountOf(mailbox)})
}

// accountOf names what passes to a mailbox's target must not share; see accountFile.
func (a *app) accountOf(mailbox migration.Address) string {
	m := slices.IndexFunc(a.desired.Mailboxes, func(m migration.Mailbox) bool { return m.Address == mailbox })
	if m < 0 {
		return ""
	}
	to := a.desired.Mailboxes[m].Target
	s := slices.IndexFunc(a.desired.Targets, func(s migration.Server) bool { return s.Address == to.Server })
	if s < 0 || a.desired.Targets[s].Endpoint.Host == "" {
		return ""
	}
	return a.accountFile(a.desired.Targets[s].Endpoint.Host, a.desired.Targets[s].Endpoint.Port, to.Login)
}

// ledgers is the directory of the ledgers.
func (a *app) ledgers() string {
	return filepath.Join(filepath.Dir(a.store.Path()), ".bascule", "ledgers")
}

// LedgerName is the file name of a mailbox's ledger: its address, escaped.
func LedgerName(mailbox migration.Address) string {
	return url.PathEscape(string(mailbox)) + ".db"
}

// writer changes the zones of a dns block, guarded and proven.
func (a *app) writer(_ context.Context, dns migration.Address) (executor.ZoneWriter, error) {
	for _, d := range a.desired.DNS {
		if d.Address != dns {
			continue
		}
		p, err := a.driver(providers.KindDNS, migration.Server{Address: d.Address, Driver: d.Driver, Settings: d.Settings, Secrets: d.Secrets})
		if err != nil {
			return nil, err
		}
		inner, ok := p.(zonewriter.Writer)
		if !ok {
			return nil, fmt.Errorf("%s: the driver %q cannot write", dns, d.Driver)
		}
		return &zonewriter.Checked{Inner: inner, Look: a.lookAtZone(dns)}, nil
	}
	return nil, fmt.Errorf("%s is not declared", dns)
}

// lookAtZone asks the authoritative servers of a zone that a dns block serves.
func (a *app) lookAtZone(dns migration.Address) zonewriter.Look {
	return func(ctx context.Context, zone string, keys []maildns.Key) maildns.Zone {
		for _, d := range a.desired.Domains {
			if d.DNS != dns || !maildns.Under(d.Name, zone) {
				continue
			}
			if z, err := a.looker.Snapshot(ctx, a.desired, d, keys); err == nil {
				return z
			}
		}
		return maildns.Zone{Name: zone}
	}
}

// countSPF follows an SPF record. Names in the zones of the migration are
// asked at their authoritative servers: a resolver would remember the answer
// of before.
func (a *app) countSPF(ctx context.Context, domain, record string) maildns.SPFCount {
	parsed, err := maildns.ParseSPF(record)
	if err != nil {
		return maildns.SPFCount{Problems: []string{err.Error()}}
	}
	ask := func(typ string) func(string) ([]string, error) {
		return func(name string) ([]string, error) { return a.values(ctx, name, typ) }
	}
	return maildns.CountSPF(domain, parsed, maildns.SPFResolver{TXT: ask("TXT"), MX: ask("MX"), A: ask("A")})
}

func (a *app) values(ctx context.Context, name, typ string) ([]string, error) {
	for _, d := range a.desired.Domains {
		if !maildns.Under(name, d.Name) {
			continue
		}
		z, err := a.looker.Snapshot(ctx, a.desired, d, []maildns.Key{maildns.KeyOf(name, typ)})
		if err != nil {
			return nil, err
		}
		rr, ok := z.Agreed(name, typ)
		if !ok {
			return nil, fmt.Errorf("%s %s: the authoritative servers do not agree, or do not answer", name, typ)
		}
		return rr.Values, nil
	}
	switch typ {
	case "TXT":
		return a.resolver.LookupTXT(ctx, name)
	case "MX":
		return a.resolver.LookupMX(ctx, name)
	}
	return a.resolver.LookupHost(ctx, name)
}
