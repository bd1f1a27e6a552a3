package imapstore

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"bascule/internal/imapmem"
	"bascule/internal/secret"
	"bascule/mailsync"
)

func memory(t *testing.T) (*imapmem.Server, Config) {
	t.Helper()
	srv, err := imapmem.Start(imapmem.Options{Users: map[string]string{"alice": "s3cret-password"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = srv.Close() })
	return srv, at(t, srv.Addr(), "alice", "s3cret-password")
}

func at(t *testing.T, addr, login, password string) Config {
	t.Helper()
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	return Config{Host: host, Port: n, TLS: None, AllowPlaintext: true, Login: login, Password: secret.New(password)}
}

func source(t *testing.T, cfg Config) *Source {
	t.Helper()
	s, err := OpenSource(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func target(t *testing.T, cfg Config) *Target {
	t.Helper()
	s, err := OpenTarget(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// outgoing yields messages for Append.
func outgoing(msgs ...mailsync.Outgoing) func() (*mailsync.Outgoing, error) {
	return func() (*mailsync.Outgoing, error) {
		if len(msgs) == 0 {
			return nil, nil
		}
		m := msgs[0]
		msgs = msgs[1:]
		return &m, nil
	}
}

func message(body string, flags ...string) mailsync.Outgoing {
	return mailsync.Outgoing{
		Size: int64(len(body)), Body: strings.NewReader(body), Flags: flags,
		Date: time.Date(2019, 2, 3, 4, 5, 6, 0, time.FixedZone("", 3600)),
	}
}

func inbox() mailsync.Folder {
	return mailsync.Folder{Path: []string{"INBOX"}, Raw: "INBOX", Delim: '/', Selectable: true}
}

// bodies fetches messages into memory.
func bodies(t *testing.T, src mailsync.Source, uids []mailsync.UID) (map[mailsync.UID]string, []mailsync.UID) {
	t.Helper()
	got := map[mailsync.UID]string{}
	missing, err := src.Fetch(t.Context(), uids, func(m mailsync.Meta, n int64, r io.Reader) error {
		var b bytes.Buffer
		if _, err := b.ReadFrom(r); err != nil {
			return err
		}
		if int64(b.Len()) != n {
			return fmt.Errorf("announced %d octets, read %d", n, b.Len())
		}
		if _, twice := got[m.UID]; twice {
			return fmt.Errorf("message %d was delivered twice", m.UID)
		}
		got[m.UID] = b.String()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return got, missing
}

func TestAMessageGoesIntoTheMemoryServerAndComesBackUnchanged(t *testing.T) {
	_, cfg := memory(t)
	dst := target(t, cfg)
	f, err := dst.Create(t.Context(), []string{"Envoyés", "2024 & more"}, `\Sent`)
	if err != nil {
		t.Fatal(err)
	}
	if f.Raw != "Envoy&AOk-s/2024 &- more" || f.Path[0] != "Envoyés" || f.Path[1] != "2024 & more" {
		t.Fatalf("%+v", f)
	}
	if again, err := dst.Create(t.Context(), f.Path, ""); err != nil || again.Raw != f.Raw {
		t.Fatalf("creating it twice: %v", err)
	}
	if err := dst.Subscribe(t.Context(), f); err != nil {
		t.Fatal(err)
	}
	text := "Subject: x\r\n\r\n) A1 OK {5}\r\n" + strings.Repeat("\x00\xffline\r\n", 3000)
	res, err := dst.Append(t.Context(), f, outgoing(message(text, `\Seen`, "$Label1"), message("Subject: a\r\n\r\na", `\Recent`)))
	if err != nil {
		t.Fatal(err)
	}
	if len(res.UIDs) != 2 || res.UIDValidity == 0 {
		t.Fatalf("%+v", res)
	}

	src := source(t, cfg)
	l, err := src.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(l.Folders) < 2 {
		t.Fatalf("%+v", l)
	}
	st, err := src.Examine(t.Context(), f)
	if err != nil || st.Messages != 2 || st.UIDValidity != res.UIDValidity {
		t.Fatalf("%+v %v", st, err)
	}
	var metas []mailsync.Meta
	if err := src.Scan(t.Context(), 0, func(m mailsync.Meta) error { metas = append(metas, m); return nil }); err != nil {
		t.Fatal(err)
	}
	if len(metas) != 2 || metas[0].Size != int64(len(text)) || strings.Join(metas[0].Flags, " ") != `$label1 \Seen` ||
		!metas[0].Date.Equal(time.Date(2019, 2, 3, 3, 5, 6, 0, time.UTC)) {
		t.Fatalf("%+v", metas)
	}
	uids, err := src.UIDs(t.Context())
	if err != nil || len(uids) != 2 {
		t.Fatal(uids, err)
	}
	got, missing := bodies(t, src, append(uids, 999))
	if got[uids[0]] != text || got[uids[1]] != "Subject: a\r\n\r\na" || len(missing) != 1 || missing[0] != 999 {
		t.Fatalf("missing %v", missing)
	}
	if err := src.Close(); err != nil {
		t.Fatal(err)
	}
	for name := range src.Meter().Commands {
		if name == "SELECT" || name == "APPEND" || name == "UID STORE" {
			t.Fatal("the source was written:", name)
		}
	}
}

func TestFlagsMoveAndExpungeOnTheMemoryServer(t *testing.T) {
	_, cfg := memory(t)
	dst := target(t, cfg)
	ctx := context.Background()
	f, err := dst.Create(ctx, []string{"Other"}, "")
	if err != nil {
		t.Fatal(err)
	}
	res, err := dst.Append(ctx, inbox(), outgoing(message("one"), message("two"), message("three")))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := dst.Select(ctx, inbox()); err != nil {
		t.Fatal(err)
	}
	if err := dst.AddFlags(ctx, res.UIDs[:1], []string{`\Flagged`, "Work"}); err != nil {
		t.Fatal(err)
	}
	if err := dst.RemoveFlags(ctx, res.UIDs[:1], []string{"Work"}); err != nil {
		t.Fatal(err)
	}
	moved, err := dst.Move(ctx, res.UIDs[1:2], f)
	if err != nil || len(moved) != 1 {
		t.Fatal(moved, err)
	}
	if err := dst.Expunge(ctx, res.UIDs[2:]); err != nil {
		t.Fatal(err)
	}
	var left []mailsync.Meta
	if err := dst.Scan(ctx, 0, func(m mailsync.Meta) error { left = append(left, m); return nil }); err != nil {
		t.Fatal(err)
	}
	if len(left) != 1 || left[0].UID != res.UIDs[0] || strings.Join(left[0].Flags, " ") != `\Flagged` {
		t.Fatalf("%+v", left)
	}
	if a := dst.Accepts(); !a.UIDPlus || !a.Move || a.MultiAppend {
		t.Fatalf("%+v", a)
	}
}
