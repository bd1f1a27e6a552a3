package maildns

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// CanonicalValue returns the one spelling of an RDATA in presentation form.
// Types it does not know keep their text, with white space folded.
func CanonicalValue(typ, value string) (string, error) {
	switch strings.ToUpper(typ) {
	case "A":
		return canonicalAddress(value, netip.Addr.Is4)
	case "AAAA":
		return canonicalAddress(value, netip.Addr.Is6)
	case "MX":
		mx, err := ParseMX(value)
		return mx.String(), err
	case "TXT":
		octets, err := TXTOctets(value)
		return TXT(octets), err
	case "CNAME", "NS", "PTR", "DNAME":
		return ParseName(value)
	case "SRV":
		srv, err := ParseSRV(value)
		return srv.String(), err
	case "CAA":
		caa, err := ParseCAA(value)
		return caa.String(), err
	case "TLSA":
		tlsa, err := ParseTLSA(value)
		return tlsa.String(), err
	}
	return strings.Join(strings.Fields(value), " "), nil
}

func canonicalAddress(value string, family func(netip.Addr) bool) (string, error) {
	addr, err := netip.ParseAddr(strings.TrimSpace(value))
	if err != nil {
		return "", fmt.Errorf("parse address %.60q: %w", value, err)
	}
	if addr.Zone() != "" || !family(addr) {
		return "", fmt.Errorf("parse address %.60q: it is of the other family", value)
	}
	return addr.String(), nil
}

// SRV is the RDATA of RFC 2782.
type SRV struct {
	Priority, Weight, Port uint16
	// Target is absolute; "." says that the service is not offered.
	Target string
}

// ParseSRV reads "0 1 993 imap.example.".
func ParseSRV(value string) (SRV, error) {
	f := strings.Fields(value)
	if len(f) != 4 {
		return SRV{}, fmt.Errorf("parse SRV %.80q: want PRIORITY WEIGHT PORT TARGET", value)
	}
	n, err := numbers(f[:3], 16)
	if err != nil {
		return SRV{}, fmt.Errorf("parse SRV %.80q: %w", value, err)
	}
	target, err := ParseName(f[3])
	if err != nil {
		return SRV{}, fmt.Errorf("parse SRV %.80q: %w", value, err)
	}
	return SRV{uint16(n[0]), uint16(n[1]), uint16(n[2]), target}, nil
}

func (s SRV) String() string {
	return fmt.Sprintf("%d %d %d %s", s.Priority, s.Weight, s.Port, s.Target)
}

// CAA is the RDATA of RFC 8659 §4.1.
type CAA struct {
	Flags uint8
	Tag   string // lower case
	Value string // octets
}

// ParseCAA reads `0 issue "letsencrypt.org"`.
func ParseCAA(value string) (CAA, error) {
	flags, rest, _ := strings.Cut(strings.TrimSpace(value), " ")
	tag, text, ok := strings.Cut(strings.TrimSpace(rest), " ")
	if !ok || tag == "" {
		return CAA{}, fmt.Errorf("parse CAA %.80q: want FLAGS TAG VALUE", value)
	}
	n, err := numbers([]string{flags}, 8)
	if err != nil {
		return CAA{}, fmt.Errorf("parse CAA %.80q: %w", value, err)
	}
	if strings.ContainsFunc(tag, func(r rune) bool { return !alphanumeric(r) }) {
		return CAA{}, fmt.Errorf("parse CAA %.80q: a tag is made of letters and digits", value)
	}
	octets, err := TXTOctets(strings.TrimSpace(text))
	if err != nil {
		return CAA{}, fmt.Errorf("parse CAA %.80q: %w", value, err)
	}
	return CAA{uint8(n[0]), strings.ToLower(tag), octets}, nil
}

func (c CAA) String() string { return fmt.Sprintf(`%d %s "%s"`, c.Flags, c.Tag, TXT(c.Value)) }

// TLSA is the RDATA of RFC 6698 §2.1.
type TLSA struct {
	Usage, Selector, Matching uint8
	Data                      []byte
}

// ParseTLSA reads "3 1 1 ab12…"; the hexadecimal part may hold spaces.
func ParseTLSA(value string) (TLSA, error) {
	f := strings.Fields(value)
	if len(f) < 4 {
		return TLSA{}, fmt.Errorf("parse TLSA %.80q: want USAGE SELECTOR MATCHING HEX", value)
	}
	n, err := numbers(f[:3], 8)
	if err != nil {
		return TLSA{}, fmt.Errorf("parse TLSA %.80q: %w", value, err)
	}
	data, err := hex.DecodeString(strings.Join(f[3:], ""))
	if err != nil {
		return TLSA{}, fmt.Errorf("parse TLSA %.80q: %w", value, err)
	}
	return TLSA{uint8(n[0]), uint8(n[1]), uint8(n[2]), data}, nil
}

func (t TLSA) String() string {
	return fmt.Sprintf("%d %d %d %s", t.Usage, t.Selector, t.Matching, hex.EncodeToString(t.Data))
}

func numbers(fields []string, bits int) ([]uint64, error) {
	out := make([]uint64, 0, len(fields))
	for _, f := range fields {
		n, err := strconv.ParseUint(f, 10, bits)
		if err != nil {
			return nil, fmt.Errorf("%.20q is no number of %d bits", f, bits)
		}
		out = append(out, n)
	}
	return out, nil
}

func alphanumeric(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
}
