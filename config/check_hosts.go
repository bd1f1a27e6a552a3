package config

import (
	"net/netip"

	"bascule/migration"
)

// checkHosts wants the address of a source whose name is inside a domain that
// moves: after the cutover the name may point at the target, and the old side
// would look empty and silent.
func (ev *evaluator) checkHosts() {
	for _, s := range ev.out.Sources {
		if s.Endpoint.Host == "" || s.Endpoint.Pinned != "" {
			continue
		}
		for _, d := range ev.out.Domains {
			if within(s.Endpoint.Host, d.Name) {
				ev.f.errorAt(ev.where(s.Address, "host"), s.Address, "Source inside a domain that moves",
					"%s is a name of %s and may come to point at the new service. Write address = \"…\" with the IP address it has today (host %s shows it), or the provider's own name of the server.",
					s.Endpoint.Host, d.Name, s.Endpoint.Host)
				break
			}
		}
	}
	for _, s := range append(append([]migration.Server(nil), ev.out.Sources...), ev.out.Targets...) {
		if s.Endpoint.AllowPlaintext && !isLoopback(s.Endpoint) {
			ev.f.warnAt(ev.where(s.Address, "allow_plaintext"), s.Address, "Connection without TLS allowed",
				"Passwords and mail of %s may cross the network in clear. Every plan says so.", s.Address)
		}
	}
}

func isLoopback(e migration.Endpoint) bool {
	for _, host := range []string{e.Pinned, e.Host} {
		if addr, err := netip.ParseAddr(host); err == nil {
			return addr.IsLoopback()
		}
	}
	return e.Host == "localhost"
}
