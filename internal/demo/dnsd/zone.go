package dnsd

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// zone is one version of the records. It is not changed once it is served.
type zone struct {
	apex string
	sets map[rrKey][]dns.RR
}

// rrKey names an RRset: canonical owner name and type.
type rrKey struct {
	name string
	typ  uint16
}

func keyOf(rr dns.RR) rrKey { return rrKey{dns.CanonicalName(rr.Header().Name), rr.Header().Rrtype} }

// parseZone reads zone file lines and adds what every zone needs.
func parseZone(apex, records string) (*zone, error) {
	apex = dns.CanonicalName(apex)
	text := fmt.Sprintf(`@ 3600 IN SOA ns1 hostmaster 1 3600 600 86400 300
@ 3600 IN NS ns1
@ 3600 IN NS ns2
ns1 3600 IN A 127.0.0.1
ns2 3600 IN A 127.0.0.1
%s
`, records)
	z := &zone{apex: apex, sets: map[rrKey][]dns.RR{}}
	p := dns.NewZoneParser(strings.NewReader(text), apex, "")
	p.SetDefaultTTL(3600)
	for rr, ok := p.Next(); ok; rr, ok = p.Next() {
		if !z.holds(rr.Header().Name) {
			return nil, fmt.Errorf("read zone %s: %s is not in it", apex, rr.Header().Name)
		}
		z.add(rr)
	}
	return z, p.Err()
}

func (z *zone) holds(name string) bool { return dns.IsSubDomain(z.apex, dns.CanonicalName(name)) }

func (z *zone) set(name string, typ uint16) []dns.RR {
	return z.sets[rrKey{dns.CanonicalName(name), typ}]
}

// types lists the types at a name, sorted.
func (z *zone) types(name string) []uint16 {
	name = dns.CanonicalName(name)
	var out []uint16
	for k := range z.sets {
		if k.name == name {
			out = append(out, k.typ)
		}
	}
	slices.Sort(out)
	return out
}

// exists reports whether a name is in the zone, if only because something is
// below it (RFC 4592 §2.2.2).
func (z *zone) exists(name string) bool {
	name = dns.CanonicalName(name)
	for k := range z.sets {
		if dns.IsSubDomain(name, k.name) {
			return true
		}
	}
	return false
}

func (z *zone) soa() *dns.SOA { return z.set(z.apex, dns.TypeSOA)[0].(*dns.SOA) }

// clone is a version that may be changed: the sets are its own, the records
// are shared and replaced, never edited.
func (z *zone) clone() *zone {
	out := &zone{apex: z.apex, sets: make(map[rrKey][]dns.RR, len(z.sets))}
	for k, rrs := range z.sets {
		out.sets[k] = slices.Clone(rrs)
	}
	return out
}

// add puts a record into its RRset, in place of one with the same data. The
// whole RRset takes its TTL (RFC 2181 §5.2).
func (z *zone) add(rr dns.RR) {
	rr = dns.Copy(rr)
	rr.Header().Class = dns.ClassINET
	k := keyOf(rr)
	var rest []dns.RR
	for _, have := range z.sets[k] {
		if dns.IsDuplicate(have, rr) {
			continue
		}
		have = dns.Copy(have)
		have.Header().Ttl = rr.Header().Ttl
		rest = append(rest, have)
	}
	z.sets[k] = append(rest, rr)
}

// put makes a record the only one of its type at its name.
func (z *zone) put(rr dns.RR) {
	delete(z.sets, keyOf(rr))
	z.add(rr)
}

// remove takes the record with the same data out.
func (z *zone) remove(rr dns.RR) {
	rr = dns.Copy(rr)
	rr.Header().Class = dns.ClassINET
	k := keyOf(rr)
	z.sets[k] = slices.DeleteFunc(z.sets[k], func(have dns.RR) bool { return dns.IsDuplicate(have, rr) })
	if len(z.sets[k]) == 0 {
		delete(z.sets, k)
	}
}

// keys lists the RRsets in the order of their text, SOA first.
func (z *zone) keys() []rrKey {
	return slices.SortedFunc(maps.Keys(z.sets), func(a, b rrKey) int {
		return strings.Compare(sortable(a), sortable(b))
	})
}

func sortable(k rrKey) string {
	first := "1"
	if k.typ == dns.TypeSOA {
		first = "0"
	}
	return first + k.name + " " + dns.TypeToString[k.typ]
}

// same reports whether two versions hold the same records, TTLs included.
func (z *zone) same(other *zone) bool {
	return maps.EqualFunc(z.sets, other.sets, func(a, b []dns.RR) bool {
		return slices.Equal(lines(a), lines(b))
	})
}

func lines(rrs []dns.RR) []string {
	out := make([]string, 0, len(rrs))
	for _, rr := range rrs {
		out = append(out, rr.String())
	}
	slices.Sort(out)
	return out
}

// bump raises the serial by one (RFC 1982 §3.1; 0 is left out, as RFC 2136
// §3.6 asks).
func (z *zone) bump() {
	soa := dns.Copy(z.soa()).(*dns.SOA)
	soa.Serial++
	if soa.Serial == 0 {
		soa.Serial = 1
	}
	z.put(soa)
}
