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

func parseTerm(word string) (SPFTerm, error) {
	for i := range len(word) {
		if word[i] <= ' ' || word[i] >= 0x7f {
			return SPFTerm{}, fmt.Errorf("octet %#x has no place in a record", word[i])
		}
	}
	if name, value, ok := strings.Cut(word, "="); ok && isModifierName(name) {
		return parseModifier(word, strings.ToLower(name), value)
	}
	t := SPFTerm{Qualifier: Pass, CIDR4: -1, CIDR6: -1, written: word}
	if strings.IndexByte("+-~?", word[0]) >= 0 {
		t.Qualifier, word = word[0], word[1:]
	}
	end := strings.IndexAny(word, ":/")
	if end < 0 {
		end = len(word)
	}
	t.Name = strings.ToLower(word[:end])
	return t, t.parseArgument(word[end:])
}

// isModifierName: RFC 7208 §12, ALPHA *( ALPHA / DIGIT / "-" / "_" / "." ).
func isModifierName(name string) bool {
	if name == "" || !alphanumeric(rune(name[0])) || isDigit(name[0]) {
		return false
	}
	return !strings.ContainsFunc(name, func(r rune) bool { return !alphanumeric(r) && !strings.ContainsRune("-_.", r) })
}

func parseModifier(word, name, value string) (SPFTerm, error) {
	t := SPFTerm{Name: name, Domain: value, CIDR4: -1, CIDR6: -1, written: word}
	if name != "redirect" && name != "exp" {
		return t, checkMacros(value)
	}
	t.Domain = strings.TrimSuffix(value, ".")
	if t.Domain == "" {
		return t, errors.New("it names no domain")
	}
	return t, checkMacros(value)
}

// parseArgument reads what follows the mechanism's name.
func (t *SPFTerm) parseArgument(arg string) error {
	switch t.Name {
	case "all":
		if arg != "" {
			return errors.New("all takes nothing behind it")
		}
		return nil
	case "ip4":
		return t.parseNetwork(arg, netip.Addr.Is4)
	case "ip6":
		return t.parseNetwork(arg, netip.Addr.Is6)
	case "include", "exists":
		if !strings.HasPrefix(arg, ":") || len(arg) < 2 {
			return fmt.Errorf("%s needs a domain", t.Name)
		}
		return t.setDomain(arg[1:])
	case "ptr":
		return t.parseDomain(arg)
	case "a", "mx":
		domain, cidr := splitCIDR(arg)
		if err := t.parseDomain(domain); err != nil {
			return err
		}
		return t.parseCIDR(cidr)
	}
	return fmt.Errorf("there is no mechanism %q", t.Name)
}

func (t *SPFTerm) parseDomain(arg string) error {
	if arg == "" {
		return nil
	}
	if arg[0] != ':' || len(arg) < 2 {
		return errors.New("a colon and a domain belong behind it, or nothing")
	}
	return t.setDomain(arg[1:])
}

func (t *SPFTerm) setDomain(d string) error {
	t.Domain = strings.TrimSuffix(d, ".")
	if t.Domain == "" {
		return errors.New("it names no domain")
	}
	return checkMacros(d)
}

// parseNetwork reads ":192.0.2.0/24".
func (t *SPFTerm) parseNetwork(arg string, family func(netip.Addr) bool) error {
	text, ok := strings.CutPrefix(arg, ":")
	if !ok {
		return fmt.Errorf("%s needs an address", t.Name)
	}
	addrText, bitsText, hasBits := strings.Cut(text, "/")
	addr, err := netip.ParseAddr(addrText)
	if err != nil || addr.Zone() != "" || !family(addr) {
		return fmt.Errorf("%q is no address for %s", addrText, t.Name)
	}
	bits := addr.BitLen()
	if hasBits {
		if bits, err = prefixLength(bitsText, addr.BitLen()); err != nil {
			return err
		}
	}
	t.Prefix = netip.PrefixFrom(addr, bits).Masked()
	return nil
}

// splitCIDR cuts ":domain/24//64" before the first slash that is not a
// delimiter inside a macro such as %{d/}.
func splitCIDR(arg string) (domain, cidr string) {
	depth := 0
	for i := range len(arg) {
		switch arg[i] {
		case '{':
			depth++
		case '}':
			depth--
		case '/':
			if depth <= 0 {
				return arg[:i], arg[i:]
			}
		}
	}
	return arg, ""
}

// parseCIDR reads dual-cidr-length: "/24", "//64" or "/24//64".
func (t *SPFTerm) parseCIDR(cidr string) (err error) {
	if cidr == "" {
		return nil
	}
	four, six, dual := strings.Cut(cidr[1:], "//")
	if strings.HasPrefix(cidr, "//") {
		four, six, dual = "", cidr[2:], true
	}
	if four != "" || !dual {
		if t.CIDR4, err = prefixLength(four, 32); err != nil {
			return err
		}
	}
	if dual {
		t.CIDR6, err = prefixLength(six, 128)
	}
	return err
}

func prefixLength(s string, most int) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 || n > most || s != strconv.Itoa(n) {
		return 0, fmt.Errorf("prefix length %q is not a number from 0 to %d", s, most)
	}
	return n, nil
}

// checkMacros: every "%" starts %%, %_, %- or %{…} (RFC 7208 §7.1).
func checkMacros(s string) error {
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			continue
		}
		i++
		if i == len(s) {
			return errors.New("it ends in a single %")
		}
		switch s[i] {
		case '%', '_', '-':
		case '{':
			end := strings.IndexByte(s[i:], '}')
			if end < 2 || !strings.ContainsRune("slodiphcrtvSLODIPHCRTV", rune(s[i+1])) {
				return errors.New("a macro is not well formed")
			}
			i += end
		default:
			return errors.New("a macro is not well formed")
		}
	}
	return nil
}

func hasMacro(domain string) bool { return strings.Contains(domain, "%") }
