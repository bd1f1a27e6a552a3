package mailsync_test

import (
	"context"
	"crypto/rand"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"bascule/internal/clock"
	"bascule/internal/secret"
	"bascule/internal/testservers"
	"bascule/mailsync"
	"bascule/mailsync/imapstore"
	"bascule/mailsync/ledger"
)

// old is a time that every server takes for the past.
var old = day.AddDate(-3, 0, 0)

// gmailTo is a Gmail with mail in it, and passes from there to a real server.
func gmailTo(t *testing.T, target imapstore.Config) (*testservers.Gmail, mailsync.Options) {
	t.Helper()
	g := testservers.StartGmail(t)
	host, port, err := net.SplitHostPort(g.Addr)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	source := imapstore.Config{Host: host, Port: n, TLS: imapstore.None, AllowPlaintext: true, Login: "alice", Password: secret.New(testservers.GmailPassword)}
	for i := range 20 {
		labels := [][]string{{testservers.GmailInbox}, {"Clients", "Caf&AOk-"}, {testservers.GmailSent}, {}, {testservers.GmailInbox, "Clients/Grands", testservers.GmailStarred}}[i%5]
		g.Put(body(i), old.Add(time.Duration(i)*time.Hour), labels...)
	}
	g.Put(body(100), old, testservers.GmailBin)
	return g, passes(t, source, target)
}

// passes are those between two servers, with a ledger on disk.
func passes(t *testing.T, source, target imapstore.Config) mailsync.Options {
	t.Helper()
	l, err := ledger.Open(t.Context(), filepath.Join(t.TempDir(), "alice.db"), ledger.Options{Clock: clock.Real{}, Random: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return mailsync.Options{Ledger: l, Owner: "test", Clock: clock.NewVirtual(day.Add(100 * time.Hour)),
		OpenSource: func(ctx context.Context) (mailsync.Source, error) { return imapstore.OpenSource(ctx, source) },
		OpenTarget: func(ctx context.Context) (mailsync.Target, error) { return imapstore.OpenTarget(ctx, target) }}
}

// held counts the messages in each folder of the target.
func held(t *testing.T, o mailsync.Options) map[string]int {
	t.Helper()
	target, err := o.OpenTarget(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer target.Close()
	l, err := target.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]int{}
	for _, f := range l.Folders {
		if f.Status != nil && f.Status.Messages > 0 {
			out[strings.Join(f.Path, "/")] = int(f.Status.Messages)
		}
	}
	return out
}

func completes(t *testing.T, o mailsync.Options) mailsync.Report {
	t.Helper()
	r, err := mailsync.Pass(t.Context(), o)
	if err != nil || !r.Complete || len(r.Warnings) > 0 {
		t.Fatalf("%v, %+v", err, r)
	}
	return r
}

// TestGmailGoesToDovecotOnce: labels become folders, what has none goes to the
// archive, and the copy follows when that changes.
func TestGmailGoesToDovecotOnce(t *testing.T) {
	kind := dovecotKind("", "/", testservers.DovecotOptions{SaveCRLF: true})
	g, o := gmailTo(t, kind.start(t, []string{"alice"})("alice").store)
	r := completes(t, o)
	want := map[string]int{"INBOX": 8, "Clients": 4, "Café": 4, "Clients/Grands": 4, "[Gmail]/Sent Mail": 4, "Archive": 4, "[Gmail]/Trash": 1}
	if d := cmp.Diff(want, held(t, o)); d != "" || r.Elsewhere != 16 || r.Referenced != 8 || g.Fetched()+r.Saved != r.Bytes {
		t.Fatalf("%d elsewhere, %d made of copies, %d octets of %d read and %d saved (-want +held):\n%s", r.Elsewhere, r.Referenced, g.Fetched(), r.Bytes, r.Saved, d)
	}
	o.Tap = func(point string) { t.Errorf("a second pass with nothing to do: %s", point) }
	completes(t, o)
	o.Tap = nil
	g.Relabel(0)
	g.Relabel(3, "Clients")
	g.Relabel(1, testservers.GmailBin)
	if r = completes(t, o); r.MovedOnTarget != 3 || r.Outcomes[mailsync.Copied] != 0 {
		t.Fatalf("%+v", r)
	}
	completes(t, o)
	want["INBOX"], want["[Gmail]/Trash"], want["Café"] = 7, 2, 3
	if d := cmp.Diff(want, held(t, o)); d != "" {
		t.Fatalf("(-want +held):\n%s", d)
	}
	verifies(t, o, 28)
}

// verifies reads every octet of the target again.
func verifies(t *testing.T, o mailsync.Options, matched int) {
	t.Helper()
	v, err := mailsync.Verify(t.Context(), mailsync.VerifyOptions{Ledger: o.Ledger, Depth: mailsync.Full, Now: day, OpenSource: o.OpenSource,
		OpenTarget: func(ctx context.Context) (mailsync.Source, error) { return o.OpenTarget(ctx) }})
	if err != nil || v.Err() != nil || v.Matched != matched {
		t.Fatalf("%v, %+v", err, v)
	}
}

// TestCyrusIsReadOnceForSeveralFolders: a message that a person copied into
// another folder has one name there (EMAILID, RFC 8474), and Dovecot copies it.
func TestCyrusIsReadOnceForSeveralFolders(t *testing.T) {
	source := startCyrus(t, nil)("alice").store
	target := dovecotKind("", ".", testservers.DovecotOptions{Format: testservers.Maildir, SaveCRLF: true}).start(t, []string{"alice"})("alice").store
	w, err := imapstore.OpenTarget(t.Context(), source)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	inbox, err := w.Create(t.Context(), []string{"INBOX"}, "")
	if err != nil {
		t.Fatal(err)
	}
	clients, err := w.Create(t.Context(), []string{"Clients", "Été"}, "")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	done, err := w.Append(t.Context(), inbox, func() (*mailsync.Outgoing, error) {
		if n++; n > 12 {
			return nil, nil
		}
		return &mailsync.Outgoing{Size: int64(len(body(n))), Date: old, Flags: []string{`\Seen`, "$Forwarded"}, Body: strings.NewReader(body(n))}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Select(t.Context(), inbox); err != nil {
		t.Fatal(err)
	}
	if copied, err := w.CopyWithin(t.Context(), done.UIDs[2:9], clients); err != nil || len(copied.UIDs) != 7 {
		t.Fatal(copied, err)
	}
	o := passes(t, source, target)
	if r := completes(t, o); r.Referenced != 7 || r.Outcomes[mailsync.Copied] != 19 {
		t.Fatalf("%+v", r)
	}
	o.Tap = func(point string) { t.Errorf("a second pass with nothing to do: %s", point) }
	completes(t, o)
	verifies(t, o, 19)
}

// Of a source that announces names and labels and refuses to tell them all is
// copied, all mail too, and the report says so.
func TestASourceThatKeepsItsLabelsToItself(t *testing.T) {
	kind := dovecotKind("", "/", testservers.DovecotOptions{SaveCRLF: true})
	for _, item := range []string{"X-GM-LABELS", "X-GM-MSGID"} {
		t.Run(item, func(t *testing.T) {
			g, o := gmailTo(t, kind.start(t, []string{"alice"})("alice").store)
			g.Refuse(item)
			r, err := mailsync.Pass(t.Context(), o)
			if err != nil || !r.Complete || held(t, o)["Archive"] != 20 || len(r.Warnings) != 1 {
				t.Fatalf("%v, %v, %+v", err, held(t, o), r)
			}
		})
	}
}
