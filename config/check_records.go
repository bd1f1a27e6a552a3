package config

import (
	"slices"
	"strings"

	"bascule/migration"
)

// checkRecords keeps record blocks away from each other and from what the
// method itself writes.
func (ev *evaluator) checkRecords() {
	type owner struct{ name, kind string }
	first := map[owner]migration.Address{}
	for _, r := range ev.out.Records {
		if r.Name == "" || r.Type == "" {
			continue
		}
		key := owner{r.Name, r.Type}
		if before, doubled := first[key]; doubled {
			ev.f.errorAt(ev.where(r.Address, "name"), r.Address, "Record given twice", "%s %s is described by %s already. Put all its values into one block.", r.Name, r.Type, before)
			continue
		}
		first[key] = r.Address
		ev.checkManaged(r)
		ev.checkCNAME(r)
	}
}

// checkManaged refuses records that the domain block describes.
func (ev *evaluator) checkManaged(r migration.Record) {
	i := slices.IndexFunc(ev.out.Domains, func(d migration.Domain) bool { return d.Address == r.Domain })
	if i < 0 {
		return
	}
	d := ev.out.Domains[i]
	managed := ""
	switch {
	case r.Type == "MX" && r.Name == d.Name+".":
		managed = "mx_to"
	case r.Type == "TXT" && r.Name == "_dmarc."+d.Name+"." && d.DMARC.Manage:
		managed = "dmarc"
	case r.Type == "TXT" && r.Name == d.Name+"." && d.SPF.Manage && slices.ContainsFunc(r.Values.Values, isSPF):
		managed = "spf"
	case d.DKIM.Manage && slices.ContainsFunc(d.DKIM.Records, func(k migration.DKIMRecord) bool {
		return strings.EqualFold(k.Name+"."+d.Name+".", r.Name)
	}):
		managed = "dkim"
	}
	if managed != "" {
		ev.f.errorAt(ev.where(r.Address, "name"), r.Address, "Record that the method writes", "%s %s is managed by %s of %s. Describe it there.", r.Name, r.Type, managed, d.Address)
	}
}

func isSPF(value string) bool {
	return strings.HasPrefix(strings.ToLower(strings.Trim(value, `" `)), "v=spf1")
}

// checkCNAME: a name with a CNAME has nothing else (RFC 1034 §3.6.2).
func (ev *evaluator) checkCNAME(r migration.Record) {
	if r.Type != "CNAME" {
		return
	}
	if len(r.Values.Values) > 1 {
		ev.f.errorAt(ev.where(r.Address, "values"), r.Address, "CNAME with several values", "A name has one CNAME at most (RFC 1034 §3.6.2).")
	}
	for _, d := range ev.out.Domains {
		if r.Name == d.Name+"." {
			ev.f.errorAt(ev.where(r.Address, "type"), r.Address, "CNAME at the domain itself", "%s has MX and SOA records, and a name with a CNAME has nothing else (RFC 1034 §3.6.2).", d.Name)
		}
	}
}
