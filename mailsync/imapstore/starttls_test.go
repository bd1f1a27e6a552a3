package imapstore

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net/http/httptest"
	"strings"
	"testing"

	"bascule/internal/imapmem"
	"bascule/internal/retry"
	"bascule/mailsync"
)

func TestNoPasswordLeavesWhereTLSCanBePrevented(t *testing.T) {
	tests := []struct {
		name, says string
		serve      func(p *peer)
	}{
		{"STARTTLS is not offered", "offers no STARTTLS", func(p *peer) {
			p.send("* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] hi")
		}},
		{"somebody is logged in already", "logged in already", func(p *peer) {
			p.send("* PREAUTH [CAPABILITY IMAP4rev1] welcome")
		}},
		{"STARTTLS is refused", "NO not today", func(p *peer) {
			p.send("* OK [CAPABILITY IMAP4rev1 STARTTLS] hi")
			tag, _, _ := p.command()
			p.send(tag + " NO not today")
		}},
		{"text is injected behind the reply", "this may be an attack", func(p *peer) {
			p.send("* OK [CAPABILITY IMAP4rev1 STARTTLS] hi")
			tag, _, _ := p.command()
			p.raw(tag + " OK go\r\n* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\nT1 OK in\r\n")
		}},
		{"the upgrade is not TLS", "TLS", func(p *peer) {
			p.send("* OK hi")
			tag, _, _ := p.command()
			p.send("* CAPABILITY IMAP4rev1 STARTTLS", tag+" OK")
			tag, _, _ = p.command()
			p.send(tag + " OK go")
			_, _ = io.ReadFull(p.in, make([]byte, 10))
			p.send("* OK welcome", "b3 OK in")
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cfg, p := serving(t, func(p *peer) {
				tt.serve(p)
				_, _ = io.Copy(io.Discard, p.in)
			})
			cfg.TLS = StartTLS
			_, err := OpenSource(t.Context(), cfg)
			if err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Fatal(err)
			}
			if sent := p.transcript(); strings.Contains(sent, "LOGIN") || strings.Contains(sent, "AUTH") || strings.Contains(sent, scriptPassword) {
				t.Fatal(sent)
			}
		})
	}
}

// What a server says before TLS may come from anybody.
func TestCapabilitiesFromBeforeTLSAreForgotten(t *testing.T) {
	certified := httptest.NewTLSServer(nil)
	t.Cleanup(certified.Close)
	roots := x509.NewCertPool()
	roots.AddCert(certified.Certificate())
	srv, err := imapmem.Start(imapmem.Options{
		Users:    map[string]string{"alice": scriptPassword},
		StartTLS: &tls.Config{Certificates: certified.TLS.Certificates},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = srv.Close() })
	cfg := at(t, srv.Addr(), "alice", scriptPassword)
	cfg.TLS, cfg.CAs, cfg.ServerName = StartTLS, roots, "example.com"
	s := source(t, cfg)
	if s.Capable("STARTTLS") || len(s.Identity().KeySHA256) != 64 {
		t.Fatalf("%v %+v", s.s.caps, s.Identity())
	}
	if n := s.Meter().Commands["CAPABILITY"]; n != 1 {
		t.Fatalf("asked %d times", n)
	}
}

func TestLoginIsNotSentWhereItIsDisabled(t *testing.T) {
	for caps, says := range map[string]string{
		"LOGINDISABLED":                            "it offers nothing",
		"LOGINDISABLED AUTH=GSSAPI AUTH=XOAUTH2":   "it offers GSSAPI, XOAUTH2",
		"LOGINDISABLED AUTH=CRAM-MD5 LOGIN-REFUSE": "it offers CRAM-MD5",
	} {
		cfg, p := serving(t, func(p *peer) {
			p.send("* OK [CAPABILITY IMAP4rev1 " + caps + "] hi")
			_, _ = io.Copy(io.Discard, p.in)
		})
		_, err := OpenSource(t.Context(), cfg)
		if err == nil || !strings.Contains(err.Error(), says) || p.transcript() != "" {
			t.Fatal(err, p.transcript())
		}
	}
}

func TestWhatARefusedLoginMeans(t *testing.T) {
	tests := []struct {
		reply           string
		auth, temporary bool
	}{
		{"NO [AUTHENTICATIONFAILED] Invalid credentials", true, false},
		{"NO Login failed.", true, false},
		{"NO [REFERRAL imap://attacker.example/] go there", true, false},
		{"BAD what", true, false},
		{"NO [UNAVAILABLE] Temporary authentication failure.", false, true},
		{"NO [INUSE] locked", false, true},
		{"NO [LIMIT] too many", false, true},
		{"NO Maximum number of connections from user+IP exceeded", false, true},
		{"NO Request is throttled. Suggested Backoff Time: 92415 milliseconds", false, true},
	}
	for _, tt := range tests {
		t.Run(tt.reply, func(t *testing.T) {
			cfg, _ := serving(t, func(p *peer) {
				p.send("* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi")
				tag, _, _ := p.command()
				p.send(tag + " " + tt.reply)
				_, _ = io.Copy(io.Discard, p.in)
			})
			_, err := OpenSource(t.Context(), cfg)
			var said *mailsync.ServerError
			if errors.Is(err, mailsync.ErrAuth) != tt.auth || retry.IsTemporary(err) != tt.temporary || !errors.As(err, &said) {
				t.Fatal(err)
			}
		})
	}
}

func TestABusyServerThatHangsUpIsTemporary(t *testing.T) {
	for _, greeting := range []string{"* BYE [UNAVAILABLE] come back", "* BYE", "", "* NO what"} {
		cfg, _ := serving(t, func(p *peer) {
			if greeting != "" {
				p.send(greeting)
			}
		})
		if _, err := OpenSource(t.Context(), cfg); retry.IsTemporary(err) == (greeting == "* NO what") {
			t.Fatal(greeting, err)
		}
	}
}
