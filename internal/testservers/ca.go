package testservers

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"bascule/internal/clock"
)

// CA is a certificate authority that exists for one test. Servers started with
// the same CA can all be verified with its pool.
type CA struct {
	// File is the authority's certificate in PEM, readable by every user.
	File string

	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  []byte
}

// Certificate says what a server certificate claims. The zero value is valid
// for localhost and 127.0.0.1, today.
type Certificate struct {
	// Names are the host names and IP addresses it is valid for; naming
	// others makes the certificate of a wrong server.
	Names []string
	// Expired makes a certificate that ended an hour ago.
	Expired bool
}

// NewCA makes an authority whose file lives as long as the test.
func NewCA(t testing.TB) *CA {
	t.Helper()
	ca, err := makeCA(filepath.Join(t.TempDir(), "ca.pem"))
	if err != nil {
		t.Fatalf("make test CA: %v", err)
	}
	return ca
}

func makeCA(file string) (*CA, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := baseCertificate("bascule test authority")
	template.IsCA, template.BasicConstraintsValid = true, true
	template.KeyUsage = x509.KeyUsageCertSign
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return &CA{File: file, cert: cert, key: key, pem: text}, os.WriteFile(file, text, 0o644)
}

func baseCertificate(name string) *x509.Certificate {
	now := clock.Real{}.Now()
	return &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()),
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    now.Add(-24 * time.Hour),
		NotAfter:     now.Add(7 * 24 * time.Hour),
	}
}

// Pool returns a pool holding this authority and no other.
func (c *CA) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(c.cert)
	return pool
}

// ClientTLS returns a client configuration that trusts only this authority and
// expects a certificate for name.
func (c *CA) ClientTLS(name string) *tls.Config {
	return &tls.Config{RootCAs: c.Pool(), ServerName: name, MinVersion: tls.VersionTLS12}
}

// ServerTLS returns a server configuration with a certificate of this authority.
func (c *CA) ServerTLS(want Certificate) (*tls.Config, error) {
	certPEM, keyPEM, err := c.issue(want)
	if err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		return nil, err
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}, nil
}

// issue returns a certificate and its key, both in PEM.
func (c *CA) issue(want Certificate) (certPEM, keyPEM []byte, err error) {
	names := want.Names
	if len(names) == 0 {
		names = []string{"localhost", "127.0.0.1"}
	}
	template := baseCertificate(names[0])
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	if want.Expired {
		template.NotAfter = clock.Real{}.Now().Add(-time.Hour)
	}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
			continue
		}
		template.DNSNames = append(template.DNSNames, name)
	}
	return c.sign(template)
}

func (c *CA) sign(template *x509.Certificate) (certPEM, keyPEM []byte, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	der, err := x509.CreateCertificate(rand.Reader, template, c.cert, key.Public(), c.key)
	if err != nil {
		return nil, nil, fmt.Errorf("sign certificate: %w", err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, nil, err
	}
	certPEM = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	keyPEM = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})
	return certPEM, keyPEM, nil
}

// issueFiles writes server.crt and server.key into the server's directory and
// returns their paths.
func (c *CA) issueFiles(u user, dir string, want Certificate) (cert, key string, err error) {
	certPEM, keyPEM, err := c.issue(want)
	if err != nil {
		return "", "", err
	}
	cert, key = filepath.Join(dir, "server.crt"), filepath.Join(dir, "server.key")
	if err := u.write(cert, string(certPEM)); err != nil {
		return "", "", err
	}
	return cert, key, u.write(key, string(keyPEM))
}

// orNew returns ca, or an authority made for t when there is none.
func (c *CA) orNew(t testing.TB) *CA {
	t.Helper()
	if c != nil {
		return c
	}
	return NewCA(t)
}
