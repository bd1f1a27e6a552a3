package maildns

import (
	"fmt"
	"slices"
	"strings"
)

// Key names an RRset: FQDN in lower case with its final dot, and type.
type Key struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

// KeyOf returns the canonical key.
func KeyOf(name, typ string) Key { return Key{Name(name), strings.ToUpper(typ)} }

func (k Key) String() string { return k.Name + " " + k.Type }

// MarshalText lets a Key be the key of a JSON object.
func (k Key) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (k *Key) UnmarshalText(b []byte) error {
	name, typ, ok := strings.Cut(string(b), " ")
	if !ok {
		return fmt.Errorf("parse record key %q: want NAME TYPE", b)
	}
	*k = KeyOf(name, typ)
	return nil
}

// RRset is all records of one name and type. Without values it says that the
// record set does not exist.
type RRset struct {
	// Name is absolute, in lower case, with its final dot.
	Name string `json:"name"`
	// Type is the mnemonic: "MX".
	Type string `json:"type"`
	// TTL is in seconds, one for the whole set (RFC 2181 §5.2).
	TTL uint32 `json:"ttl"`
	// Values are in canonical presentation form, sorted, each once: MX
	// "10 mx.example."; TXT the concatenated octets without quotes, see
	// [TXT]; others their RDATA with absolute lower-case names.
	Values []string `json:"values"`
}

// New returns the canonical RRset. It fails on a value that is no RDATA of the type.
func New(name, typ string, ttl uint32, values ...string) (RRset, error) {
	name, err := ParseName(name)
	if err != nil {
		return RRset{}, err
	}
	rr := RRset{Name: name, Type: strings.ToUpper(typ), TTL: ttl}
	for _, v := range values {
		c, err := CanonicalValue(rr.Type, v)
		if err != nil {
			return RRset{}, fmt.Errorf("read %s %s: %w", rr.Name, rr.Type, err)
		}
		rr.Values = append(rr.Values, c)
	}
	return rr.Canonical(), nil
}

// Canonical returns the set in its one spelling. A value that does not parse
// is kept as it is, so that nothing seen is ever dropped.
func (r RRset) Canonical() RRset {
	out := RRset{Name: Name(r.Name), Type: strings.ToUpper(r.Type), TTL: r.TTL, Values: make([]string, 0, len(r.Values))}
	for _, v := range r.Values {
		if c, err := CanonicalValue(out.Type, v); err == nil {
			v = c
		}
		out.Values = append(out.Values, v)
	}
	slices.SortFunc(out.Values, compareValues(out.Type))
	out.Values = slices.Compact(out.Values)
	return out
}

// compareValues sorts MX by preference as a number, everything else as text.
func compareValues(typ string) func(a, b string) int {
	return func(a, b string) int {
		if typ == "MX" {
			x, errX := ParseMX(a)
			y, errY := ParseMX(b)
			if errX == nil && errY == nil && x.Preference != y.Preference {
				return int(x.Preference) - int(y.Preference)
			}
		}
		return strings.Compare(a, b)
	}
}

// Key returns the key of the set.
func (r RRset) Key() Key { return KeyOf(r.Name, r.Type) }

// IsEmpty reports whether the set says "does not exist".
func (r RRset) IsEmpty() bool { return len(r.Values) == 0 }

// SameValues reports whether both hold the same values, whatever their TTL.
func (r RRset) SameValues(o RRset) bool {
	return r.Key() == o.Key() && slices.Equal(r.Canonical().Values, o.Canonical().Values)
}

// Equal is SameValues and the same TTL. Two sets that do not exist are equal.
func (r RRset) Equal(o RRset) bool {
	return r.SameValues(o) && (r.TTL == o.TTL || r.IsEmpty())
}

// Has reports whether the set holds value.
func (r RRset) Has(value string) bool {
	if c, err := CanonicalValue(strings.ToUpper(r.Type), value); err == nil {
		value = c
	}
	return slices.Contains(r.Canonical().Values, value)
}

// With returns the set with values added, in the set's TTL.
func (r RRset) With(values ...string) RRset {
	r.Values = append(slices.Clone(r.Values), values...)
	return r.Canonical()
}

// Without returns the set without the values.
func (r RRset) Without(values ...string) RRset {
	gone := RRset{Name: r.Name, Type: r.Type, Values: values}.Canonical().Values
	out := r.Canonical()
	out.Values = slices.DeleteFunc(out.Values, func(v string) bool { return slices.Contains(gone, v) })
	return out
}

// WithTTL returns the same values with another TTL.
func (r RRset) WithTTL(ttl uint32) RRset {
	r = r.Canonical()
	r.TTL = ttl
	return r
}

// Lines returns the set as zone file lines, TXT split into strings of at most
// 255 octets. A set that does not exist has no line.
func (r RRset) Lines() []string {
	var out []string
	for _, v := range r.Canonical().Values {
		if r.Type == "TXT" {
			v = QuoteTXT(v)
		}
		out = append(out, fmt.Sprintf("%s %d IN %s %s", Name(r.Name), r.TTL, r.Type, v))
	}
	return out
}

func (r RRset) String() string {
	if r.IsEmpty() {
		return r.Key().String() + " (none)"
	}
	return strings.Join(r.Lines(), "\n")
}
