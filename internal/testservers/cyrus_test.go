package testservers

import (
	"strings"
	"testing"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
)

func TestCyrusGivesWhoeverLogsInAMailbox(t *testing.T) {
	c := StartCyrus(t, CyrusOptions{})
	for _, name := range []string{"alice@new.example", "bob"} {
		client := cyrusLogin(t, c, name)
		if err := client.Create("Envoyés/Été", nil).Wait(); err != nil {
			t.Fatal(err)
		}
		folders, err := client.List("", "*", nil).Collect()
		if err != nil || len(folders) < 2 || folders[0].Delim != '/' {
			t.Errorf("%s lists %+v, %v", name, folders, err)
		}
	}
}

func TestCyrusKeepsItsMailOverAKill(t *testing.T) {
	c := StartCyrus(t, CyrusOptions{})
	const text = "Subject: kept\r\n\r\nkept\r\n"
	deliver := cyrusLogin(t, c, "alice").Append("INBOX", int64(len(text)), nil)
	if _, err := strings.NewReader(text).WriteTo(deliver); err != nil {
		t.Fatal(err)
	}
	if err := deliver.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := deliver.Wait(); err != nil {
		t.Fatal(err)
	}
	c.Kill()
	c.Restart()
	st, err := cyrusLogin(t, c, "alice").Status("INBOX", &imap.StatusOptions{NumMessages: true}).Wait()
	if err != nil || *st.NumMessages != 1 {
		t.Fatal(st, err)
	}
}

func cyrusLogin(t *testing.T, c *Cyrus, name string) *imapclient.Client {
	t.Helper()
	client, err := imapclient.DialTLS(c.IMAPSAddr, &imapclient.Options{TLSConfig: c.CA.ClientTLS(c.Host)})
	if err != nil {
		t.Fatalf("dial: %v\n%s", err, c.Log())
	}
	t.Cleanup(func() { client.Close() })
	if err := client.Login(name, "any").Wait(); err != nil {
		t.Fatalf("log in: %v\n%s", err, c.Log())
	}
	return client
}
