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
	l, err := ledger.Open(t.Context(), filepath.Join(t.TempDir(), "alice.db"), ledger.Options{Clock: clock.Real{}, Random: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return g, mailsync.Options{Ledger: l, Owner: "test", Clock: clock.NewVirtual(day.Add(100 * time.Hour)),
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
	if d := cmp.Diff(want, held(t, o)); d != "" || r.Elsewhere != 16 {
		t.Fatalf("%d elsewhere (-want +held):\n%s", r.Elsewhere, d)
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
	v, err := mailsync.Verify(t.Context(), mailsync.VerifyOptions{Ledger: o.Ledger, Depth: mailsync.Full, Now: day, OpenSource: o.OpenSource,
		OpenTarget: func(ctx context.Context) (mailsync.Source, error) { return o.OpenTarget(ctx) }})
	if err != nil || v.Err() != nil {
		t.Fatalf("%v, %+v", err, v)
	}
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
