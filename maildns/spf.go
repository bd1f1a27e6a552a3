package maildns

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Qualifiers of an SPF mechanism (RFC 7208 §4.6.2), strictest last.
const (
	Pass     = '+'
	Neutral  = '?'
	SoftFail = '~'
	Fail     = '-'
)

// SPF is one SPF record, term by term.
type SPF struct{ Terms []SPFTerm }

// SPFTerm is a mechanism or a modifier.
type SPFTerm struct {
	// Qualifier is one of + ? ~ -, and 0 for a modifier.
	Qualifier byte
	// Name is "ip4", "include", "redirect", … in lower case.
	Name string
	// Domain is the domain-spec as written, without its final dot: target of
	// include, a, mx, ptr, exists, redirect, exp; text of an unknown modifier.
	Domain string
	// Prefix is the network of ip4 and ip6.
	Prefix netip.Prefix
	// CIDR4 and CIDR6 narrow a and mx; -1 when not written.
	CIDR4, CIDR6 int
	written      string
}

// ErrNotSPF is returned for a TXT value that is another kind of record.
var ErrNotSPF = errors.New("not an SPF record")

// IsSPF reports whether a TXT value is an SPF record of any validity:
// "v=spf1" followed by a space or nothing (RFC 7208 §4.5).
func IsSPF(txt string) bool {
	const version = "v=spf1"
	return len(txt) >= len(version) && strings.EqualFold(txt[:len(version)], version) &&
		(len(txt) == len(version) || txt[len(version)] == ' ')
}

// ParseSPF parses a record strictly: what it refuses is a permanent error for
// every receiver (RFC 7208 §4.6).
func ParseSPF(txt string) (SPF, error) {
	if !IsSPF(txt) {
		return SPF{}, fmt.Errorf("parse %.60q: %w", txt, ErrNotSPF)
	}
	var s SPF
	for _, word := range strings.Split(txt, " ")[1:] {
		if word == "" {
			continue
		}
		t, err := parseTerm(word)
		if err != nil {
			return SPF{}, fmt.Errorf("parse SPF term %.80q: %w", word, err)
		}
		// RFC 7208 §6: redirect and exp stand at most once.
		if (t.Name == "redirect" || t.Name == "exp") && s.find(t.Name) != nil {
			return SPF{}, fmt.Errorf("parse SPF: %s= stands there twice", t.Name)
		}
		s.Terms = append(s.Terms, t)
	}
	return s, nil
}

// NewSPF makes a record of mechanisms as a service publishes them
// ("include:spf.example", "ip4:192.0.2.1"). Without an all among them it has no
// opinion on other senders, and [Union] keeps that of the other record.
func NewSPF(terms ...string) (SPF, error) {
	return ParseSPF(strings.TrimRight("v=spf1 "+strings.Join(terms, " "), " "))
}

// String returns the record, every term as it was written.
func (s SPF) String() string {
	words := []string{"v=spf1"}
	for _, t := range s.Terms {
		words = append(words, t.String())
	}
	return strings.Join(words, " ")
}

// All returns the qualifier of the all mechanism; ok is false without one.
func (s SPF) All() (qualifier byte, ok bool) {
	if t := s.find("all"); t != nil {
		return t.Qualifier, true
	}
	return Neutral, false
}

func (s SPF) find(name string) *SPFTerm {
	for i := range s.Terms {
		if s.Terms[i].Name == name {
			return &s.Terms[i]
		}
	}
	return nil
}

// effective returns the terms a receiver looks at: mechanisms up to all
// (RFC 7208 §5.1), and modifiers, without a redirect that all makes void (§6.1).
func (s SPF) effective() []SPFTerm {
	_, hasAll := s.All()
	var out []SPFTerm
	done := false
	for _, t := range s.Terms {
		switch {
		case t.IsModifier() && t.Name == "redirect" && hasAll:
		case t.IsModifier() || !done:
			out = append(out, t)
		}
		done = done || t.Name == "all"
	}
	return out
}

// IsModifier reports whether the term is name=value.
func (t SPFTerm) IsModifier() bool { return t.Qualifier == 0 }

// String returns the term as written, or its shortest spelling when it was made.
func (t SPFTerm) String() string {
	if t.written != "" {
		return t.written
	}
	if t.IsModifier() {
		return t.Name + "=" + t.Domain
	}
	s := t.Name
	if t.Qualifier != Pass {
		s = string(t.Qualifier) + s
	}
	if t.Prefix.IsValid() {
		return s + ":" + prefixText(t.Prefix)
	}
	if t.Domain != "" {
		s += ":" + t.Domain
	}
	if t.CIDR4 >= 0 {
		s += "/" + strconv.Itoa(t.CIDR4)
	}
	if t.CIDR6 >= 0 {
		s += "//" + strconv.Itoa(t.CIDR6)
	}
	return s
}

func prefixText(p netip.Prefix) string {
	if p.IsSingleIP() {
		return p.Addr().String()
	}
	return p.String()
}

// key is the spelling in which equal terms are equal.
func (t SPFTerm) key() string {
	t.written = ""
	if !hasMacro(t.Domain) { // %{S} and %{s} differ (RFC 7208 §7.3)
		t.Domain = strings.ToLower(t.Domain)
	}
	if t.CIDR4 == 32 {
		t.CIDR4 = -1
	}
	if t.CIDR6 == 128 {
		t.CIDR6 = -1
	}
	return t.String()
}

// SameTerm reports whether both terms say the same, whatever their spelling.
func SameTerm(a, b SPFTerm) bool { return a.key() == b.key() }

func contains(terms []SPFTerm, t SPFTerm) bool {
	return slices.ContainsFunc(terms, func(o SPFTerm) bool { return SameTerm(o, t) })
}
