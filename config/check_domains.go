package config

import (
	"slices"
	"strings"

	"bascule/migration"
)

func (ev *evaluator) checkDomains() {
	names := map[string]migration.Address{}
	byAddr := map[migration.Address]migration.Domain{}
	for _, d := range ev.out.Domains {
		if before, doubled := names[d.Name]; doubled {
			ev.f.errorAt(ev.where(d.Address, "name"), d.Address, "Domain given twice", "%s is the name of %s already.", d.Name, before)
		}
		names[d.Name], byAddr[d.Address] = d.Address, d
	}
	for _, d := range ev.out.Domains {
		ev.checkDomain(d)
		ev.checkAliasOf(d, byAddr)
	}
}

func (ev *evaluator) checkDomain(d migration.Domain) {
	if d.DNS == "" && !ev.written(d.Address, "dns") {
		ev.f.errorAt(ev.where(d.Address, ""), d.Address, "Missing attribute \"dns\"", "Say who serves the zone of %s: dns = dns.manual.zone with a block dns \"manual\" \"zone\" {} when a person changes the records.", d.Name)
	}
	if d.Target == "" {
		if !ev.written(d.Address, "target") {
			ev.f.errorAt(ev.where(d.Address, ""), d.Address, "Missing attribute \"target\"", "Say which service %s moves to: target = target.imap.new.", d.Name)
		}
		return
	}
	if ev.brokenTarget(d.Target) {
		return
	}
	ev.checkMX(d)
	ev.checkSPF(d)
	ev.checkDKIM(d)
}

// written reports whether an attribute stands in the source.
func (ev *evaluator) written(addr migration.Address, path string) bool {
	_, ok := ev.ranges[string(addr)+"#"+path]
	return ok
}

// brokenTarget reports whether a target could not be read: what it exports is
// then not to be missed.
func (ev *evaluator) brokenTarget(addr migration.Address) bool {
	return ev.broken[addr] || ev.c.byAddr[addr] == nil
}

func (ev *evaluator) checkMX(d migration.Domain) {
	switch {
	case d.MXTo.Unknown || ev.failed[string(d.Address)+"#mx_to"]:
	case len(d.MXTo.Values) == 0:
		ev.f.errorAt(ev.where(d.Address, "mx_to"), d.Address, "Nobody knows the new MX",
			"%s cannot be asked for its MX. Write mx = [\"10 mx.new-host.example.\"] in it, or mx_to in the domain.", d.Target)
	case len(d.MXFrom) > 0 && sameSet(d.MXFrom, d.MXTo.Values):
		ev.f.errorAt(ev.where(d.Address, "mx_from"), d.Address, "The MX would not move", "mx_from and mx_to are the same: %s.", listed(d.MXFrom))
	}
	ev.checkDouble(d, "mx_from", d.MXFrom)
	ev.checkDouble(d, "mx_to", d.MXTo.Values)
}

func (ev *evaluator) checkDouble(d migration.Domain, path string, values []string) {
	if dup := firstDouble(values); dup != "" {
		ev.f.errorAt(ev.where(d.Address, path), d.Address, "MX given twice", "%q is in the list twice.", dup)
	}
}

func firstDouble(values []string) string {
	for i, v := range values {
		if slices.Contains(values[:i], v) {
			return v
		}
	}
	return ""
}

func sameSet(a, b []string) bool {
	x, y := slices.Clone(a), slices.Clone(b)
	slices.Sort(x)
	slices.Sort(y)
	return slices.Equal(x, y)
}

// maxSPFLookups is the limit of RFC 7208 §4.6.4.
const maxSPFLookups = 10

func (ev *evaluator) checkSPF(d migration.Domain) {
	if !d.SPF.Manage || d.SPF.Add.Unknown || ev.failed[string(d.Address)+"#spf.add"] {
		return
	}
	if len(d.SPF.Add.Values) == 0 {
		ev.f.errorAt(ev.where(d.Address, "spf"), d.Address, "Nobody knows what authorises the new service",
			"Mail sent from %s would fail SPF. Write spf = [\"include:spf.new-host.example\"] in the target, spf { add = […] } in the domain, or spf { manage = false } to leave the record alone.", d.Target)
		return
	}
	lookups := 0
	for _, term := range d.SPF.Add.Values {
		if costsLookup(term) {
			lookups++
		}
	}
	if lookups > maxSPFLookups {
		ev.f.errorAt(ev.where(d.Address, "spf.add"), d.Address, "SPF with too many lookups",
			"The mechanisms to add need %d DNS lookups, and receivers stop after %d for the whole record (RFC 7208 §4.6.4). Replace some by ip4: and ip6:.", lookups, maxSPFLookups)
	}
}

// checkDKIM warns of a domain whose new service signs with a key nobody
// publishes, or does not sign.
func (ev *evaluator) checkDKIM(d migration.Domain) {
	if d.DKIM.Manage && !d.DKIM.Unknown && len(d.DKIM.Records) == 0 && !ev.broken[d.Address] {
		ev.f.warnAt(ev.where(d.Address, "dkim"), d.Address, "No DKIM key known",
			"Nothing says with which key %s signs mail of %s. Write dkim { record { … } } in the target or in the domain, or dkim { manage = false } if it does not sign.", d.Target, d.Name)
	}
}

func costsLookup(term string) bool {
	name := strings.ToLower(strings.TrimLeft(term, "+?~-"))
	return !strings.HasPrefix(name, "ip4:") && !strings.HasPrefix(name, "ip6:")
}

func (ev *evaluator) checkAliasOf(d migration.Domain, byAddr map[migration.Address]migration.Domain) {
	main, ok := byAddr[d.AliasOf]
	switch {
	case d.AliasOf == "" || !ok:
	case d.AliasOf == d.Address:
		ev.f.errorAt(ev.where(d.Address, "alias_of"), d.Address, "Domain repeats itself", "%s cannot be an alias of itself.", d.Address)
	case main.AliasOf != "":
		ev.f.errorAt(ev.where(d.Address, "alias_of"), d.Address, "Alias of an alias", "%s is itself an alias of %s. Name that one.", main.Address, main.AliasOf)
	}
}
