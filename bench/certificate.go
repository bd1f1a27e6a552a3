package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	"bascule/internal/clock"
)

// papers are files: an authority that every program is told to trust, and the
// certificate it gave to this machine. The zero value is no TLS.
type papers struct{ authority, certificate, key string }

// certify makes them. A certificate signed by itself would not do: programs
// of the trade take those for no authority.
func certify(dir string) (papers, error) {
	p := papers{filepath.Join(dir, "authority.pem"), filepath.Join(dir, "certificate.pem"), filepath.Join(dir, "key.pem")}
	issuer, issuerKey, err := issue(template("bench"), nil, nil)
	if err != nil {
		return papers{}, err
	}
	leaf := template("localhost")
	leaf.DNSNames, leaf.IPAddresses = []string{"localhost"}, []net.IP{net.IPv4(127, 0, 0, 1)}
	leaf.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	server, serverKey, err := issue(leaf, issuer, issuerKey)
	if err != nil {
		return papers{}, err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(serverKey)
	if err != nil {
		return papers{}, err
	}
	return p, errors.Join(writePEM(p.authority, "CERTIFICATE", issuer.Raw, 0o644), writePEM(p.certificate, "CERTIFICATE", server.Raw, 0o644),
		writePEM(p.key, "PRIVATE KEY", secret, 0o600))
}

func template(name string) *x509.Certificate {
	now := clock.Real{}.Now()
	return &x509.Certificate{SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(48 * time.Hour), KeyUsage: x509.KeyUsageDigitalSignature}
}

// issue signs a certificate; without an issuer it becomes an authority.
func issue(c, issuer *x509.Certificate, issuerKey *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	if issuer == nil {
		c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, x509.KeyUsageCertSign
		issuer, issuerKey = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, issuer, key.Public(), issuerKey)
	if err != nil {
		return nil, nil, err
	}
	made, err := x509.ParseCertificate(der)
	return made, key, err
}

func writePEM(path, kind string, der []byte, mode os.FileMode) error {
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), mode)
}

// trusted reads the authorities a program is told to trust; none means that
// it speaks in the clear.
func trusted(path string) (*x509.CertPool, error) {
	if path == "" {
		return nil, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s holds no certificate", path)
	}
	return pool, nil
}
