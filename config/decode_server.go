package config

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/zclconf/go-cty/cty"

	"bascule/migration"
	"bascule/providers"
)

func (ev *evaluator) decodeServers(loc *time.Location) {
	for _, b := range ev.c.blocks {
		k := keyed{addr: b.addr}
		switch b.Type {
		case "source":
			ev.out.Sources = append(ev.out.Sources, ev.decodeServer(b, k, loc))
		case "target":
			ev.out.Targets = append(ev.out.Targets, ev.decodeServer(b, k, loc))
		case "dns":
			ev.out.DNS = append(ev.out.DNS, ev.decodeDNS(b, k))
		}
	}
}

func (ev *evaluator) decodeServer(b *block, k keyed, loc *time.Location) migration.Server {
	r := ev.reader(b, k, "")
	s := migration.Server{
		Address: b.addr, Driver: b.Labels[0], Endpoint: endpoint(r),
		MXEndpoint:  parsed(r, "mx_endpoint", "", hostPort),
		Connections: r.number("connections", 0, 1, 64), Bandwidth: bandwidth(r),
	}
	allowance := providers.AllowanceAt(s.Endpoint.Host)
	s.AccountConnections = allowance.Connections
	s.Daily = parsed(r, "daily", map[string]int64{"source": allowance.Read, "target": allowance.Written}[b.Type], daily)
	if b.Type == "source" {
		s.AvailableUntil = parsed(r, "available_until", time.Time{}, func(v string) (time.Time, error) { return parseDate(v, loc) })
	}
	d, _ := ev.c.opts.Catalog.Find(providers.Kind(b.Type), b.Labels[0])
	if d.Directory {
		s.Endpoint = migration.Endpoint{}
	}
	s.Settings, s.Secrets = driverFields(r, d)
	if d.DeclaresExports {
		s.Exports = declaredBy(r)
	}
	return s
}

// daily reads the octets of a day; less is no mailbox's.
func daily(v string) (int64, error) {
	n, err := parseSize(v)
	if err == nil && n < 1_000_000 {
		err = fmt.Errorf("%q is less than 1MB; mailboxes would never be copied", v)
	}
	return n, err
}

// endpoint reads how to reach a server.
func endpoint(r *reader) migration.Endpoint {
	e := migration.Endpoint{
		Host:           parsed(r, "host", "", serverName),
		TLS:            migration.TLSMode(r.choice("tls", string(migration.Implicit), []string{string(migration.Implicit), string(migration.StartTLS)}, nil)),
		AllowPlaintext: r.boolean("allow_plaintext", false),
		CAFile:         parsed(r, "ca_file", "", r.caFile),
		Pinned:         parsed(r, "address", "", ipAddress),
	}
	e.Port = r.number("port", defaultPort(e.TLS, 993, 143), 1, 65535)
	return e
}

func defaultPort(mode migration.TLSMode, implicit, starttls int) int {
	if mode == migration.StartTLS {
		return starttls
	}
	return implicit
}

func ipAddress(s string) (string, error) {
	addr, err := netip.ParseAddr(s)
	if err != nil || addr.Zone() != "" {
		return "", fmt.Errorf("%q is not an IP address", s)
	}
	return addr.String(), nil
}

// caFile finds a missing file early when it is inside the directory; one
// outside is looked for when it is used.
func (r *reader) caFile(name string) (string, error) {
	clean, err := confined(name)
	if err != nil {
		return name, nil
	}
	if _, err := readLimited(r.ev.c.fsys, clean); err != nil {
		return "", err
	}
	return name, nil
}

// declaredBy reads what a target block says of its own exports.
func declaredBy(r *reader) migration.Exports {
	x := migration.Exports{MX: each(r, "mx", mxValue), SPF: each(r, "spf", spfTerm), Webmail: r.text("webmail", "")}
	if dkim := r.block("dkim"); dkim != nil {
		x.DKIM = dkimRecords(dkim)
	}
	if s := r.block("submission"); s != nil {
		x.Submission = migration.Service{
			Host: parsed(s, "host", "", serverName),
			TLS:  migration.TLSMode(s.choice("tls", string(migration.Implicit), []string{string(migration.Implicit), string(migration.StartTLS)}, nil)),
		}
		x.Submission.Port = s.number("port", defaultPort(x.Submission.TLS, 465, 587), 1, 65535)
	}
	return x
}

// driverFields reads what only the driver understands.
func driverFields(r *reader, d providers.Descriptor) (map[string]string, map[string]migration.Secret) {
	settings, secrets := map[string]string{}, map[string]migration.Secret{}
	for _, field := range d.Fields {
		if field.Type == providers.Secret {
			if s := r.secret(field.Name); !s.IsZero() {
				secrets[field.Name] = s
			}
			continue
		}
		if v, ok := driverSetting(r, field); ok {
			settings[field.Name] = v
		} else if field.Default != "" {
			settings[field.Name] = field.Default
		}
	}
	return settings, secrets
}

// driverSetting reads one field as text: the form in which drivers take it.
func driverSetting(r *reader, field providers.Field) (string, bool) {
	if field.Type == providers.StringList {
		if !r.has(field.Name) {
			return "", false
		}
		return joinLines(r.texts(field.Name)), true
	}
	want := map[providers.FieldType]cty.Type{providers.String: cty.String, providers.Number: cty.Number, providers.Bool: cty.Bool}[field.Type]
	v, ok := r.known(field.Name, want, "a "+string(field.Type))
	if !ok {
		return "", false
	}
	switch field.Type {
	case providers.Bool:
		return fmt.Sprint(v.True()), true
	case providers.Number:
		return v.AsBigFloat().Text('f', -1), true
	}
	return v.AsString(), true
}

func (ev *evaluator) decodeDNS(b *block, k keyed) migration.DNS {
	r := ev.reader(b, k, "")
	n := migration.DNS{Address: b.addr, Driver: b.Labels[0], Nameservers: each(r, "nameservers", nameserver)}
	d, _ := ev.c.opts.Catalog.Find(providers.KindDNS, b.Labels[0])
	n.Settings, n.Secrets = driverFields(r, d)
	return n
}

// nameserver is a host with or without a port.
func nameserver(s string) (string, error) {
	if name, err := serverName(s); err == nil {
		return name, nil
	}
	return hostPort(s)
}
