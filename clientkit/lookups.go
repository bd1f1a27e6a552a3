package clientkit

import (
	"fmt"
	"strings"

	"bascule/migration"
)

// Lookup is a record mail programs ask for by themselves.
type Lookup struct {
	// Name is fully qualified with a final dot.
	Name string
	Type string
	// Want is the value in presentation form.
	Want string
	// Why says who asks.
	Why string
}

// Lookups returns what must be published for a domain so that mail programs
// find the new servers: SRV of RFC 6186 §3 and RFC 8314 §5.1. The kind of TLS
// that is not offered is denied by the target "." (RFC 6186 §3.4), so that no
// program falls back to records of the old service; so is POP3, with which
// mail would leave the server. A service without TLS is never published.
func Lookups(domain string, imap, submission migration.Service) []Lookup {
	domain = strings.TrimSuffix(strings.ToLower(domain), ".") + "."
	var out []Lookup
	add := func(service, want, why string) {
		out = append(out, Lookup{Name: "_" + service + "._tcp." + domain, Type: "SRV", Want: want, Why: why})
	}
	for _, kind := range []struct {
		s                  migration.Service
		implicit, starttls string
		what               string
	}{
		{imap, "imaps", "imap", "reading"},
		{submission, "submissions", "submission", "sending"},
	} {
		if kind.s.Host == "" || kind.s.TLS == migration.NoTLS {
			continue
		}
		offered, denied := kind.implicit, kind.starttls
		if kind.s.TLS == migration.StartTLS {
			offered, denied = denied, offered
		}
		host := strings.TrimSuffix(strings.ToLower(kind.s.Host), ".") + "."
		add(offered, fmt.Sprintf("0 1 %d %s", kind.s.Port, host), "mail programs, for "+kind.what+" (RFC 6186, RFC 8314)")
		add(denied, "0 0 0 .", "mail programs: not offered (RFC 6186 §3.4)")
	}
	if imap.Host != "" {
		add("pop3", "0 0 0 .", "mail programs: not offered (RFC 6186 §3.4)")
		add("pop3s", "0 0 0 .", "mail programs: not offered (RFC 6186 §3.4)")
	}
	return out
}

// ConfigHosts are the names under which mail programs look for a configuration
// file: Thunderbird's and Outlook's. As long as one of them leads to the old
// service, programs are configured for it.
func ConfigHosts(domain string) []string {
	domain = strings.TrimSuffix(strings.ToLower(domain), ".") + "."
	return []string{"autoconfig." + domain, "autodiscover." + domain, "_autodiscover._tcp." + domain}
}
