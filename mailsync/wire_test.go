package mailsync_test

import (
	"context"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"crypto/rand"

	"bascule/internal/clock"
	"bascule/internal/imapmem"
	"bascule/internal/secret"
	"bascule/mailsync"
	"bascule/mailsync/imapstore"
	"bascule/mailsync/ledger"
)

func imapServer(t *testing.T) (*imapmem.Server, imapstore.Config) {
	t.Helper()
	srv, err := imapmem.Start(imapmem.Options{Users: map[string]string{"alice": "password of a test"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = srv.Close() })
	host, port, err := net.SplitHostPort(srv.Addr())
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	return srv, imapstore.Config{Host: host, Port: n, TLS: imapstore.None, AllowPlaintext: true, Login: "alice", Password: secret.New("password of a test")}
}

// TestAPassOverRealSockets runs the engine with the parts of a production
// run: the IMAP adapter on both sides and the ledger on disk.
func TestAPassOverRealSockets(t *testing.T) {
	from, source := imapServer(t)
	_, target := imapServer(t)
	for _, folder := range []string{"Envoyés", "Clients", "Clients/Été & Cie"} {
		if err := from.Create("alice", folder, ""); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 120 {
		folder := []string{"INBOX", "Envoyés", "Clients", "Clients/Été & Cie"}[i%4]
		if err := from.Append("alice", folder, body(i)+strings.Repeat("line\r\n", i*i), day, `\Seen`); err != nil {
			t.Fatal(err)
		}
	}
	l, err := ledger.Open(t.Context(), filepath.Join(t.TempDir(), "alice.db"), ledger.Options{Clock: clock.Real{}, Random: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	o := mailsync.Options{Ledger: l, Owner: "test", Clock: clock.NewVirtual(day),
		OpenSource: func(ctx context.Context) (mailsync.Source, error) { return imapstore.OpenSource(ctx, source) },
		OpenTarget: func(ctx context.Context) (mailsync.Target, error) { return imapstore.OpenTarget(ctx, target) }}
	for n := range 2 {
		if n == 1 {
			o.Tap = func(point string) { t.Errorf("a second pass with nothing to do: %s", point) }
		}
		r, err := mailsync.Pass(t.Context(), o)
		if err != nil || !r.Complete || r.Totals[mailsync.Copied] != 120 {
			t.Fatalf("%v, %+v", err, r)
		}
	}
	v, err := mailsync.Verify(t.Context(), mailsync.VerifyOptions{Ledger: l, Depth: mailsync.Full, Now: day, OpenSource: o.OpenSource,
		OpenTarget: func(ctx context.Context) (mailsync.Source, error) { return imapstore.OpenSource(ctx, target) }})
	if err != nil || v.Err() != nil || v.Matched != 120 {
		t.Fatalf("%v, %+v", err, v)
	}
}
