package maildns

import (
	"fmt"
	"strings"
)

// Limits of RFC 7208.
const (
	MaxSPFLookups = 10  // §4.6.4: terms that ask the DNS, nested ones included
	MaxSPFVoid    = 2   // §4.6.4: lookups that find nothing
	MaxSPFOctets  = 450 // §3.4: so that the answer fits a UDP packet
	maxMXNames    = 10  // §4.6.4: hosts of one mx mechanism
	countCeiling  = 100 // ends the count of records that include each other
)

// SPFResolver answers from what was looked up before. No records is an empty
// answer without error. A or MX may be nil: their void lookups then do not count.
type SPFResolver struct {
	TXT, A, MX func(name string) ([]string, error)
}

// SPFCount is what a receiver goes through in the worst case, when the first
// match is the last term.
type SPFCount struct {
	Lookups, Void int
	// Problems are permanent errors a receiver meets; each names the record.
	Problems []string
	// Unknown names what could not be counted: macros, failed lookups.
	Unknown []string
}

// OK reports whether the record stays within every limit, with all known.
func (c SPFCount) OK() bool {
	return c.Lookups <= MaxSPFLookups && c.Void <= MaxSPFVoid && len(c.Problems) == 0 && len(c.Unknown) == 0
}

// CountSPF counts the lookups of a record of domain, following include and
// redirect through the resolver.
func CountSPF(domain string, record SPF, r SPFResolver) SPFCount {
	w := spfWalk{resolver: r}
	w.record(Name(domain), record)
	if w.count.Lookups > MaxSPFLookups {
		w.problem(Name(domain), "%d lookups, at most %d are made (RFC 7208 §4.6.4)", w.count.Lookups, MaxSPFLookups)
	}
	if w.count.Void > MaxSPFVoid {
		w.problem(Name(domain), "%d lookups find nothing, at most %d may (RFC 7208 §4.6.4)", w.count.Void, MaxSPFVoid)
	}
	return w.count
}

// CheckSPFSize returns why a record is too long, or nothing.
func CheckSPFSize(record string) (problem string) {
	if len(record) > MaxSPFOctets {
		return fmt.Sprintf("the record has %d octets; beyond %d answers may not fit a packet (RFC 7208 §3.4)", len(record), MaxSPFOctets)
	}
	return ""
}

type spfWalk struct {
	resolver SPFResolver
	count    SPFCount
	path     []string
}

func (w *spfWalk) problem(domain, format string, args ...any) {
	w.count.Problems = append(w.count.Problems, domain+" "+fmt.Sprintf(format, args...))
}

func (w *spfWalk) record(domain string, s SPF) {
	for _, p := range w.path {
		if p == domain {
			w.problem(domain, "includes itself")
			return
		}
	}
	w.path = append(w.path, domain)
	defer func() { w.path = w.path[:len(w.path)-1] }()
	for _, t := range s.effective() {
		w.term(domain, t)
	}
}

func (w *spfWalk) term(domain string, t SPFTerm) {
	switch t.Name {
	case "include", "redirect", "a", "mx", "ptr", "exists":
		w.count.Lookups++
	default:
		return
	}
	target := domain
	if t.Domain != "" {
		target = t.Domain
	}
	if w.count.Lookups > countCeiling {
		return
	}
	if hasMacro(target) {
		w.count.Unknown = append(w.count.Unknown, t.String()+" depends on the message")
		return
	}
	switch t.Name {
	case "include", "redirect":
		w.nested(Name(target))
	case "a":
		w.found(Name(target), w.resolver.A)
	case "mx":
		if hosts := w.found(Name(target), w.resolver.MX); len(hosts) > maxMXNames {
			w.problem(Name(target), "has %d MX hosts, at most %d are looked up (RFC 7208 §4.6.4)", len(hosts), maxMXNames)
		}
	}
}

// found makes one lookup and counts it when it is void.
func (w *spfWalk) found(name string, ask func(string) ([]string, error)) []string {
	if ask == nil {
		return nil
	}
	values, err := ask(name)
	if err != nil {
		w.count.Unknown = append(w.count.Unknown, fmt.Sprintf("%s: %v", name, err))
		return nil
	}
	if len(values) == 0 {
		w.count.Void++
	}
	return values
}

func (w *spfWalk) nested(name string) {
	unknown := len(w.count.Unknown)
	values := w.found(name, w.resolver.TXT)
	if len(w.count.Unknown) > unknown || w.resolver.TXT == nil {
		return
	}
	var records []string
	for _, v := range values {
		if octets, err := TXTOctets(v); err == nil && IsSPF(octets) {
			records = append(records, octets)
		}
	}
	// RFC 7208 §5.2: an include without exactly one record is a permanent error.
	if len(records) != 1 {
		w.problem(name, "has %d SPF records; exactly one is needed to include it", len(records))
		return
	}
	s, err := ParseSPF(records[0])
	if err != nil {
		w.problem(name, "%s", strings.TrimPrefix(err.Error(), "parse "))
		return
	}
	w.record(name, s)
}
