package mailsync_test

import (
	"bytes"
	"context"
	"net"
	"strconv"
	"testing"

	"bascule/internal/imapmem"
	"bascule/internal/secret"
	"bascule/mailsync"
	"bascule/mailsync/imapstore"
	"bascule/mailsync/storetest"
)

// TestARefusalInTheMiddleStopsNothing: a server without MULTIAPPEND is sent
// messages behind one another, and takes those behind the one it refuses.
func TestARefusalInTheMiddleStopsNothing(t *testing.T) {
	server, err := imapmem.Start(imapmem.Options{Users: map[string]string{"alice": "secret"}, Refuse: func(b []byte) string {
		if bytes.Contains(b, []byte("virus")) {
			return "no, thank you"
		}
		return ""
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	host, port, err := net.SplitHostPort(server.Addr())
	if err != nil {
		t.Fatal(err)
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, storetest.Personality{})
	for n := range 30 {
		text := body(n)
		if n%10 == 3 {
			text = "Subject: virus\r\n\r\nx\r\n"
		}
		w.source.Put([]string{"INBOX", "Clients"}[n%2], text, day)
	}
	o := w.o
	o.Ledger, o.OpenSource = w.ledger, w.source.OpenSource
	o.OpenTarget = func(ctx context.Context) (mailsync.Target, error) {
		return imapstore.OpenTarget(ctx, imapstore.Config{Host: host, Port: number, TLS: imapstore.None, AllowPlaintext: true, Login: "alice", Password: secret.New("secret")})
	}
	r, err := mailsync.Pass(t.Context(), o)
	if err != nil || r.Totals[mailsync.Rejected] != 3 || r.Totals[mailsync.Copied]+r.Totals[mailsync.Adopted] != 27 {
		t.Fatalf("%v, %v, failures %v", err, r.Totals, r.Failures)
	}
	var names []string
	err = mailsync.RefusedIn(t.Context(), w.ledger, func(m mailsync.RefusedMessage) error {
		names = append(names, m.Name())
		return nil
	})
	validity, _ := w.source.Validity("Clients")
	if err != nil || len(names) != 3 || names[0] != "Clients "+strconv.Itoa(int(validity))+"/2" {
		t.Errorf("%v, %v", names, err)
	}
}
