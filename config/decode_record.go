package config

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"bascule/migration"
)

func (ev *evaluator) decodeRecord(b *block, k keyed) {
	domain := ev.reader(b, k, "").object("domain", "domain")
	name := ev.domainOf(domain)
	r := ev.reader(b, k, name)
	rec := migration.Record{
		Address: k.addr, Domain: domain,
		Type:         r.choice("type", "", []string{"A", "AAAA", "CNAME", "TXT", "SRV", "CAA", "TLSA", "MX"}, nil),
		ValuesBefore: r.texts("values_before"),
		FromPhase:    parsed(r, "from_phase", migration.Prepare, migration.ParsePhase),
		UntilPhase:   parsed(r, "until_phase", 0, migration.ParsePhase),
		TTL:          recordTTL(r),
	}
	rec.Values = parsedStrings(r, "values", func(s string) (string, error) { return recordValue(rec.Type, s) })
	if name != "" {
		rec.Name = parsed(r, "name", "", func(s string) (string, error) { return recordName(s, name) })
	}
	if r.good("values") && !rec.Values.Unknown && len(rec.Values.Values) == 0 {
		r.fail("values", "Record without values", "Give at least one value; until_phase says when they go.")
	}
	if rec.UntilPhase != 0 && rec.UntilPhase <= rec.FromPhase {
		r.fail("until_phase", "Phases in the wrong order", "The values appear at %s and would go at %s, before that.", rec.FromPhase, rec.UntilPhase)
	}
	ev.out.Records = append(ev.out.Records, rec)
}

// recordValue checks a value in presentation form as far as a slip would go
// unnoticed until the zone takes it.
func recordValue(kind, s string) (string, error) {
	addr, err := netip.ParseAddr(s)
	switch {
	case strings.TrimSpace(s) == "":
		return "", errors.New("an empty value is none")
	case kind == "A" && (err != nil || !addr.Is4()):
		return "", fmt.Errorf("%q is not an IPv4 address", s)
	case kind == "AAAA" && (err != nil || !addr.Is6() || addr.Zone() != ""):
		return "", fmt.Errorf("%q is not an IPv6 address", s)
	case kind == "MX":
		return mxValue(s)
	case kind == "CNAME":
		name, err := domainName(s)
		return name + ".", err
	}
	return s, nil
}

func recordTTL(r *reader) time.Duration {
	ttl := r.duration("ttl", 0)
	if r.good("ttl") && (ttl < 30*time.Second || ttl > 7*24*time.Hour) {
		r.fail("ttl", "Unsuitable TTL", "A TTL between 30s and 7d is wanted.")
	}
	return ttl
}

// domainOf returns the name of a declared domain, "" when it could not be read.
func (ev *evaluator) domainOf(addr migration.Address) string {
	b := ev.c.blockOf(addr)
	if addr == "" || b == nil {
		return ""
	}
	keys, _ := ev.instances(b)
	for _, k := range keys {
		if k.addr == addr {
			return parsed(ev.reader(b, k, ""), "name", "", domainName)
		}
	}
	return ""
}

func (ev *evaluator) decodeOutput(b *block, k keyed) {
	r := ev.reader(b, k, "")
	out := migration.Output{Name: b.Labels[0], Sensitive: r.boolean("sensitive", false)}
	r.text("description", "")
	v, ok := r.raw("value")
	switch {
	case *r.bad:
	case ok && holdsSecret(v.Type()):
		r.fail("value", "A secret cannot be an output", "secret(…) is read at the moment of use and never shown.")
	case ok && isSensitive(v) && !out.Sensitive:
		r.fail("value", "A sensitive value cannot stand here", "Outputs are shown. Write sensitive = true, so that only its name is.")
	case ok && !out.Sensitive:
		out.Value, out.Unknown = outputJSON(v)
	case !ok:
		out.Value = "null"
	}
	ev.out.Outputs = append(ev.out.Outputs, out)
}

func outputJSON(v cty.Value) (text string, unknown bool) {
	if !v.IsWhollyKnown() {
		return "", true
	}
	b, err := ctyjson.Marshal(v, v.Type())
	if err != nil {
		return "", true
	}
	return string(b), false
}

func joinLines(values []string) string { return strings.Join(values, "\n") }
