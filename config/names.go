package config

import (
	"fmt"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

var hostLabel = regexp.MustCompile(`^[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?$`)

// hostProfile maps names as a resolver would (RFC 5891 §5, with the mapping of
// UTS 46), and leaves length and letters to hostName.
var hostProfile = idna.New(idna.MapForLookup(), idna.Transitional(false), idna.StrictDomainName(false))

// hostName returns a name in A-label form, lower case, without a final dot.
func hostName(s string) (string, error) {
	name := strings.TrimSuffix(s, ".")
	ascii, err := hostProfile.ToASCII(name)
	if err != nil {
		return "", fmt.Errorf("%q is not a host name: %w", s, err)
	}
	ascii = strings.ToLower(ascii)
	if ascii == "" || len(ascii) > 253 {
		return "", fmt.Errorf("%q is not a host name", s)
	}
	for label := range strings.SplitSeq(ascii, ".") {
		if len(label) > 63 || !hostLabel.MatchString(label) {
			return "", fmt.Errorf("%q is not a host name: the part %q is not valid", s, label)
		}
	}
	return ascii, nil
}

// domainName is hostName with at least one dot.
func domainName(s string) (string, error) {
	name, err := hostName(s)
	if err == nil && !strings.Contains(name, ".") {
		return "", fmt.Errorf("%q is not a full domain name; write \"example.ch\"", s)
	}
	return name, err
}

// serverName is a host name or an IP address.
func serverName(s string) (string, error) {
	if addr, err := netip.ParseAddr(strings.Trim(s, "[]")); err == nil {
		return addr.String(), nil
	}
	return hostName(s)
}

// hostPort checks "host:port" and normalises the host.
func hostPort(s string) (string, error) {
	i := strings.LastIndexByte(s, ':')
	if i < 0 {
		return "", fmt.Errorf("%q has no port; write \"mx.example.ch:25\"", s)
	}
	host, err := serverName(s[:i])
	if err != nil {
		return "", err
	}
	port, err := strconv.Atoi(s[i+1:])
	if err != nil || port < 1 || port > 65535 {
		return "", fmt.Errorf("%q has no valid port (1 to 65535)", s)
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return host + ":" + strconv.Itoa(port), nil
}

// emailAddress returns an address with its domain in A-label form. The local
// part is kept as written (RFC 5321 §2.4); it compares without regard to case.
// "*" stands for every local part where catchAll allows it.
func emailAddress(s string, catchAll bool) (string, error) {
	i := strings.LastIndexByte(s, '@')
	if i < 1 {
		return "", fmt.Errorf("%q is not an e-mail address", s)
	}
	local := s[:i]
	if local == "*" && !catchAll {
		return "", fmt.Errorf("%q is a catch-all; only the address of an alias can be one", s)
	}
	// RFC 5321 §4.5.3.1.1: a local part has at most 64 octets.
	if len(local) > 64 || !utf8.ValidString(local) || strings.ContainsFunc(local, notInLocalPart) {
		return "", fmt.Errorf("%q is not an e-mail address: %q cannot stand before the @", s, local)
	}
	domain, err := domainName(s[i+1:])
	if err != nil {
		return "", fmt.Errorf("%q is not an e-mail address: %w", s, err)
	}
	return local + "@" + domain, nil
}

func notInLocalPart(r rune) bool {
	return unicode.IsSpace(r) || unicode.IsControl(r) || strings.ContainsRune(`"(),:;<>@[\]`, r)
}

// foldEmail is the form in which addresses compare.
func foldEmail(s string) string { return strings.ToLower(s) }

func domainOf(email string) string { return email[strings.LastIndexByte(email, '@')+1:] }

// mxValue normalises "10 mx.example.ch." (RFC 1035 §3.3.9).
func mxValue(s string) (string, error) {
	fields := strings.Fields(s)
	if len(fields) != 2 {
		return "", fmt.Errorf("%q is not an MX value; write preference and host: \"10 mx.example.ch.\"", s)
	}
	pref, err := strconv.ParseUint(fields[0], 10, 16)
	if err != nil {
		return "", fmt.Errorf("%q has no preference between 0 and 65535; write \"10 mx.example.ch.\"", s)
	}
	if fields[1] == "." {
		return "", fmt.Errorf("%q says that the domain takes no mail at all (RFC 7505)", s)
	}
	if _, err := netip.ParseAddr(fields[1]); err == nil {
		return "", fmt.Errorf("%q: an MX names a host, never an IP address (RFC 5321 §5.1)", s)
	}
	host, err := domainName(fields[1])
	if err != nil {
		return "", err
	}
	return strconv.FormatUint(pref, 10) + " " + host + ".", nil
}

// recordName makes an owner name absolute: "www", "@" or a full name with a
// final dot, inside a domain.
func recordName(name, domain string) (string, error) {
	full := strings.ToLower(name)
	switch {
	case full == "" || full == "@":
		return domain + ".", nil
	case !strings.HasSuffix(full, "."):
		full += "." + domain
	}
	wild := strings.HasPrefix(full, "*.")
	host, err := hostName(strings.TrimPrefix(full, "*."))
	if err != nil {
		return "", err
	}
	if !within(host, domain) {
		return "", fmt.Errorf("%q is not inside %s", name, domain)
	}
	if wild {
		host = "*." + host
	}
	return host + ".", nil
}

// within reports whether a name is a domain or below it; both normalised.
func within(name, domain string) bool {
	return name == domain || strings.HasSuffix(name, "."+domain)
}
