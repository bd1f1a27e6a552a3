package config

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"bascule/migration"
)

func (ev *evaluator) decodeDomain(b *block, k keyed) {
	name := parsed(ev.reader(b, k, ""), "name", "", domainName)
	r := ev.reader(b, k, name)
	d := migration.Domain{
		Address: k.addr, Name: name,
		DNS: r.object("dns", "dns"), Target: r.object("target", "target"), AliasOf: r.object("alias_of", "domain"),
		MXFrom: each(r, "mx_from", mxValue),
	}
	d.MXTo = parsedStrings(r, "mx_to", mxValue)
	if ttl := r.block("ttl"); ttl != nil {
		d.TTLTo = ttlTo(ttl)
	}
	d.SPF, d.DKIM, d.DMARC = decodeSPF(r.block("spf")), decodeDKIM(r.block("dkim"), name), decodeDMARC(r.block("dmarc"))
	d.Autoconfig = r.block("autoconfig") != nil
	ev.hide(r, "domain", "name")
	if name == "" {
		return
	}
	ev.out.Domains = append(ev.out.Domains, d)
}

// parsedStrings reads a list that may be unknown and gives known elements
// their form.
func parsedStrings(r *reader, name string, parse func(string) (string, error)) migration.Strings {
	s, ok := r.strings(name)
	if !ok || s.Unknown {
		return s
	}
	var out migration.Strings
	for i, v := range s.Values {
		got, err := parse(v)
		if err != nil {
			r.failElement(name, i, err)
			continue
		}
		out.Values = append(out.Values, got)
	}
	return out
}

// ttlTo reads how low a TTL goes. Below half a minute resolvers and providers
// raise it; above an hour the way back would be too long.
func ttlTo(r *reader) time.Duration {
	to := r.duration("to", 0)
	if r.good("to") && (to < 30*time.Second || to > time.Hour) {
		r.fail("to", "Unsuitable TTL", "A TTL between 30s and 1h is wanted before a cutover: it bounds how long old answers live, on the way there and on the way back. The usual is \"5m\".")
	}
	return to
}

var spfMechanism = regexp.MustCompile(`^[+?~-]?(include:|a$|a[:/]|mx$|mx[:/]|ip4:|ip6:|exists:|ptr$|ptr:)`)

// spfTerm checks one mechanism of a service (RFC 7208 §5).
func spfTerm(s string) (string, error) {
	term := strings.TrimSpace(s)
	lower := strings.ToLower(term)
	switch {
	case strings.HasPrefix(lower, "v=spf1"):
		return "", fmt.Errorf("%q is a whole record; write its mechanisms only: [\"include:spf.new-host.example\"]", s)
	case strings.TrimLeft(lower, "+?~-") == "all" || strings.HasPrefix(lower, "redirect="):
		return "", fmt.Errorf("%q decides for the whole domain and is never added", s)
	case strings.ContainsAny(term, " \t\n"), !spfMechanism.MatchString(lower):
		return "", fmt.Errorf("%q is not one SPF mechanism, such as \"include:spf.new-host.example\" or \"ip4:192.0.2.1\"", s)
	}
	return term, nil
}

func decodeSPF(r *reader) migration.SPF {
	if r == nil {
		return migration.SPF{Manage: true}
	}
	return migration.SPF{Manage: r.boolean("manage", true), Add: parsedStrings(r, "add", spfTerm), DropOld: each(r, "drop_old", spfTerm)}
}

func decodeDKIM(r *reader, domain string) migration.DKIM {
	if r == nil {
		return migration.DKIM{Manage: true}
	}
	d := migration.DKIM{Manage: r.boolean("manage", true), Records: dkimRecords(r)}
	for i := range d.Records {
		if d.Records[i].Domain == "" {
			d.Records[i].Domain = domain
		}
	}
	return d
}

// dkimRecords reads the record blocks of a dkim block.
func dkimRecords(r *reader) []migration.DKIMRecord {
	var out []migration.DKIMRecord
	for _, rec := range r.blocks("record") {
		d := migration.DKIMRecord{
			Domain: parsed(rec, "domain", "", domainName),
			Name:   parsed(rec, "name", "", selectorName),
			Type:   rec.choice("type", "TXT", []string{"TXT", "CNAME"}, nil),
			Value:  rec.text("value", ""),
		}
		if d.Name != "" && d.Value != "" {
			out = append(out, d)
		}
	}
	return out
}

func selectorName(s string) (string, error) {
	name, err := hostName(s)
	if err != nil || !strings.HasSuffix(name, "._domainkey") || strings.HasSuffix(s, ".") {
		return "", fmt.Errorf("%q is not the name of a DKIM key; write it relative to the domain: \"s1._domainkey\"", s)
	}
	return name, nil
}

func decodeDMARC(r *reader) migration.DMARC {
	if r == nil {
		return migration.DMARC{Manage: true}
	}
	return migration.DMARC{Manage: r.boolean("manage", true), RUA: parsed(r, "rua", "", reportAddress)}
}

func reportAddress(s string) (string, error) {
	email, ok := strings.CutPrefix(s, "mailto:")
	if !ok {
		return "", fmt.Errorf("%q does not begin with mailto: (RFC 7489 §6.3)", s)
	}
	email, err := emailAddress(email, false)
	return "mailto:" + email, err
}

// inheritDomains fills what alias_of and the target leave open.
func (ev *evaluator) inheritDomains() {
	byAddr := map[migration.Address]*migration.Domain{}
	for i := range ev.out.Domains {
		byAddr[ev.out.Domains[i].Address] = &ev.out.Domains[i]
	}
	for i := range ev.out.Domains {
		d := &ev.out.Domains[i]
		if main := byAddr[d.AliasOf]; main != nil {
			inherit(d, main)
		}
	}
	for i := range ev.out.Domains {
		ev.takeExports(&ev.out.Domains[i])
	}
}

func inherit(d, main *migration.Domain) {
	if d.DNS == "" {
		d.DNS = main.DNS
	}
	if d.Target == "" {
		d.Target = main.Target
	}
}

// takeExports uses what the target offers where the domain says nothing.
func (ev *evaluator) takeExports(d *migration.Domain) {
	b := ev.c.byAddr[d.Target]
	if b == nil {
		return
	}
	x, closed := ev.exportsOf(b, ev.reader(b, keyed{addr: b.addr}, d.Name), d.Name)
	written := func(path string) bool {
		_, ok := ev.ranges[string(d.Address)+"#"+path]
		return ok
	}
	if !written("mx_to") {
		d.MXTo = migration.Strings{Values: x.MX, Unknown: x.MX == nil && !closed}
	}
	if !written("spf.add") {
		d.SPF.Add = migration.Strings{Values: x.SPF, Unknown: x.SPF == nil && !closed}
	}
	if d.DKIM.Records == nil {
		d.DKIM.Records, d.DKIM.Unknown = keysOf(x.DKIM, d.Name), x.DKIM == nil && !closed
	}
}

// keysOf keeps the keys that sign for a domain.
func keysOf(records []migration.DKIMRecord, domain string) []migration.DKIMRecord {
	var out []migration.DKIMRecord
	for _, rec := range records {
		if rec.Domain == "" || strings.EqualFold(strings.TrimSuffix(rec.Domain, "."), domain) {
			rec.Domain = domain
			out = append(out, rec)
		}
	}
	return out
}
