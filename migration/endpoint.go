package migration

import (
	"fmt"
	"net/netip"
	"strconv"
)

// TLSMode says how a connection is protected.
type TLSMode string

// Modes. Implicit and StartTLS verify the certificate; there is no mode that
// encrypts without verifying.
const (
	Implicit TLSMode = "implicit"
	StartTLS TLSMode = "starttls"
	// NoTLS encrypts nothing. It is said of a service that is used so, because
	// the configuration permits it; it cannot be chosen.
	NoTLS TLSMode = "none"
)

// Endpoint is how to reach a mail server.
type Endpoint struct {
	Host string  `json:"host"`
	Port int     `json:"port"`
	TLS  TLSMode `json:"tls"`
	// AllowPlaintext permits a server without TLS; every plan shows it in red.
	AllowPlaintext bool `json:"allow_plaintext,omitempty"`
	// CAFile holds further trusted certificates (PEM).
	CAFile string `json:"ca_file,omitempty"`
	// Pinned is the IP address to dial instead of resolving Host; the
	// certificate is still checked against Host.
	Pinned string `json:"address,omitempty"`
}

// String returns "host:port".
func (e Endpoint) String() string {
	if e.Host == "" && e.Port == 0 {
		return "directory" // mail in files has no host
	}
	if addr, err := netip.ParseAddr(e.Host); err == nil && addr.Is6() {
		return fmt.Sprintf("[%s]:%d", e.Host, e.Port)
	}
	return e.Host + ":" + strconv.Itoa(e.Port)
}
