package imapstore

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"strings"

	"bascule/internal/retry"
	"bascule/mailsync"
)

// dial connects, and protects the connection where TLS comes first.
func (s *session) dial(ctx context.Context) (net.Conn, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, s.lim.Patience, fmt.Errorf("connecting took longer than %s", s.lim.Patience))
	defer cancel()
	dial := s.cfg.Dial
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	nc, err := dial(ctx, "tcp", s.cfg.address())
	if err != nil {
		return nil, retry.Temporary(fmt.Errorf("connect: %w", cause(ctx, err)))
	}
	s.id.Endpoint, s.id.Address = s.cfg.endpoint(), nc.RemoteAddr().String()
	if s.cfg.TLS != Implicit {
		return nc, nil
	}
	return s.secure(ctx, nc)
}

// secure does the TLS handshake and closes nc when it fails.
func (s *session) secure(ctx context.Context, nc net.Conn) (net.Conn, error) {
	tc := tls.Client(nc, s.tlsConfig())
	if err := tc.HandshakeContext(ctx); err != nil {
		_ = nc.Close()
		return nil, s.explain(cause(ctx, err))
	}
	return tc, nil
}

func (s *session) tlsConfig() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		RootCAs:    s.cfg.CAs,
		ServerName: s.cfg.serverName(),
		// Called after the chain and the name were verified, before anything is sent.
		VerifyConnection: s.checkKey,
	}
}

// checkKey notes the public key and compares it with the one recorded.
func (s *session) checkKey(cs tls.ConnectionState) error {
	sum := sha256.Sum256(cs.PeerCertificates[0].RawSubjectPublicKeyInfo)
	s.id.KeySHA256 = hex.EncodeToString(sum[:])
	want := s.cfg.ExpectIdentity
	if want == nil || want.KeySHA256 == "" || strings.EqualFold(want.KeySHA256, s.id.KeySHA256) {
		return nil
	}
	return fmt.Errorf("%w: its key is %s, recorded was %s", mailsync.ErrIdentity, s.id.KeySHA256, want.KeySHA256)
}

// explain says what is wrong with a certificate and what to do next. Errors of
// certificates are permanent, those of the network temporary.
func (s *session) explain(err error) error {
	var name x509.HostnameError
	var unknown x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	var record tls.RecordHeaderError
	var alert tls.AlertError
	switch {
	case errors.Is(err, mailsync.ErrIdentity):
		return fmt.Errorf("%w; if the server was renewed on purpose, record its identity again", err)
	case errors.As(err, &name):
		return fmt.Errorf("TLS: the certificate is for %s, not for %s; use one of these as host, or pin the address: %w",
			strings.Join(names(name.Certificate), ", "), s.cfg.serverName(), err)
	case errors.As(err, &unknown):
		return fmt.Errorf("TLS: the certificate of %s was issued by %q, which is not trusted here; give its certificate as ca_file if it should be: %w",
			s.cfg.serverName(), issuer(unknown.Cert), err)
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return fmt.Errorf("TLS: the certificate of %s is valid from %s to %s only; its owner must renew it: %w", s.cfg.serverName(),
			invalid.Cert.NotBefore.Format("2006-01-02"), invalid.Cert.NotAfter.Format("2006-01-02"), err)
	case errors.As(err, &invalid):
		return fmt.Errorf("TLS: %w", err)
	case errors.As(err, &record):
		return fmt.Errorf("TLS: %s does not speak TLS on this port; use tls = \"starttls\" if it is the plain IMAP port: %w", s.cfg.endpoint(), err)
	case errors.As(err, &alert):
		return fmt.Errorf("TLS: %s refused the handshake (TLS 1.2 or newer is required): %w", s.cfg.endpoint(), err)
	}
	return retry.Temporary(fmt.Errorf("TLS handshake: %w", err))
}

func names(c *x509.Certificate) []string {
	all := append([]string(nil), c.DNSNames...)
	for _, ip := range c.IPAddresses {
		all = append(all, ip.String())
	}
	if len(all) == 0 {
		return []string{"no name at all"}
	}
	if len(all) > 10 {
		all = append(all[:10], fmt.Sprintf("%d more", len(all)-10))
	}
	return all
}

func issuer(c *x509.Certificate) string {
	if c == nil {
		return "nobody"
	}
	return c.Issuer.String()
}

// cause prefers why the context ended over what that did to the socket.
func cause(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}
