package mox

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"bascule/migration"
)

// Exports implements providers.Exporter. mox itself looks the domain up in the
// DNS before it answers; where its resolver does not work, this fails.
func (p *Provider) Exports(ctx context.Context, name string) (migration.Exports, error) {
	ascii, err := canonicalDomain(name)
	if err != nil {
		return migration.Exports{}, fmt.Errorf("exports: %w", err)
	}
	out, err := p.exports(ctx, ascii)
	if err != nil {
		return migration.Exports{}, fmt.Errorf("exports of %s: %w", ascii, err)
	}
	return out, nil
}

func (p *Provider) exports(ctx context.Context, ascii string) (migration.Exports, error) {
	now, err := p.look(ctx)
	if err != nil {
		return migration.Exports{}, err
	}
	host, err := p.static(ctx)
	if err != nil {
		return migration.Exports{}, err
	}
	// What does not depend on the domain is the same for any other.
	asked := ascii
	if _, served := now.domains[ascii]; !served {
		others := slices.Sorted(maps.Keys(now.domains))
		if len(others) == 0 {
			return bare(host.hostname), nil
		}
		asked = others[0]
	}
	out, err := p.records(ctx, asked, host.hostname)
	if err != nil {
		return migration.Exports{}, err
	}
	if asked != ascii {
		out.DKIM = nil
	}
	return out, p.endpoints(ctx, &out, asked, host.hostname)
}

// bare is what can be said of a mox that serves nothing yet.
func bare(hostname string) migration.Exports {
	return migration.Exports{MX: []string{"10 " + hostname + "."}, SPF: []string{"a:" + hostname}}
}

// records reads MX, SPF and DKIM from the zone file mox proposes.
func (p *Provider) records(ctx context.Context, name, hostname string) (migration.Exports, error) {
	var lines []string
	if err := p.call(ctx, &lines, nil, "DomainRecords", name); err != nil {
		return migration.Exports{}, err
	}
	out, err := parseRecords(strings.Join(lines, "\n")+"\n", name)
	if err != nil {
		return migration.Exports{}, err
	}
	if len(out.MX) == 0 {
		return migration.Exports{}, fmt.Errorf("the records mox proposes for %s hold no MX", name)
	}
	if len(out.SPF) == 0 {
		out.SPF = []string{"a:" + hostname}
	}
	return out, nil
}

func parseRecords(zone, name string) (migration.Exports, error) {
	var out migration.Exports
	owner := dns.CanonicalName(name)
	parser := dns.NewZoneParser(strings.NewReader(zone), ".", "")
	for rr, ok := parser.Next(); ok; rr, ok = parser.Next() {
		at := dns.CanonicalName(rr.Header().Name)
		switch rr := rr.(type) {
		case *dns.MX:
			if at == owner {
				out.MX = append(out.MX, fmt.Sprintf("%d %s", rr.Preference, dns.CanonicalName(rr.Mx)))
			}
		case *dns.TXT:
			value := strings.Join(rr.Txt, "")
			selector, isKey := strings.CutSuffix(at, "._domainkey."+owner)
			switch {
			case isKey:
				out.DKIM = append(out.DKIM, migration.DKIMRecord{Domain: name, Name: selector + "._domainkey", Type: "TXT", Value: value})
			case at == owner && strings.HasPrefix(value, "v=spf1 "):
				out.SPF = append(out.SPF, ownMechanisms(value)...)
			}
		}
	}
	if err := parser.Err(); err != nil {
		return out, fmt.Errorf("read the records mox proposes: %w", err)
	}
	return out, nil
}

// ownMechanisms keeps what authorises the service wherever the MX points.
// "mx" (RFC 7208 §5.4) is left out: until the cutover it would authorise the
// old service only, and afterwards the addresses stand for the same hosts.
func ownMechanisms(record string) []string {
	var out []string
	for _, term := range strings.Fields(record)[1:] {
		if strings.HasPrefix(term, "ip4:") || strings.HasPrefix(term, "ip6:") {
			out = append(out, term)
		}
	}
	return out
}

// entry is a row of ClientConfigsDomain.
type entry struct {
	Protocol string
	Host     struct{ ASCII string }
	Port     int
	Listener string
	Note     string
}

// endpoints says where mail programs connect to. A host inside the domain is
// replaced by that of the server: mox proposes mail.DOMAIN, which until the
// cutover usually leads to the old service.
func (p *Provider) endpoints(ctx context.Context, out *migration.Exports, name, hostname string) error {
	var c struct{ Entries []entry }
	if err := p.call(ctx, &c, nil, "ClientConfigsDomain", name); err != nil {
		return err
	}
	// The listener mox calls "public" is the one meant for people.
	slices.SortStableFunc(c.Entries, func(a, b entry) int { return publicFirst(a) - publicFirst(b) })
	for _, e := range c.Entries {
		host := e.Host.ASCII
		if host == "" || host == name || strings.HasSuffix(host, "."+name) {
			host = hostname
		}
		switch {
		case strings.HasPrefix(e.Protocol, "IMAP"):
			out.IMAP = better(out.IMAP, e, host)
		case strings.HasPrefix(e.Protocol, "Submission"):
			out.Submission = better(out.Submission, e, host)
		}
	}
	return nil
}

func publicFirst(e entry) int {
	if e.Listener == "public" {
		return 0
	}
	return 1
}

// better prefers implicit TLS (RFC 8314 §3) and then the first; an endpoint
// without TLS is never exported.
func better(have migration.Service, e entry, host string) migration.Service {
	switch {
	case strings.HasPrefix(e.Note, "with TLS") && have.TLS != migration.Implicit:
		return migration.Service{Host: host, Port: e.Port, TLS: migration.Implicit}
	case strings.HasPrefix(e.Note, "STARTTLS") && have.Host == "":
		return migration.Service{Host: host, Port: e.Port, TLS: migration.StartTLS}
	}
	return have
}
