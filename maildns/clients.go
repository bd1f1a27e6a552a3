package maildns

import "fmt"

// Service is where mail programs connect to.
type Service struct {
	Host string
	Port uint16
	// Implicit is TLS from the first octet; otherwise STARTTLS.
	Implicit bool
}

// ClientServices is what a domain offers to mail programs.
type ClientServices struct {
	IMAP, Submission Service
	// Autoconfig and Autodiscover are hosts that serve the configuration
	// files; empty where there is none.
	Autoconfig, Autodiscover string
}

// ClientRecords returns what mail programs look up for a domain: SRV of RFC
// 6186 and RFC 8314 §5.1, and the names that Thunderbird and Outlook try. The
// kind of TLS that is not offered is denied with the target "." (RFC 6186
// §3.4), so that no program falls back to the records of the service before.
func ClientRecords(domain string, s ClientServices, ttl uint32) []RRset {
	var out []RRset
	out = append(out, servicePair(domain, ttl, s.IMAP, "_imaps._tcp", "_imap._tcp")...)
	out = append(out, servicePair(domain, ttl, s.Submission, "_submissions._tcp", "_submission._tcp")...)
	if s.Autoconfig != "" {
		out = append(out, single("autoconfig."+domain, "CNAME", ttl, Name(s.Autoconfig)))
	}
	if s.Autodiscover != "" {
		out = append(out,
			single("autodiscover."+domain, "CNAME", ttl, Name(s.Autodiscover)),
			single("_autodiscover._tcp."+domain, "SRV", ttl, SRV{0, 0, 443, Name(s.Autodiscover)}.String()))
	}
	return out
}

func servicePair(domain string, ttl uint32, s Service, implicit, starttls string) []RRset {
	if s.Host == "" {
		return nil
	}
	offered, denied := starttls, implicit
	if s.Implicit {
		offered, denied = implicit, starttls
	}
	return []RRset{
		single(offered+"."+domain, "SRV", ttl, SRV{0, 1, s.Port, Name(s.Host)}.String()),
		single(denied+"."+domain, "SRV", ttl, SRV{0, 0, 0, "."}.String()),
	}
}

func single(name, typ string, ttl uint32, value string) RRset {
	return RRset{Name: name, Type: typ, TTL: ttl, Values: []string{value}}.Canonical()
}

// CheckCNAME returns why a set cannot be written because of a CNAME, in either
// direction (RFC 1034 §3.6.2). present are the other sets at the name.
func CheckCNAME(want RRset, present []RRset) error {
	for _, p := range present {
		if p.IsEmpty() || Name(p.Name) != Name(want.Name) || p.Type == want.Type || want.IsEmpty() {
			continue
		}
		if p.Type == "CNAME" || want.Type == "CNAME" {
			return fmt.Errorf("%s: a CNAME stands alone at its name (RFC 1034 §3.6.2): %s is there (%s); remove it first or write at its target",
				want.Key(), p.Type, p.Values[0])
		}
	}
	return nil
}
