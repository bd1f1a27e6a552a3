package imapstore

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"bascule/internal/secret"
	"bascule/internal/testservers"
	"bascule/mailsync"
)

// listedAs lists the messages of a folder, and insists that a survey tells the same.
func listedAs(t *testing.T, s *Source, f mailsync.Folder) []mailsync.Meta {
	t.Helper()
	surveyed, err := s.Survey(t.Context(), []mailsync.Ask{{Folder: f, Question: mailsync.AskMessages}})
	if err != nil || surveyed[0].Err != nil {
		t.Fatal(err, surveyed)
	}
	if _, err := s.Examine(t.Context(), f); err != nil {
		t.Fatal(err)
	}
	var out []mailsync.Meta
	err = s.Scan(t.Context(), 0, func(m mailsync.Meta) error {
		m.ModSeq = 0
		out = append(out, m)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(out, surveyed[0].Messages); d != "" {
		t.Fatalf("(-scanned +surveyed):\n%s", d)
	}
	return out
}

func TestGmailTellsNamesInEveryFolderAndLabelsOfAllMail(t *testing.T) {
	g := testservers.StartGmail(t)
	g.Put("Subject: 1\r\n\r\n", time.Unix(1_500_000_000, 0), testservers.GmailInbox, "Caf&AOk-", `a "b" \c`)
	g.Put("Subject: 2\r\n\r\n", time.Unix(1_500_000_000, 0))
	s, err := OpenSource(t.Context(), at(t, g.Addr, "alice", testservers.GmailPassword))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	l, err := s.List(t.Context())
	if err != nil || !l.Labelled {
		t.Fatal(err, l)
	}
	byUse := map[string][]mailsync.Meta{}
	for _, f := range l.Folders {
		if f.Selectable {
			byUse[f.Use+f.Raw] = listedAs(t, s, f)
		}
	}
	inbox, all := byUse["INBOX"], byUse[`\All[Gmail]/All Mail`]
	if len(inbox) != 1 || len(all) != 2 || inbox[0].Labels != nil {
		t.Fatal(byUse)
	}
	if inbox[0].Object.IsZero() || inbox[0].Object != all[0].Object || all[0].Object == all[1].Object {
		t.Fatal("the names do not tell which message is which")
	}
	if d := cmp.Diff([][]string{{`\Inbox`, "Café", `a "b" \c`}, {}}, [][]string{all[0].Labels, all[1].Labels}); d != "" {
		t.Fatal(d)
	}
}

// EMAILID (RFC 8474 §3): a copy has the name of its original.
func TestCyrusNamesACopyAsItsOriginal(t *testing.T) {
	c := testservers.StartCyrus(t, testservers.CyrusOptions{})
	cfg := at(t, c.IMAPSAddr, "alice", "any")
	cfg.Host, cfg.TLS, cfg.AllowPlaintext, cfg.CAs, cfg.Password = c.Host, Implicit, false, c.CA.Pool(), secret.New("any")
	dst := target(t, cfg)
	var folders []mailsync.Folder
	for _, name := range []string{"Un", "Deux"} {
		f, err := dst.Create(t.Context(), []string{name}, "")
		if err != nil {
			t.Fatal(err)
		}
		folders = append(folders, f)
	}
	if _, err := dst.Append(t.Context(), folders[0], outgoing(message("Subject: 1\r\n\r\n1\r\n"), message("Subject: 2\r\n\r\n2\r\n"))); err != nil {
		t.Fatal(err)
	}
	if _, err := dst.Select(t.Context(), folders[0]); err != nil {
		t.Fatal(err)
	}
	m := dst.s.conn.Begin("UID COPY", dst.s.lit).Text(" 1").Name(folders[1].Raw)
	if r, err := dst.s.ask(m, nil); err != nil || r.Type != "OK" {
		t.Fatal(r, err)
	}
	s, err := OpenSource(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	one, two := listedAs(t, s, folders[0]), listedAs(t, s, folders[1])
	if len(one) != 2 || len(two) != 1 || one[0].Object.IsZero() || one[0].Object != two[0].Object || one[0].Object == one[1].Object {
		t.Fatalf("%+v\n%+v", one, two)
	}
}
