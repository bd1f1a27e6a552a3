package imapstore

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	"bascule/internal/secret"
	"bascule/mailsync"
	"bascule/mailsync/wire"
)

// TLSMode says how a connection is protected.
type TLSMode string

// Implicit is TLS from the first octet (RFC 8314), StartTLS requires the
// upgrade, None sends everything in the clear and needs AllowPlaintext.
const (
	Implicit TLSMode = "implicit"
	StartTLS TLSMode = "starttls"
	None     TLSMode = "none"
)

// AuthMech is how a login is made.
type AuthMech string

// Auto takes PLAIN where the server offers it in one step, else LOGIN.
const (
	Auto  AuthMech = ""
	Plain AuthMech = "plain"
	Login AuthMech = "login"
)

// Config is one mailbox on one server.
type Config struct {
	Host string
	Port int
	TLS  TLSMode
	// AllowPlaintext must be set for None.
	AllowPlaintext bool
	// CAs verifies the server's certificate; nil is the system's.
	CAs *x509.CertPool
	// ServerName is checked in the certificate; empty is Host.
	ServerName string
	// PinnedAddress is the IP address to dial instead of resolving Host.
	PinnedAddress string

	Login    string
	Password secret.Value
	AuthMech AuthMech
	// Authzid is the mailbox to act for, where Login is an administrator
	// (SASL PLAIN, RFC 4616); empty is Login itself.
	Authzid string

	// Dial opens the connection; nil is a net.Dialer.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	// ExpectIdentity is what was recorded of the server. A non-empty KeySHA256
	// is compared before any credential leaves; a difference is mailsync.ErrIdentity.
	ExpectIdentity *mailsync.Identity
	Limits         wire.Limits
	// Heard is told when the server says that it is under strain, whoever the
	// reply was for; loggedIn is false before the login. nil = nobody listens.
	Heard func(busy *mailsync.BusyError, loggedIn bool)
	// Trace sees the dialogue, credentials and message octets left out.
	Trace func(d wire.Direction, line string)
}

func (c Config) endpoint() string { return net.JoinHostPort(c.Host, strconv.Itoa(c.Port)) }

func (c Config) address() string {
	if c.PinnedAddress != "" {
		return net.JoinHostPort(c.PinnedAddress, strconv.Itoa(c.Port))
	}
	return c.endpoint()
}

func (c Config) serverName() string {
	if c.ServerName != "" {
		return c.ServerName
	}
	return c.Host
}

// who names the mailbox in errors.
func (c Config) who() string {
	if c.Authzid != "" {
		return c.Authzid + " (by " + c.Login + ") on " + c.endpoint()
	}
	return c.Login + " on " + c.endpoint()
}

// trace cuts the password out of what a server may repeat.
func (c Config) trace() func(wire.Direction, string) {
	if c.Trace == nil {
		return nil
	}
	return func(d wire.Direction, line string) { c.Trace(d, c.scrub(line)) }
}

func (c Config) scrub(text string) string {
	if p := c.Password.Reveal(); p != "" {
		return strings.ReplaceAll(text, p, "(secret)")
	}
	return text
}

func (c Config) validate() error {
	switch {
	case c.Host == "" || c.Port <= 0 || c.Port > 65535:
		return fmt.Errorf("no server %q", c.endpoint())
	case c.TLS == None && !c.AllowPlaintext:
		return errors.New("a connection without TLS sends the password in the clear; say allow_plaintext = true if that is meant")
	case c.TLS != None && c.TLS != Implicit && c.TLS != StartTLS:
		return fmt.Errorf("unknown TLS mode %q; use implicit or starttls", c.TLS)
	case c.AuthMech != Auto && c.AuthMech != Plain && c.AuthMech != Login:
		return fmt.Errorf("unknown way to log in %q; use plain or login", c.AuthMech)
	case c.Authzid != "" && c.AuthMech == Login:
		return errors.New("acting for another mailbox needs the plain mechanism")
	}
	return nil
}
