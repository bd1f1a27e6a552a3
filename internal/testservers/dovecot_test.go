package testservers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2/imapclient"

	"bascule/internal/retry"
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

func TestDovecotOptionsAreObeyed(t *testing.T) {
	d := StartDovecot(t, DovecotOptions{
		Domain: "old.example",
		Format: Maildir,
		Users: []User{
			{Name: "slash", Password: "s3cret"},
			{Name: "dot", Password: "s3cret", Separator: ".", Format: MDBox},
		},
	})
	for name, separator := range map[string]rune{"slash": '/', "dot": '.'} {
		c := login(t, d, name, "s3cret")
		if err := c.Create("Projects", nil).Wait(); err != nil {
			t.Fatal(err)
		}
		folders, err := c.List("", "INBOX", nil).Collect()
		if err != nil || len(folders) != 1 || folders[0].Delim != separator {
			t.Errorf("%s lists %+v, %v; want separator %q", name, folders, err, separator)
		}
	}
	for name, format := range map[string]string{"slash": ".Projects", "dot": "storage"} {
		if _, err := os.Stat(filepath.Join(d.Dir, "mail", name, format)); err != nil {
			t.Errorf("mailbox %s is not in the format asked for: %v", name, err)
		}
	}
	if got := d.Address("dot"); got != "dot@old.example" {
		t.Errorf("Address gave %q", got)
	}
}

func TestDovecotStoresLineEndsAsAsked(t *testing.T) {
	for _, crlf := range []bool{true, false} {
		t.Run(fmt.Sprintf("save_crlf %v", crlf), func(t *testing.T) {
			user := User{Name: "alice@old.example", Password: "s3cret"}
			d := StartDovecot(t, DovecotOptions{Format: Maildir, SaveCRLF: crlf, Users: []User{user}})
			f := StartFront(t, FrontOptions{LMTPAddr: d.LMTPAddr, Recipients: map[string]string{user.Name: user.Name}})
			sendPlain(t, f.Addr, "carol@elsewhere.example", user.Name)
			files, _ := filepath.Glob(filepath.Join(d.Dir, "mail", user.Name, "new", "*"))
			if len(files) != 1 {
				t.Fatalf("stored files: %q", files)
			}
			text, err := os.ReadFile(files[0])
			if err != nil || bytes.Contains(text, []byte("\r\n")) != crlf {
				t.Errorf("stored %q, %v", text, err)
			}
		})
	}
}

func TestDovecotUsersChangeWhileItRuns(t *testing.T) {
	d := StartDovecot(t, DovecotOptions{Users: []User{{Name: "alice", Password: "old"}}})
	d.AddUser(User{Name: "alice", Password: "new"})
	d.AddUser(User{Name: "bob", Password: "s3cret"})
	again := retry.Policy{Tries: 3000, First: 100 * time.Millisecond, Most: 100 * time.Millisecond}
	// Dovecot looks at the file no more than once a second.
	for name, password := range map[string]string{"alice": "new", "bob": "s3cret"} {
		err := again.Do(t.Context(), func(context.Context) error { return retry.Temporary(tryLogin(t, d, name, password)) })
		if err != nil {
			t.Fatalf("%s with %q: %v", name, password, err)
		}
	}
	d.RemoveUser("bob")
	for name, password := range map[string]string{"alice": "old", "bob": "s3cret"} {
		err := again.Do(t.Context(), func(context.Context) error {
			if tryLogin(t, d, name, password) == nil {
				return retry.Temporary(errors.New("may still log in"))
			}
			return nil
		})
		if err != nil {
			t.Errorf("%s with %q: %v", name, password, err)
		}
	}
}

func TestDovecotKeepsItsMailOverAKill(t *testing.T) {
	d, f := startOldSide(t)
	sendPlain(t, f.Addr, "", oldUser)
	d.Kill()
	d.Restart()
	if got := inbox(t, d); got != 1 {
		t.Errorf("INBOX holds %d messages, want 1", got)
	}
	if got := d.Doveadm("mailbox", "list", "-u", oldUser); !strings.Contains(got, "INBOX") {
		t.Errorf("doveadm lists %q", got)
	}
}

func TestDovecotOffersSTARTTLSUnlessToldNotTo(t *testing.T) {
	for _, noTLS := range []bool{false, true} {
		t.Run(fmt.Sprintf("NoTLS %v", noTLS), func(t *testing.T) {
			d := StartDovecot(t, DovecotOptions{NoTLS: noTLS})
			c, err := imapclient.DialStartTLS(d.Addr, &imapclient.Options{TLSConfig: d.CA.ClientTLS(d.Host)})
			if err == nil {
				c.Close()
			}
			if (err != nil) != noTLS {
				t.Errorf("STARTTLS: %v", err)
			}
		})
	}
}

func TestDovecotServesManageSieve(t *testing.T) {
	d := StartDovecot(t, DovecotOptions{Sieve: true})
	if err := greets(d.SieveAddr, `"IMPLEMENTATION"`); err != nil {
		t.Error(err)
	}
}

func tryLogin(t *testing.T, d *Dovecot, name, password string) error {
	t.Helper()
	c, err := imapclient.DialTLS(d.IMAPSAddr, &imapclient.Options{TLSConfig: d.CA.ClientTLS(d.Host)})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.Login(name, password).Wait()
}
