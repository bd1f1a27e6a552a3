package wire

import (
	"fmt"
	"strings"

	"github.com/miekg/dns"

	"bascule/maildns"
)

// Records returns the set as records of class IN, in canonical order.
func Records(rr maildns.RRset) ([]dns.RR, error) {
	var out []dns.RR
	for _, line := range rr.Lines() {
		record, err := dns.NewRR(line)
		if err != nil {
			return nil, fmt.Errorf("encode %s: %w", rr.Key(), err)
		}
		if record == nil {
			return nil, fmt.Errorf("encode %s: %q holds no record", rr.Key(), line)
		}
		out = append(out, record)
	}
	return out, nil
}

// Type returns the number of a type mnemonic: "MX", "TYPE65280".
func Type(mnemonic string) (uint16, error) {
	if t, ok := dns.StringToType[strings.ToUpper(mnemonic)]; ok {
		return t, nil
	}
	var t uint16
	if _, err := fmt.Sscanf(strings.ToUpper(mnemonic), "TYPE%d", &t); err != nil {
		return 0, fmt.Errorf("there is no record type %q", mnemonic)
	}
	return t, nil
}

// Value returns the canonical value of one record.
func Value(record dns.RR) string {
	if txt, ok := record.(*dns.TXT); ok {
		return canonical("TXT", strings.Join(txt.Txt, "")) // package dns escapes the strings
	}
	header := record.Header()
	text := strings.TrimPrefix(record.String(), header.String())
	if generic, ok := record.(*dns.RFC3597); ok {
		text = fmt.Sprintf(`\# %d %s`, len(generic.Rdata)/2, generic.Rdata)
	}
	return canonical(dns.TypeToString[header.Rrtype], text)
}

// canonical keeps what does not parse, so that nothing seen is dropped.
func canonical(typ, text string) string {
	if c, err := maildns.CanonicalValue(typ, text); err == nil {
		return c
	}
	return text
}

// RRset collects the records of name and type out of an answer. The TTL is the
// largest among them: the longest some cache may keep one.
func RRset(name, typ string, records []dns.RR) maildns.RRset {
	out := maildns.RRset{Name: maildns.Name(name), Type: strings.ToUpper(typ)}
	number, err := Type(typ)
	if err != nil {
		return out.Canonical()
	}
	for _, r := range records {
		h := r.Header()
		if h.Rrtype != number || maildns.Name(h.Name) != out.Name || h.Class != dns.ClassINET {
			continue
		}
		out.TTL = max(out.TTL, h.Ttl)
		out.Values = append(out.Values, Value(r))
	}
	return out.Canonical()
}
