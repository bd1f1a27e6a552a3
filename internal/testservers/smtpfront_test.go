package testservers

import (
	"errors"
	"testing"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	"github.com/google/go-cmp/cmp"
)

const oldUser = "alice@company.example"

func startOldSide(t *testing.T) (*Dovecot, *Front) {
	t.Helper()
	d := StartDovecot(t, DovecotOptions{Users: []User{{Name: oldUser, Password: "s3cret"}}})
	f := StartFront(t, FrontOptions{
		LMTPAddr:   d.LMTPAddr,
		Recipients: map[string]string{oldUser: oldUser, "info@company.example": oldUser},
		Logins:     map[string]string{oldUser: "s3cret"},
		CA:         d.CA,
	})
	return d, f
}

func inbox(t *testing.T, d *Dovecot) uint32 {
	t.Helper()
	c := login(t, d, oldUser, "s3cret")
	status, err := c.Status("INBOX", &imap.StatusOptions{NumMessages: true}).Wait()
	if err != nil {
		t.Fatalf("status: %v", err)
	}
	return *status.NumMessages
}

func TestFrontDeliversToDovecot(t *testing.T) {
	d, f := startOldSide(t)
	sendPlain(t, f.Addr, "carol@elsewhere.example", oldUser)
	sendPlain(t, f.Addr, "carol@elsewhere.example", "INFO@company.example")
	if got := inbox(t, d); got != 2 {
		t.Errorf("INBOX holds %d messages, want 2\n%s", got, d.Log())
	}
	wantRefusal(t, send(f.Addr, "carol@elsewhere.example", "nobody@company.example"), 550)
	want := FrontCounts{Connections: 3, Accepted: 2, Refused: 1, Unknown: 1, Logins: map[string]int{}}
	if diff := cmp.Diff(want, f.Counts()); diff != "" {
		t.Error(diff)
	}
	if got := f.Deliveries(); len(got) != 2 || got[0].From != "carol@elsewhere.example" || got[0].Size == 0 {
		t.Errorf("deliveries: %+v", got)
	}
}

func TestFrontWithInboundClosedRefusesKnownRecipients(t *testing.T) {
	d, f := startOldSide(t)
	for _, code := range []int{550, 450} {
		f.CloseInbound(code)
		wantRefusal(t, send(f.Addr, "carol@elsewhere.example", oldUser), code)
		wantRefusal(t, submit(d, f), code)
	}
	f.OpenInbound()
	if err := submit(d, f); err != nil {
		t.Fatalf("submit with inbound open: %v", err)
	}
	if got := inbox(t, d); got != 1 {
		t.Errorf("INBOX holds %d messages, want 1", got)
	}
	if got := f.Counts().Logins[oldUser]; got != 3 {
		t.Errorf("counted %d logins, want 3", got)
	}
}

func TestFrontDefersWhatDovecotCannotStore(t *testing.T) {
	d, f := startOldSide(t)
	d.Stop()
	wantRefusal(t, send(f.Addr, "carol@elsewhere.example", oldUser), 451)
	d.Restart()
	sendPlain(t, f.Addr, "carol@elsewhere.example", oldUser)
	if got := len(f.Deliveries()); got != 1 {
		t.Errorf("%d deliveries, want 1", got)
	}
}

// submit sends as the user, over STARTTLS verified with the CA.
func submit(d *Dovecot, f *Front) error {
	c, err := smtp.DialStartTLS(f.Addr, d.CA.ClientTLS("localhost"))
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.Auth(sasl.NewPlainClient("", oldUser, "s3cret")); err != nil {
		return err
	}
	return c.SendMail(oldUser, []string{oldUser}, letterTo(oldUser))
}

func wantRefusal(t *testing.T, err error, code int) {
	t.Helper()
	var refusal *smtp.SMTPError
	if !errors.As(err, &refusal) || refusal.Code != code {
		t.Errorf("got %v, want SMTP code %d", err, code)
	}
}
