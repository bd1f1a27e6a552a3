package maildns

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

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
