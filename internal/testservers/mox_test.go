package testservers

import (
	"strings"
	"testing"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
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
