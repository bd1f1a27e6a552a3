package maildns

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// MX is one mail exchanger. Two are equal when host and preference are.
type MX struct {
	Preference uint16
	// Host is absolute; "." is the null MX of RFC 7505.
	Host string
}

// ParseMX reads "10 mx.example.".
func ParseMX(value string) (MX, error) {
	f := strings.Fields(value)
	if len(f) != 2 {
		return MX{}, fmt.Errorf("parse MX %.80q: want PREFERENCE HOST", value)
	}
	pref, err := strconv.ParseUint(f[0], 10, 16)
	if err != nil {
		return MX{}, fmt.Errorf("parse MX %.80q: the preference is a number from 0 to 65535", value)
	}
	host, err := ParseName(f[1])
	if err != nil {
		return MX{}, fmt.Errorf("parse MX %.80q: %w", value, err)
	}
	return MX{uint16(pref), host}, nil
}

func (m MX) String() string { return fmt.Sprintf("%d %s", m.Preference, m.Host) }

// IsNull reports whether it says "this domain takes no mail" (RFC 7505 §3).
func (m MX) IsNull() bool { return m.Host == "." }

// MXHosts returns the hosts of an MX set in order of preference, each once.
func MXHosts(rr RRset) []string {
	var out []string
	for _, v := range rr.Canonical().Values {
		if mx, err := ParseMX(v); err == nil && !mx.IsNull() && !slices.Contains(out, mx.Host) {
			out = append(out, mx.Host)
		}
	}
	return out
}

// Errors of an MX switch that must not be made.
var (
	ErrEmptyMX = errors.New("an MX record set without a record sends mail to the web server of the domain")
	ErrNullMX  = errors.New("the null MX says that the domain takes no mail")
)

// SwitchSteps returns the record sets to write, in order, to get from old to
// new: first both together, then new alone. Each is to be observed on every
// authoritative server before the next is written. It is empty when old
// already is new, and starts with the second step when both are there.
//
// The steps keep the TTL that old is served with; restoring it is a later
// change of its own.
func SwitchSteps(old, new RRset) ([]RRset, error) {
	old, new = old.Canonical(), new.Canonical()
	if new.IsEmpty() {
		return nil, fmt.Errorf("switch %s: %w", old.Key(), ErrEmptyMX)
	}
	for _, v := range slices.Concat(old.Values, new.Values) {
		mx, err := ParseMX(v)
		if err != nil {
			return nil, fmt.Errorf("switch %s: %w", old.Key(), err)
		}
		// RFC 7505 §3: a null MX stands alone, so it cannot be part of a union.
		if mx.IsNull() {
			return nil, fmt.Errorf("switch %s: %q: %w", old.Key(), v, ErrNullMX)
		}
	}
	ttl := old.TTL
	if old.IsEmpty() {
		ttl = new.TTL
	}
	both, last := old.With(new.Values...).WithTTL(ttl), new.WithTTL(ttl)
	var steps []RRset
	if !both.SameValues(old) {
		steps = append(steps, both)
	}
	if !last.SameValues(both) {
		steps = append(steps, last)
	}
	return steps, nil
}

// Hazard is something in a record set that would lose or delay mail.
type Hazard struct {
	// Code is stable, for tests and documents: "mx-relative-name".
	Code string
	// Record is the value concerned, or the key of the set.
	Record string
	// Text says what is wrong, Next what to do.
	Text, Next string
	// Fatal hazards refuse the change; others warn.
	Fatal bool
}

func (h Hazard) String() string { return fmt.Sprintf("%s: %s; %s", h.Record, h.Text, h.Next) }

// CheckMX looks for what is wrong with an MX set of zone, by its text alone.
// Whether a target resolves, is a CNAME, or accepts mail is for probes.
func CheckMX(zone string, rr RRset) []Hazard {
	if rr.IsEmpty() {
		return []Hazard{{"mx-empty", rr.Key().String(), ErrEmptyMX.Error() + " (RFC 5321 §5.1)", "name at least one mail server", true}}
	}
	var out []Hazard
	seen := map[string]bool{}
	for _, v := range rr.Canonical().Values {
		mx, err := ParseMX(v)
		if err != nil {
			out = append(out, Hazard{"mx-syntax", v, err.Error(), `write "10 mx.example.ch."`, true})
			continue
		}
		out = append(out, checkOneMX(Name(zone), mx, len(rr.Values))...)
		if seen[mx.Host] {
			out = append(out, Hazard{"mx-twice", v, "the same host stands there with two preferences", "keep one", false})
		}
		seen[mx.Host] = true
	}
	return out
}

func checkOneMX(zone string, mx MX, siblings int) []Hazard {
	switch {
	case mx.IsNull() && siblings > 1:
		return []Hazard{{"mx-null", mx.String(), "a null MX must be the only one (RFC 7505 §3)", "remove it or the others", true}}
	case mx.IsNull():
		return []Hazard{{"mx-null", mx.String(), ErrNullMX.Error() + " (RFC 7505)", "name the servers that take it", true}}
	case isAddress(mx.Host):
		return []Hazard{{"mx-address", mx.String(), "an MX names a host, not an address (RFC 5321 §5.1)", "use the host name of that address", true}}
	case strings.Count(mx.Host, ".") == 1:
		return []Hazard{{"mx-single-label", mx.String(), "the host name has one label only", "write the full name of the server", true}}
	}
	if meant, sure := relativeAccident(mx.Host, zone); meant != "" {
		return []Hazard{{"mx-relative-name", mx.String(), fmt.Sprintf("it looks as if the zone's name was appended to a name without its final dot; %q was meant", meant), "write the name with a final dot", sure}}
	}
	return nil
}

func isAddress(host string) bool {
	_, err := netip.ParseAddr(strings.TrimSuffix(host, "."))
	return err == nil
}

// relativeAccident recognises "mta.service.ch.example.com." in the zone
// "example.com.": what precedes the zone reads as a full host name. It is sure
// when that name ends in the zone itself or in a top-level domain nobody uses
// as a label of hosts; a country code may also be a site of the company.
func relativeAccident(host, zone string) (meant string, sure bool) {
	if host == zone || !Under(host, zone) {
		return "", false
	}
	prefix := Relative(host, zone)
	if strings.HasSuffix(prefix+".", "."+zone) {
		return prefix + ".", true
	}
	labels := strings.Split(prefix, ".")
	if len(labels) < 3 {
		return "", false
	}
	switch last := labels[len(labels)-1]; {
	case slices.Contains([]string{"com", "net", "org", "info"}, last):
		return prefix + ".", true
	case slices.Contains([]string{"at", "be", "biz", "ch", "cz", "de", "dk", "es", "eu", "fi", "fr", "ie", "io", "it", "li", "lu", "nl", "no", "pl", "pt", "se", "uk"}, last),
		strings.HasSuffix(zone, "."+last+"."):
		return prefix + ".", false
	}
	return "", false
}
