package dnsd

import (
	"slices"

	"github.com/miekg/dns"
)

// update carries out one UPDATE message (RFC 2136 §3). Its signature was
// checked before, which §3.3 allows and which gives away less.
func (s *Server) update(q *dns.Msg) *dns.Msg {
	s.mu.Lock()
	code, next := s.zone.updated(q)
	changed := code == dns.RcodeSuccess && !next.same(s.zone)
	var v Version
	if changed {
		if next.soa().Serial == s.zone.soa().Serial {
			next.bump()
		}
		v = version(next, s.clock.Now())
		s.zone = next
		s.journal = append(s.journal, v)
		s.follow.changed(s)
	}
	s.mu.Unlock()
	if changed && s.onChange != nil {
		s.onChange(v)
	}
	return rcode(q, code)
}

// updated is the zone after the update, or the code that refuses it. The zone
// itself stays as it is.
func (z *zone) updated(q *dns.Msg) (int, *zone) {
	head := q.Question[0]
	if head.Qtype != dns.TypeSOA {
		return dns.RcodeFormatError, nil // §3.1.1
	}
	if dns.CanonicalName(head.Name) != z.apex || head.Qclass != dns.ClassINET {
		return dns.RcodeNotAuth, nil // §3.1.2
	}
	if code := z.prerequisites(q.Answer); code != dns.RcodeSuccess {
		return code, nil
	}
	if code := z.prescan(q.Ns); code != dns.RcodeSuccess {
		return code, nil
	}
	next := z.clone()
	for _, rr := range q.Ns {
		next.apply(rr)
	}
	return dns.RcodeSuccess, next
}

// prerequisites checks the conditions of an update (RFC 2136 §3.2.5).
func (z *zone) prerequisites(conditions []dns.RR) int {
	exact := map[rrKey][]dns.RR{}
	for _, rr := range conditions {
		h := rr.Header()
		if h.Ttl != 0 {
			return dns.RcodeFormatError
		}
		if !z.holds(h.Name) {
			return dns.RcodeNotZone
		}
		switch {
		case h.Class == dns.ClassINET:
			exact[keyOf(rr)] = append(exact[keyOf(rr)], rr)
		case h.Rdlength != 0, h.Class != dns.ClassANY && h.Class != dns.ClassNONE:
			return dns.RcodeFormatError
		default:
			if code := z.condition(h); code != dns.RcodeSuccess {
				return code
			}
		}
	}
	for k, want := range exact {
		if !sameData(want, z.sets[k]) {
			return dns.RcodeNXRrset
		}
	}
	return dns.RcodeSuccess
}

// condition checks one condition that does not depend on values: the name or
// the RRset is in use (class ANY), or is not (class NONE).
func (z *zone) condition(h *dns.RR_Header) int {
	used := len(z.set(h.Name, h.Rrtype)) > 0
	if h.Rrtype == dns.TypeANY {
		used = len(z.types(h.Name)) > 0
	}
	switch {
	case h.Class == dns.ClassANY && !used && h.Rrtype == dns.TypeANY:
		return dns.RcodeNameError
	case h.Class == dns.ClassANY && !used:
		return dns.RcodeNXRrset
	case h.Class == dns.ClassNONE && used && h.Rrtype == dns.TypeANY:
		return dns.RcodeYXDomain
	case h.Class == dns.ClassNONE && used:
		return dns.RcodeYXRrset
	}
	return dns.RcodeSuccess
}

// sameData compares two sets of records without their TTLs.
func sameData(want, have []dns.RR) bool {
	missing := func(a, b []dns.RR) bool {
		return slices.ContainsFunc(a, func(x dns.RR) bool {
			return !slices.ContainsFunc(b, func(y dns.RR) bool { return dns.IsDuplicate(x, y) })
		})
	}
	return !missing(want, have) && !missing(have, want)
}

// prescan refuses what is no update before anything is done (RFC 2136 §3.4.1).
func (z *zone) prescan(updates []dns.RR) int {
	for _, rr := range updates {
		h := rr.Header()
		if !z.holds(h.Name) {
			return dns.RcodeNotZone
		}
		bad := false
		switch h.Class {
		case dns.ClassINET:
			bad = meta(h.Rrtype) || h.Rdlength == 0
		case dns.ClassANY:
			bad = h.Ttl != 0 || h.Rdlength != 0 || meta(h.Rrtype) && h.Rrtype != dns.TypeANY
		case dns.ClassNONE:
			bad = h.Ttl != 0 || meta(h.Rrtype)
		default:
			bad = true
		}
		if bad {
			return dns.RcodeFormatError
		}
	}
	return dns.RcodeSuccess
}

// meta reports whether a type is no type of data (RFC 6895 §3.1).
func meta(typ uint16) bool { return typ == dns.TypeOPT || typ >= 128 && typ <= 255 }

// apply does one update (RFC 2136 §3.4.2.7).
func (z *zone) apply(rr dns.RR) {
	h := rr.Header()
	switch {
	case h.Class == dns.ClassINET:
		z.insert(rr)
	case h.Class == dns.ClassANY && h.Rrtype == dns.TypeANY:
		for _, typ := range z.types(h.Name) {
			z.drop(h.Name, typ)
		}
	case h.Class == dns.ClassANY:
		z.drop(h.Name, h.Rrtype)
	case h.Rrtype == dns.TypeSOA:
		// The SOA is never deleted.
	case h.Rrtype == dns.TypeNS && dns.CanonicalName(h.Name) == z.apex && len(z.set(z.apex, dns.TypeNS)) == 1:
		// Nor is the last name server of the zone.
	default:
		z.remove(rr)
	}
}

// drop deletes an RRset, but not what makes the zone one.
func (z *zone) drop(name string, typ uint16) {
	if dns.CanonicalName(name) == z.apex && (typ == dns.TypeSOA || typ == dns.TypeNS) {
		return
	}
	delete(z.sets, rrKey{dns.CanonicalName(name), typ})
}

// insert adds a record (RFC 2136 §3.4.2.2): what may not stand beside a CNAME
// is left out in silence, a CNAME and the SOA replace the one there.
func (z *zone) insert(rr dns.RR) {
	name, typ := rr.Header().Name, rr.Header().Rrtype
	switch {
	case typ == dns.TypeCNAME:
		if others := z.types(name); len(others) == 0 || slices.Equal(others, []uint16{dns.TypeCNAME}) {
			z.put(rr)
		}
	case len(z.set(name, dns.TypeCNAME)) > 0:
	case typ == dns.TypeSOA:
		if dns.CanonicalName(name) == z.apex && later(rr.(*dns.SOA).Serial, z.soa().Serial) {
			z.put(rr)
		}
	default:
		z.add(rr)
	}
}

// later compares serials on their circle (RFC 1982 §3.2).
func later(a, b uint32) bool { return a != b && int32(a-b) > 0 }
