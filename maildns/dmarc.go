package maildns

import (
	"errors"
	"fmt"
	"strings"
)

// DMARC is a policy record (RFC 9989, before it RFC 7489).
type DMARC struct {
	// Policy is "none", "quarantine" or "reject".
	Policy string
	// RUA holds the addresses aggregate reports go to, as URIs.
	RUA  []string
	Tags Tags
}

// Errors of DMARC records.
var (
	ErrNotDMARC  = errors.New("not a DMARC record")
	ErrManyDMARC = errors.New("several DMARC records: receivers ignore all of them")
)

// IsDMARC reports whether a TXT value is a DMARC record of any validity.
func IsDMARC(octets string) bool {
	first, _, _ := strings.Cut(octets, ";")
	name, value, ok := strings.Cut(first, "=")
	return ok && strings.TrimSpace(name) == "v" && strings.TrimSpace(value) == "DMARC1"
}

// ParseDMARC reads a record.
func ParseDMARC(octets string) (DMARC, error) {
	if !IsDMARC(octets) {
		return DMARC{}, fmt.Errorf("parse DMARC %.60q: %w", octets, ErrNotDMARC)
	}
	tags, err := ParseTags(octets)
	if err != nil {
		return DMARC{}, fmt.Errorf("parse DMARC: %w", err)
	}
	d := DMARC{Policy: "none", Tags: tags}
	if p, ok := tags.Get("p"); ok {
		d.Policy = strings.ToLower(p)
	}
	switch d.Policy {
	case "none", "quarantine", "reject":
	default:
		return DMARC{}, fmt.Errorf("parse DMARC: there is no policy p=%s", d.Policy)
	}
	rua, _ := tags.Get("rua")
	for uri := range strings.SplitSeq(rua, ",") {
		if uri = strings.TrimSpace(uri); uri != "" {
			d.RUA = append(d.RUA, uri)
		}
	}
	return d, nil
}

// DMARCName returns where the policy of a domain stands.
func DMARCName(domain string) string { return Name("_dmarc." + domain) }

// EnsureDMARC returns the set at _dmarc that is wanted, given what is there:
// an existing record stays as it is, however strict; where none is, p=none is
// created, with reports to rua when one is given ("mailto:…" or an address).
// Several records, or one that does not parse, are for a person.
func EnsureDMARC(existing RRset, rua string) (RRset, error) {
	var found []string
	for _, v := range existing.Canonical().Values {
		if octets, err := TXTOctets(v); err == nil && IsDMARC(octets) {
			found = append(found, octets)
		}
	}
	if len(found) > 1 {
		return RRset{}, fmt.Errorf("%s: %w: %q; keep one", existing.Name, ErrManyDMARC, found)
	}
	if len(found) == 1 {
		if _, err := ParseDMARC(found[0]); err != nil {
			return RRset{}, fmt.Errorf("%s: %w", existing.Name, err)
		}
		return existing.Canonical(), nil
	}
	record := "v=DMARC1; p=none"
	if rua != "" {
		if !strings.Contains(rua, ":") {
			rua = "mailto:" + rua
		}
		record += "; rua=" + rua
	}
	return existing.With(record), nil
}

// ReportAuthorisation returns the record that the owner of the domain of a
// report address must publish when it is not under domain (RFC 9990, RFC 7489
// §7.1); ok is false when none is needed.
func ReportAuthorisation(domain, rua string) (name string, ok bool) {
	_, host, found := strings.Cut(strings.TrimPrefix(strings.ToLower(rua), "mailto:"), "@")
	host, _, _ = strings.Cut(host, "!")
	if !found || Under(host, domain) || Under(domain, host) {
		return "", false
	}
	return Name(strings.TrimSuffix(Name(domain), ".") + "._report._dmarc." + host), true
}
