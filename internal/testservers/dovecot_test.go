package testservers

import (
	"testing"

	"github.com/emersion/go-imap/v2/imapclient"
)

func TestDovecotServesVerifiedTLS(t *testing.T) {
	for _, format := range []string{MDBox, Maildir} {
		t.Run(format, func(t *testing.T) {
			d := StartDovecot(t, DovecotOptions{Format: format, Users: []User{{Name: "alice@old.example", Password: "s3cret"}}})
			login(t, d, "alice@old.example", "s3cret")
		})
	}
}

func login(t *testing.T, d *Dovecot, name, password string) *imapclient.Client {
	t.Helper()
	c, err := imapclient.DialTLS(d.IMAPSAddr, &imapclient.Options{TLSConfig: d.CA.ClientTLS(d.Host)})
	if err != nil {
		t.Fatalf("dial: %v\n%s", err, d.Log())
	}
	t.Cleanup(func() { c.Close() })
	if err := c.Login(name, password).Wait(); err != nil {
		t.Fatalf("log in: %v\n%s", err, d.Log())
	}
	return c
}
