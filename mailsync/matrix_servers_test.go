package mailsync_test

import (
	"net"
	"strconv"
	"testing"

	"bascule/internal/imapmem"
	"bascule/internal/secret"
	"bascule/internal/testservers"
	"bascule/mailsync/imapstore"
)

// serverKind is a server of the matrix.
type serverKind struct {
	name string
	// delim stands between the components of its folder names.
	delim string
	start func(t *testing.T, users []string) func(user string) account
}

// account is a mailbox, for the judge and for the engine.
type account struct {
	access
	store imapstore.Config
}

const matrixPassword = "password-of-a-test"

// The servers of the matrix. Between them they store messages as files and in
// containers, with the line ends they came with and without, or not at all.
func serverKinds() []serverKind {
	return []serverKind{
		dovecotKind("Dovecot mdbox CRLF", "/", testservers.DovecotOptions{Format: testservers.MDBox, SaveCRLF: true}),
		dovecotKind("Dovecot mdbox LF", "/", testservers.DovecotOptions{Format: testservers.MDBox}),
		dovecotKind("Dovecot Maildir CRLF", ".", testservers.DovecotOptions{Format: testservers.Maildir, SaveCRLF: true}),
		dovecotKind("Dovecot Maildir LF", "/", testservers.DovecotOptions{Format: testservers.Maildir}),
		{"Cyrus", "/", startCyrus},
		{"mox", "/", startMox},
		{"memory", "/", startMemory},
	}
}

func dovecotKind(name, delim string, opt testservers.DovecotOptions) serverKind {
	return serverKind{name, delim, func(t *testing.T, users []string) func(string) account {
		opt.Separator = delim
		for _, u := range users {
			opt.Users = append(opt.Users, testservers.User{Name: u, Password: matrixPassword})
		}
		d := testservers.StartDovecot(t, opt)
		return func(user string) account { return overTLS(t, d.IMAPSAddr, d.Host, d.CA, user) }
	}}
}

func startCyrus(t *testing.T, _ []string) func(string) account {
	c := testservers.StartCyrus(t, testservers.CyrusOptions{})
	return func(user string) account { return overTLS(t, c.IMAPSAddr, c.Host, c.CA, user) }
}

func startMox(t *testing.T, users []string) func(string) account {
	m := testservers.StartMox(t, testservers.MoxOptions{Hostname: "mx.new.example"})
	for _, u := range users {
		m.AddAccount(u, u+"@mx.new.example", matrixPassword)
	}
	return func(user string) account { return overTLS(t, m.IMAPSAddr, m.Host, m.CA, user+"@mx.new.example") }
}

func startMemory(t *testing.T, users []string) func(string) account {
	passwords := map[string]string{}
	for _, u := range users {
		passwords[u] = matrixPassword
	}
	srv, err := imapmem.Start(imapmem.Options{Users: passwords})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = srv.Close() })
	return func(user string) account {
		host, port := endpoint(t, srv.Addr())
		return account{access{addr: srv.Addr(), user: user, password: matrixPassword},
			imapstore.Config{Host: host, Port: port, TLS: imapstore.None, AllowPlaintext: true, Login: user, Password: secret.New(matrixPassword)}}
	}
}

func endpoint(t *testing.T, addr string) (host string, port int) {
	t.Helper()
	host, text, err := net.SplitHostPort(addr)
	if err == nil {
		port, err = strconv.Atoi(text)
	}
	if err != nil {
		t.Fatal(err)
	}
	return host, port
}

func overTLS(t *testing.T, addr, host string, ca *testservers.CA, user string) account {
	t.Helper()
	_, port := endpoint(t, addr)
	return account{access{addr: addr, tls: ca.ClientTLS(host), user: user, password: matrixPassword},
		imapstore.Config{Host: host, Port: port, TLS: imapstore.Implicit, CAs: ca.Pool(), Login: user, Password: secret.New(matrixPassword)}}
}
