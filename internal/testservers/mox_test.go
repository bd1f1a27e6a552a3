package testservers

import (
	"strings"
	"testing"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

const (
	moxDomain   = "company.example"
	moxPassword = "a long pass phrase"
)

func newCompany(t *testing.T, opts MoxOptions) *Mox {
	t.Helper()
	m := StartMox(t, opts)
	m.AddDomain(moxDomain)
	m.AddAccount("alice", "alice@"+moxDomain, moxPassword)
	return m
}

func TestMoxServesAnAccountMadeThroughItsAdminAPI(t *testing.T) {
	m := newCompany(t, MoxOptions{})
	c := m.login(t, "alice@"+moxDomain, moxPassword)
	if _, err := c.Select("INBOX", nil).Wait(); err != nil {
		t.Fatalf("select: %v", err)
	}
	var records []string
	if err := m.Admin().Call(&records, "DomainRecords", moxDomain); err != nil {
		t.Logf("the machine's DNS is not usable: %v", err)
	} else if !strings.Contains(strings.Join(records, "\n"), "_domainkey") {
		t.Errorf("no DKIM key among the records: %q", records)
	}
}

func TestMoxKeepsItsAccountsOverARestart(t *testing.T) {
	m := newCompany(t, MoxOptions{})
	m.Kill()
	m.Restart()
	m.login(t, "alice@"+moxDomain, moxPassword)
}

func TestMoxTakesMailAsMXForKnownAddressesAndAliases(t *testing.T) {
	m := newCompany(t, MoxOptions{})
	alias := map[string]any{"Addresses": []string{"alice@" + moxDomain}, "PostPublic": true}
	if err := m.Admin().Call(nil, "AliasAdd", "info", moxDomain, alias); err != nil {
		t.Fatal(err)
	}
	m.TrustStrangers()
	for _, to := range []string{"alice@" + moxDomain, "info@" + moxDomain} {
		sendPlain(t, m.SMTPAddr, "", to)
	}
	c := m.login(t, "alice@"+moxDomain, moxPassword)
	status, err := c.Status("INBOX", &imap.StatusOptions{NumMessages: true}).Wait()
	if err != nil || *status.NumMessages != 2 {
		t.Fatalf("INBOX holds %v, %v; want 2 messages\n%s", status, err, m.Log())
	}
	if err := send(m.SMTPAddr, "", "somebody@elsewhere.example"); err == nil {
		t.Error("mail for a domain it does not serve was accepted")
	}
}

func (m *Mox) login(t *testing.T, name, password string) *imapclient.Client {
	t.Helper()
	c, err := imapclient.DialTLS(m.IMAPSAddr, &imapclient.Options{TLSConfig: m.CA.ClientTLS(m.Host)})
	if err != nil {
		t.Fatalf("dial: %v\n%s", err, m.Log())
	}
	t.Cleanup(func() { c.Close() })
	if err := c.Login(name, password).Wait(); err != nil {
		t.Fatalf("log in: %v\n%s", err, m.Log())
	}
	return c
}

const letter = "From: <carol@elsewhere.example>\r\nTo: <%TO%>\r\nSubject: hello\r\n" +
	"Date: Mon, 02 Nov 2026 10:00:00 +0000\r\nMessage-ID: <%ID%@elsewhere.example>\r\n\r\nGood morning.\r\n"

func letterTo(to string) *strings.Reader {
	return strings.NewReader(strings.NewReplacer("%TO%", to, "%ID%", strings.ReplaceAll(to, "@", ".")).Replace(letter))
}

func sendPlain(t *testing.T, addr, from, to string) {
	t.Helper()
	if err := send(addr, from, to); err != nil {
		t.Fatalf("send to %s: %v", to, err)
	}
}

func send(addr, from, to string) error {
	c, err := smtp.Dial(addr)
	if err != nil {
		return err
	}
	defer c.Close()
	return c.SendMail(from, []string{to}, letterTo(to))
}

func TestMoxQueuesSubmittedMailAndFollowsTheRoute(t *testing.T) {
	d, f := startOldSide(t)
	m := newCompany(t, MoxOptions{})
	submitToMox(t, m, "alice@"+moxDomain, oldUser)
	m.Restart() // the queue and its hold outlive it
	if queue := m.Queue(); len(queue) != 1 || queue[0].To != oldUser || !strings.Contains(string(queue[0].Text), "Good morning.") {
		t.Fatalf("queue: %+v", queue)
	}
	f.CloseInbound(450)
	route := func(string) (string, error) { return f.Addr, nil }
	_, err := m.Deliver(route)
	wantRefusal(t, err, 450)
	f.OpenInbound()
	if sent, err := m.Deliver(route); err != nil || sent != 1 {
		t.Fatalf("delivered %d, %v", sent, err)
	}
	if got := inbox(t, d); got != 1 {
		t.Errorf("INBOX of the old side holds %d messages, want 1\n%s", got, m.Log())
	}
	if queue := m.Queue(); len(queue) != 0 {
		t.Errorf("left in the queue: %+v", queue)
	}
}

func submitToMox(t *testing.T, m *Mox, from, to string) {
	t.Helper()
	c, err := smtp.DialTLS(m.SubmissionsAddr, m.CA.ClientTLS(m.Host))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Auth(sasl.NewPlainClient("", from, moxPassword)); err != nil {
		t.Fatalf("authenticate: %v\n%s", err, m.Log())
	}
	text := strings.NewReader("From: <" + from + ">\r\nTo: <" + to + ">\r\nSubject: hello\r\n\r\nGood morning.\r\n")
	if err := c.SendMail(from, []string{to}, text); err != nil {
		t.Fatalf("submit: %v\n%s", err, m.Log())
	}
}
