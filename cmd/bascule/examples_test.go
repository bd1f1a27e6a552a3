package main

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"bascule/config"
	"bascule/internal/secret"
	"bascule/maildns"
	"bascule/migration"
	"bascule/observe"
	"bascule/planner"
	"bascule/providers"
	"bascule/providers/all"
	"bascule/state"
)

// TestExamplesArePlanned resolves every example with what its servers would
// plausibly say, and plans it: no error, nothing unknown left once the target
// was heard, and a step in each phase that the example speaks of.
func TestExamplesArePlanned(t *testing.T) {
	now := time.Date(2027, 3, 8, 9, 0, 0, 0, time.UTC)
	mail := []migration.Phase{migration.Prepare, migration.Sync, migration.Verify, migration.Clients, migration.Decommission}
	expected := map[string][]migration.Phase{
		"smallest": mail, "mailboxes-only": mail,
		// double_reception has no step before the switch: its passes are those of
		// sync, and its gates guard what follows it.
		"company": {migration.Prepare, migration.LowerTTL, migration.Sync, migration.Verify, migration.Cutover, migration.Clients, migration.Decommission},
	}
	dirs, err := filepath.Glob("../../examples/*/main.hcl")
	if err != nil || len(dirs) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	for _, main := range dirs {
		dir := filepath.Dir(main)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			want, ok := expected[filepath.Base(dir)]
			if !ok {
				t.Fatal("say here which phases this example plans")
			}
			in := plausible(t, dir, now)
			p, diags := planner.Make(in)
			if len(diags) > 0 {
				t.Errorf("the plan says: %v", diags)
			}
			if len(p.Blocked) > 0 || len(p.Conflicts()) > 0 || !p.Complete {
				t.Errorf("blocked %+v, conflicts %+v", p.Blocked, p.Conflicts())
			}
			for _, s := range p.Steps {
				if s.After.Unknown() {
					t.Errorf("%s is not known: after %s", s.Key(), s.After.KnownAfter)
				}
			}
			if got := phasesOf(p); !slices.Equal(got, want) {
				t.Errorf("steps in %v, want %v", got, want)
			}
			if _, soaks := p.Gate(planner.GateSoak); soaks != (len(in.Desired.Domains) > 0) {
				t.Errorf("a soak: %v", soaks)
			}
			if len(p.Ready()) == 0 || p.Finished {
				t.Error("there is nothing to do now")
			}
		})
	}
}

// phasesOf lists the phases that have steps, in order.
func phasesOf(p *planner.Plan) []migration.Phase {
	var out []migration.Phase
	for _, phase := range migration.Phases() {
		if slices.ContainsFunc(p.Steps, func(s planner.Step) bool { return s.Phase == phase }) {
			out = append(out, phase)
		}
	}
	return out
}

// plausible is an example with the world it speaks of.
func plausible(t *testing.T, dir string, now time.Time) planner.Input {
	t.Helper()
	cfg, diags := config.Load(os.DirFS(dir), config.Options{Catalog: all.Catalog(), Version: version, Now: now})
	if len(diags) > 0 {
		t.Fatalf("it says: %v", diags)
	}
	targets := map[migration.Address]migration.TargetSeen{}
	for _, target := range cfg.Desired().Targets {
		targets[target.Address] = heard(t, target, cfg.Desired())
	}
	desired, diags := cfg.Resolve(exportsOf(targets))
	if len(diags) > 0 {
		t.Fatalf("it says, with what the target exports: %v", diags)
	}
	in := planner.Input{
		Desired: desired, State: state.New("lineage", "test", now), Now: now, Tool: "test", Zones: map[migration.Address]maildns.Zone{},
		Observed: &migration.Observed{At: now, Targets: targets, Mailboxes: map[migration.Address]migration.MailboxSeen{}, Hosts: map[string]migration.HostSeen{}},
	}
	for _, m := range desired.Mailboxes {
		in.Observed.Mailboxes[m.Address] = migration.MailboxSeen{Source: migration.SideSeen{Looked: true, Messages: 1200, Folders: 9}}
	}
	for _, d := range desired.Domains {
		in.Zones[d.Address] = zoneOf(d, observe.Keys(desired, d, targets))
		for _, host := range maildns.MXHosts(maildns.RRset{Name: maildns.Name(d.Name), Type: "MX", Values: d.MXTo.Values}) {
			in.Observed.Hosts[host] = migration.HostSeen{Addrs: []string{"192.0.2.10"}}
		}
	}
	return in
}

// heard is what a target says of itself: what its driver can do, and what it
// offers for each domain. One without an interface says nothing.
func heard(t *testing.T, target migration.Server, d *migration.Desired) migration.TargetSeen {
	t.Helper()
	driver, ok := all.Catalog().Find(providers.KindTarget, target.Driver)
	if !ok {
		t.Fatalf("no driver %q", target.Driver)
	}
	if driver.DeclaresExports {
		return migration.TargetSeen{}
	}
	p, err := driver.Open(providers.Config{Server: target, HTTP: &http.Transport{}, Secret: func(context.Context, migration.Secret) (secret.Value, error) {
		return secret.Value{}, errors.New("nobody is asked")
	}})
	if err != nil {
		t.Fatal(err)
	}
	seen := migration.TargetSeen{
		Can: providers.Capabilities(p), Accounts: map[string]migration.Account{}, Aliases: map[string][]string{}, Exports: map[string]migration.Exports{},
	}
	for _, domain := range d.Domains {
		seen.Domains = append(seen.Domains, domain.Name)
		seen.Exports[domain.Name] = migration.Exports{
			MX: []string{"10 mail.new-host.example."}, SPF: []string{"mx", "a:mail.new-host.example"},
			DKIM:       []migration.DKIMRecord{{Domain: domain.Name, Name: "2027a._domainkey", Type: "TXT", Value: "v=DKIM1; k=ed25519; p=MCowBQYDK2VwAyEA"}},
			IMAP:       migration.Service{Host: "mail.new-host.example", Port: 993, TLS: migration.Implicit},
			Submission: migration.Service{Host: "mail.new-host.example", Port: 465, TLS: migration.Implicit},
		}
	}
	return seen
}

// zoneOf is a domain as two name servers that agree serve it before anything moves.
func zoneOf(d migration.Domain, keys []maildns.Key) maildns.Zone {
	mx := d.MXFrom
	if len(mx) == 0 {
		mx = []string{"10 mx.old-host.example."}
	}
	served := map[maildns.Key]maildns.RRset{}
	for _, k := range keys {
		served[k] = maildns.RRset{Name: k.Name, Type: k.Type}
	}
	for _, rr := range []maildns.RRset{
		{Name: d.Name, Type: "MX", TTL: 86400, Values: mx},
		{Name: d.Name, Type: "TXT", TTL: 3600, Values: []string{"v=spf1 include:spf.old-host.example include:shop.example -all", "site-verification=1"}},
	} {
		served[maildns.KeyOf(rr.Name, rr.Type)] = rr.Canonical()
	}
	z := maildns.Zone{Name: maildns.Name(d.Name)}
	for _, server := range []string{"ns1.example.net.", "ns2.example.net."} {
		z.Servers = append(z.Servers, maildns.ServerView{Name: server, RRsets: served})
	}
	return z
}
