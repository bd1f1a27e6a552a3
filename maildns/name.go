package maildns

import (
	"fmt"
	"strings"

	"golang.org/x/net/idna"
)

// names maps Unicode labels to their ASCII form; underscores and "*" pass,
// since service names and wildcards need them.
func names() *idna.Profile {
	return idna.New(idna.MapForLookup(), idna.StrictDomainName(false), idna.BidiRule())
}

// ParseName returns the absolute, lower-case, ASCII form of a host or record
// name: "Mail.Exämple.ch" becomes "mail.xn--exmple-cua.ch.". The root is ".".
func ParseName(s string) (string, error) {
	name := strings.TrimSuffix(strings.TrimSpace(s), ".")
	if name == "" {
		if strings.TrimSpace(s) == "." {
			return ".", nil
		}
		return "", fmt.Errorf("parse name %q: it is empty", s)
	}
	if !isASCII(name) {
		ascii, err := names().ToASCII(name)
		if err != nil {
			return "", fmt.Errorf("parse name %q: %w", s, err)
		}
		name = ascii
	}
	name = strings.ToLower(name)
	// RFC 1035 §2.3.4: 255 octets on the wire, which is 253 without the final dot.
	if len(name) > 253 {
		return "", fmt.Errorf("parse name %q: %d octets, at most 253 are possible", s, len(name))
	}
	for label := range strings.SplitSeq(name, ".") {
		if err := checkLabel(label); err != nil {
			return "", fmt.Errorf("parse name %q: %w", s, err)
		}
	}
	return name + ".", nil
}

func checkLabel(label string) error {
	if label == "" {
		return fmt.Errorf("two dots follow each other")
	}
	if len(label) > 63 {
		return fmt.Errorf("label %q has %d octets, at most 63 are possible", label, len(label))
	}
	if i := strings.IndexFunc(label, func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune(`"();@\`, r) }); i >= 0 {
		return fmt.Errorf("label %q holds %q, which no mail record name needs", label, label[i])
	}
	return nil
}

// Name is ParseName for names that are known to be good or whose faults are
// reported elsewhere: what cannot be parsed is lower-cased and made absolute.
func Name(s string) string {
	if name, err := ParseName(s); err == nil {
		return name
	}
	return strings.TrimSuffix(strings.ToLower(strings.TrimSpace(s)), ".") + "."
}

// Under reports whether name is zone or lies beneath it, label by label:
// "notexample.com." is not under "example.com.".
func Under(name, zone string) bool {
	name, zone = Name(name), Name(zone)
	return name == zone || zone == "." || strings.HasSuffix(name, "."+zone)
}

// Relative returns name as zone files and provider interfaces spell it inside
// zone: "@" for the zone itself. Names outside come back absolute.
func Relative(name, zone string) string {
	name, zone = Name(name), Name(zone)
	switch {
	case name == zone:
		return "@"
	case Under(name, zone) && zone != ".":
		return strings.TrimSuffix(name, "."+zone)
	}
	return name
}

// Parent returns the name one label up; the root is its own parent.
func Parent(name string) string {
	_, up, found := strings.Cut(Name(name), ".")
	if !found || up == "" {
		return "."
	}
	return up
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
