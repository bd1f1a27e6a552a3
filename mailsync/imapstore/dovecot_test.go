package imapstore

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"bascule/internal/retry"
	"bascule/internal/secret"
	"bascule/internal/testservers"
	"bascule/mailsync"
)

func dovecot(t *testing.T, opt testservers.DovecotOptions) (*testservers.Dovecot, Config) {
	t.Helper()
	opt.Users = []testservers.User{{Name: "alice@old.example", Password: "pa ss\"wörd"}}
	d := testservers.StartDovecot(t, opt)
	return d, overTLS(t, d, Implicit)
}

func overTLS(t *testing.T, d *testservers.Dovecot, mode TLSMode) Config {
	t.Helper()
	addr := d.IMAPSAddr
	if mode == StartTLS {
		addr = d.Addr
	}
	port, err := strconv.Atoi(testservers.Port(addr))
	if err != nil {
		t.Fatal(err)
	}
	return Config{Host: d.Host, Port: port, TLS: mode, CAs: d.CA.Pool(), Login: "alice@old.example", Password: secret.New("pa ss\"wörd")}
}

func TestDovecotKeepsWhatABatchSays(t *testing.T) {
	_, cfg := dovecot(t, testservers.DovecotOptions{SaveCRLF: true})
	dst := target(t, cfg)
	if !dst.multi() || !dst.Vanishes() {
		t.Fatalf("the way of the measurements is not taken: %v", dst.s.caps)
	}
	f, err := dst.Create(t.Context(), []string{"Envoyés", "Star*Per%cent"}, "")
	if err != nil {
		t.Fatal(err)
	}
	var msgs []mailsync.Outgoing
	var texts []string
	for i := range 300 {
		text := "Subject: " + strconv.Itoa(i) + "\r\n\r\n) b1 OK {7+}\r\n" + strings.Repeat("0123456789abcdef\r\n", i)
		texts = append(texts, text)
		msgs = append(msgs, message(text, `\Seen`, "$Forwarded"))
	}
	res, err := dst.Append(t.Context(), f, outgoing(msgs...))
	if err != nil || len(res.UIDs) != 300 {
		t.Fatal(len(res.UIDs), err)
	}
	if n := dst.Meter().Commands["APPEND"]; n != 1 {
		t.Fatalf("%d APPEND commands for one batch", n)
	}

	src := source(t, cfg)
	if _, err := src.Examine(t.Context(), f); err != nil {
		t.Fatal(err)
	}
	got, missing := bodies(t, src, res.UIDs)
	for i, u := range res.UIDs {
		if got[u] != texts[i] {
			t.Fatalf("message %d came back as %.80q", i, got[u])
		}
	}
	if len(missing) != 0 {
		t.Fatal(missing)
	}
	for _, m := range scanned(t, src, 0) {
		if strings.Join(m.Flags, " ") != `$Forwarded \Seen` || !m.Date.Equal(msgs[0].Date) || m.ModSeq == 0 {
			t.Fatalf("%+v", m)
		}
	}
}

func scanned(t *testing.T, src mailsync.Source, since uint64) []mailsync.Meta {
	t.Helper()
	var all []mailsync.Meta
	if err := src.Scan(t.Context(), since, func(m mailsync.Meta) error { all = append(all, m); return nil }); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestDovecotTellsWhatChangedAndWhatVanished(t *testing.T) {
	_, cfg := dovecot(t, testservers.DovecotOptions{})
	dst, src := target(t, cfg), source(t, cfg)
	ctx := t.Context()
	res, err := dst.Append(ctx, inbox(), outgoing(message("A: 1\r\n\r\none"), message("A: 2\r\n\r\ntwo"), message("A: 3\r\n\r\nthree")))
	if err != nil {
		t.Fatal(err)
	}
	st, err := src.Examine(ctx, inbox())
	if err != nil || st.HighestModSeq == 0 {
		t.Fatal(st, err)
	}
	if _, err := dst.Select(ctx, inbox()); err != nil {
		t.Fatal(err)
	}
	if err := dst.AddFlags(ctx, res.UIDs[:1], []string{`\Seen`}); err != nil {
		t.Fatal(err)
	}
	if err := dst.Expunge(ctx, res.UIDs[1:2]); err != nil {
		t.Fatal(err)
	}
	if _, err := src.Examine(ctx, inbox()); err != nil {
		t.Fatal(err)
	}
	if changed := scanned(t, src, st.HighestModSeq); len(changed) != 1 || changed[0].UID != res.UIDs[0] {
		t.Fatalf("%+v", changed)
	}
	var gone []mailsync.UID
	err = src.Changes(ctx, st.HighestModSeq, func(mailsync.Meta) error { return nil }, func(first, last mailsync.UID) error {
		gone = append(gone, first, last)
		return nil
	})
	if err != nil || !slices.Contains(gone, res.UIDs[1]) {
		t.Fatal(gone, err)
	}
	if uids, err := src.UIDs(ctx); err != nil || !slices.Equal(uids, []mailsync.UID{res.UIDs[0], res.UIDs[2]}) {
		t.Fatal(uids, err)
	}
	moved, err := dst.Move(ctx, res.UIDs[2:], mustCreate(t, dst, "Archive"))
	if err != nil || len(moved) != 1 {
		t.Fatal(moved, err)
	}
}

func mustCreate(t *testing.T, dst *Target, path ...string) mailsync.Folder {
	t.Helper()
	f, err := dst.Create(t.Context(), path, "")
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestDovecotListsEverythingInOneRoundTrip(t *testing.T) {
	_, cfg := dovecot(t, testservers.DovecotOptions{Separator: "."})
	dst := target(t, cfg)
	mustCreate(t, dst, "Sent")
	deep := mustCreate(t, dst, "A", "B", "C & D")
	if err := dst.Subscribe(t.Context(), deep); err != nil {
		t.Fatal(err)
	}
	src := source(t, cfg)
	before := src.Meter()
	l, err := src.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	after := src.Meter()
	if turns := after.Turns - before.Turns; turns != 1 {
		t.Fatalf("%d round trips", turns)
	}
	byPath := map[string]mailsync.Folder{}
	for _, f := range l.Folders {
		byPath[strings.Join(f.Path, "/")] = f
	}
	f := byPath["A/B/C & D"]
	if !f.Subscribed || f.Status == nil || f.Status.UIDValidity == 0 || f.Raw != "A.B.C &- D" {
		t.Fatalf("%+v", l.Folders)
	}
	if after.Turns > 4 {
		t.Fatalf("connect, login and listing took %d round trips", after.Turns)
	}
}

func TestDovecotOverSTARTTLS(t *testing.T) {
	d, cfg := dovecot(t, testservers.DovecotOptions{})
	id := source(t, cfg).Identity()
	if len(id.KeySHA256) != 64 || id.ID["name"] != "Dovecot" {
		t.Fatalf("%+v", id)
	}
	start := overTLS(t, d, StartTLS)
	start.ExpectIdentity = &id
	if got := source(t, start).Identity().KeySHA256; got != id.KeySHA256 {
		t.Fatal(got)
	}
}

func TestLoginsThatFailSayWhy(t *testing.T) {
	d, cfg := dovecot(t, testservers.DovecotOptions{})
	tests := []struct {
		name      string
		change    func(*Config)
		is        error
		says      string
		temporary bool
	}{
		{"a wrong password is permanent and in the server's words", func(c *Config) { c.Password = secret.New("wrong") }, mailsync.ErrAuth, "AUTHENTICATIONFAILED", false},
		{"an authority that is not trusted names the issuer", func(c *Config) { c.CAs = testservers.NewCA(t).Pool() }, nil, "was issued by", false},
		{"a certificate for another name says for which", func(c *Config) { c.ServerName = "imap.new.example" }, nil, "the certificate is for localhost", false},
		{"another key than the one recorded", func(c *Config) {
			c.ExpectIdentity = &mailsync.Identity{KeySHA256: strings.Repeat("0", 64)}
		}, mailsync.ErrIdentity, "recorded was 0000", false},
		{"the plain port with implicit TLS", func(c *Config) {
			c.Port, _ = strconv.Atoi(testservers.Port(d.Addr))
		}, nil, "does not speak TLS on this port", false},
		{"nobody listening is temporary", func(c *Config) { c.Port = 1 }, nil, "connect", true},
		{"no TLS without being allowed", func(c *Config) { c.TLS, c.AllowPlaintext = None, false }, nil, "allow_plaintext", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := cfg
			tt.change(&c)
			_, err := OpenSource(t.Context(), c)
			if err == nil || !strings.Contains(err.Error(), tt.says) || tt.is != nil && !errors.Is(err, tt.is) || retry.IsTemporary(err) != tt.temporary {
				t.Fatalf("temporary %v: %v", retry.IsTemporary(err), err)
			}
		})
	}
}

func TestFoldersAndKeywordsThatAreRefused(t *testing.T) {
	_, cfg := dovecot(t, testservers.DovecotOptions{})
	dst := target(t, cfg)
	ctx := t.Context()
	if _, err := dst.Examine(ctx, mailsync.Folder{Path: []string{"Nowhere"}, Raw: "Nowhere"}); !errors.Is(err, mailsync.ErrNoFolder) {
		t.Fatal(err)
	}
	var failed *mailsync.AppendError
	_, err := dst.Append(ctx, mailsync.Folder{Path: []string{"Nowhere"}, Raw: "Nowhere"}, outgoing(message("A: b\r\n\r\n")))
	if !errors.As(err, &failed) || failed.Unknown || !errors.Is(err, mailsync.ErrNoFolder) {
		t.Fatal(err)
	}
	// One keyword the server will not have refuses the whole batch, and nothing of it stays.
	long := strings.Repeat("k", 500)
	_, err = dst.Append(ctx, inbox(), outgoing(message("A: b\r\n\r\n"), message("A: c\r\n\r\n", long), message("A: d\r\n\r\n")))
	var said *mailsync.ServerError
	if !errors.As(err, &failed) || failed.Unknown || failed.Accepted != 0 || !errors.As(err, &said) {
		t.Fatal(err)
	}
	// A flag that is no atom never leaves; the batch before it is kept.
	res, err := dst.Append(ctx, inbox(), outgoing(message("A: b\r\n\r\n"), message("A: c\r\n\r\n", "x\r\nb9 DELETE INBOX")))
	if !errors.As(err, &failed) || failed.Accepted != 1 || len(failed.UIDs) != 1 || !errors.Is(err, ErrFlag) {
		t.Fatal(res, err)
	}
	if st, err := dst.Select(ctx, inbox()); err != nil || st.Messages != 1 {
		t.Fatal(st, err)
	}
}

func TestAnExpiredCertificateSaysUntilWhen(t *testing.T) {
	_, cfg := dovecot(t, testservers.DovecotOptions{Certificate: testservers.Certificate{Expired: true}})
	if _, err := OpenSource(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "its owner must renew it") || retry.IsTemporary(err) {
		t.Fatal(err)
	}
}

func TestIdleWakesWhenMailArrives(t *testing.T) {
	_, cfg := dovecot(t, testservers.DovecotOptions{})
	src, dst := source(t, cfg), target(t, cfg)
	if _, err := src.Examine(t.Context(), inbox()); err != nil {
		t.Fatal(err)
	}
	woken := make(chan error, 1)
	go func() {
		changed, err := src.Idle(t.Context(), time.Hour)
		if err == nil && !changed {
			err = errors.New("the hour passed")
		}
		woken <- err
	}()
	if _, err := dst.Append(t.Context(), inbox(), outgoing(message("A: b\r\n\r\n"))); err != nil {
		t.Fatal(err)
	}
	if err := <-woken; err != nil {
		t.Fatal(err)
	}
	if uids, err := src.UIDs(t.Context()); err != nil || len(uids) != 1 {
		t.Fatal(uids, err)
	}
	if changed, err := src.Idle(t.Context(), time.Millisecond); err != nil || changed {
		t.Fatal(changed, err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	boom := errors.New("enough")
	cancel(boom)
	if _, err := src.Idle(ctx, time.Minute); !errors.Is(err, boom) {
		t.Fatal(err)
	}
}

// TestIdleWakesForEveryFolder: RFC 5465; also when the mail came while nobody
// was waiting.
func TestIdleWakesForEveryFolder(t *testing.T) {
	t.Run("Dovecot", func(t *testing.T) {
		_, cfg := dovecot(t, testservers.DovecotOptions{})
		wakesForEveryFolder(t, cfg)
	})
	t.Run("mox", func(t *testing.T) {
		m := testservers.StartMox(t, testservers.MoxOptions{})
		m.AddDomain("new.example")
		m.AddAccount("alice", "alice@new.example", "a long enough password")
		port, err := strconv.Atoi(testservers.Port(m.IMAPSAddr))
		if err != nil {
			t.Fatal(err)
		}
		wakesForEveryFolder(t, Config{Host: m.Host, Port: port, TLS: Implicit, CAs: m.CA.Pool(), Login: "alice@new.example", Password: secret.New("a long enough password")})
	})
}

func wakesForEveryFolder(t *testing.T, cfg Config) {
	src, dst := source(t, cfg), target(t, cfg)
	lists, err := dst.Create(t.Context(), []string{"Lists", "é"}, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := src.Examine(t.Context(), inbox()); err != nil {
		t.Fatal(err)
	}
	if changed, err := src.Idle(t.Context(), time.Millisecond); err != nil || changed {
		t.Fatal(changed, err)
	}
	for range 3 {
		if _, err := dst.Append(t.Context(), lists, outgoing(message("A: b\r\n\r\n"))); err != nil {
			t.Fatal(err)
		}
		if changed, err := src.Idle(t.Context(), 5*time.Minute); err != nil || !changed {
			t.Fatal(changed, err)
		}
		if st, err := src.Examine(t.Context(), inbox()); err != nil || st.Messages != 0 {
			t.Fatal(st, err)
		}
	}
}
