package testservers

import (
	"fmt"
	"path/filepath"
	"strings"

	"golang.org/x/crypto/bcrypt"
)

// writeConfig writes mox.conf, domains.conf and the admin password. The
// format, sconf, is indented with tabs and quotes nothing.
func (m *Mox) writeConfig(cert, key string) error {
	hash, err := bcrypt.GenerateFromPassword([]byte(MoxAdminPassword), bcrypt.MinCost)
	if err != nil {
		return err
	}
	dir := filepath.Dir(m.Config)
	if err := m.user.write(filepath.Join(dir, "adminpasswd"), string(hash)); err != nil {
		return err
	}
	if err := m.user.write(filepath.Join(dir, "domains.conf"), m.domains()); err != nil {
		return err
	}
	return m.user.write(m.Config, m.config(cert, key))
}

func (m *Mox) config(cert, key string) string {
	return fmt.Sprintf(`DataDir: ../data
LogLevel: info
User: %d
NoFixPermissions: true
Hostname: %s
AdminPasswordFile: adminpasswd
NoOutgoingDMARCReports: true
NoOutgoingTLSReports: true
Listeners:
	tests:
		IPs:
			- 127.0.0.1
		TLS:
			KeyCerts:
				-
					CertFile: %s
					KeyFile: %s
%sPostmaster:
	Account: postmaster
	Mailbox: Inbox
`, m.user.uid, m.opts.Hostname, cert, key, m.services())
}

// services lists what the one listener offers. The delay for first-time
// senders (15 s by default) is taken out: every sender of a test is one.
func (m *Mox) services() string {
	var b strings.Builder
	service := func(name, addr string, more ...string) {
		fmt.Fprintf(&b, "\t\t%s:\n\t\t\tEnabled: true\n\t\t\tPort: %s\n", name, Port(addr))
		for _, line := range more {
			fmt.Fprintf(&b, "\t\t\t%s\n", line)
		}
	}
	addrs := m.addresses()
	service("SMTP", addrs[0], "FirstTimeSenderDelay: 0s")
	service("Submission", addrs[1])
	service("Submissions", addrs[2])
	service("IMAP", addrs[3])
	service("IMAPS", addrs[4])
	service("AdminHTTP", addrs[5], "Path: /admin/")
	service("WebAPIHTTP", addrs[5], "Path: /webapi/")
	service("AdminHTTPS", addrs[6], "Path: /admin/")
	return b.String()
}

// domains is the part of the configuration the admin API rewrites. There must
// be a domain at least; the host's own name is one nobody migrates.
func (m *Mox) domains() string {
	return fmt.Sprintf("Domains:\n\t%[1]s: nil\nAccounts:\n\tpostmaster:\n\t\tDomain: %[1]s\n", m.opts.Hostname)
}
