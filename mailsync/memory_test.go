package mailsync_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"bascule/internal/clock"
	"bascule/mailsync"
	"bascule/mailsync/ledger"
)

// throng is a server with one folder of messages that it does not hold: each
// is made from its UID when it is asked for. As a target, it takes them in
// the order in which another throng gives them.
type throng struct {
	n       int
	changed map[mailsync.UID]bool // flagged since
	changes int
}

// modseq rises with every message and every change.
func (c *throng) modseq() uint64 { return uint64(c.n + c.changes + 1) }

func (c *throng) meta(uid mailsync.UID) mailsync.Meta {
	m := mailsync.Meta{UID: uid, Size: int64(len(c.text(uid))), Date: day.Add(time.Duration(uid) * time.Second), ModSeq: uint64(uid) + 1}
	if uid%3 > 0 {
		m.Flags = []string{`\Seen`}
	}
	if c.changed[uid] {
		m.Flags, m.ModSeq = append(m.Flags, `\Flagged`), c.modseq()
	}
	return m
}

func (c *throng) text(uid mailsync.UID) string {
	return fmt.Sprintf("Message-ID: <%d@example.com>\r\n\r\n%d\r\n", uid, uid)
}

func (c *throng) status() mailsync.Status {
	return mailsync.Status{UIDValidity: 7, UIDNext: mailsync.UID(c.n + 1), Messages: uint32(c.n), HighestModSeq: c.modseq()}
}

func (c *throng) folder() mailsync.Folder {
	st := c.status()
	return mailsync.Folder{Path: []string{"INBOX"}, Raw: "INBOX", Delim: '/', Selectable: true, Subscribed: true, Status: &st}
}

func (c *throng) Identity() mailsync.Identity { return mailsync.Identity{} }
func (c *throng) List(context.Context) (mailsync.Listing, error) {
	return mailsync.Listing{Folders: []mailsync.Folder{c.folder()}}, nil
}
func (c *throng) Examine(context.Context, mailsync.Folder) (mailsync.Status, error) {
	return c.status(), nil
}
func (c *throng) Select(context.Context, mailsync.Folder) (mailsync.Status, error) {
	return c.status(), nil
}
func (c *throng) Close() error { return nil }

func (c *throng) Scan(_ context.Context, since uint64, fn func(mailsync.Meta) error) error {
	for uid := mailsync.UID(1); int(uid) <= c.n; uid++ {
		if m := c.meta(uid); m.ModSeq > since || since == 0 {
			if err := fn(m); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *throng) UIDs(context.Context) (out []mailsync.UID, err error) {
	return out, c.Scan(context.Background(), 0, func(m mailsync.Meta) error { out = append(out, m.UID); return nil })
}

func (c *throng) Fetch(_ context.Context, uids []mailsync.UID, fn func(mailsync.Meta, int64, io.Reader) error) ([]mailsync.UID, error) {
	for _, uid := range uids {
		m := c.meta(uid)
		if err := fn(m, m.Size, strings.NewReader(c.text(uid))); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

func (c *throng) Append(_ context.Context, _ mailsync.Folder, next func() (*mailsync.Outgoing, error)) (a mailsync.Appended, err error) {
	a.UIDValidity = 7
	for {
		m, err := next()
		if m == nil || err != nil {
			return a, err
		}
		if _, err := io.Copy(io.Discard, m.Body); err != nil {
			return a, err
		}
		c.n++
		a.UIDs = append(a.UIDs, mailsync.UID(c.n))
	}
}

func (c *throng) AddFlags(_ context.Context, uids []mailsync.UID, _ []string) error {
	c.changes++
	for _, u := range uids {
		c.changed[u] = true
	}
	return nil
}

func (c *throng) RemoveFlags(context.Context, []mailsync.UID, []string) error { return nil }
func (c *throng) Subscribe(context.Context, mailsync.Folder) error            { return nil }
func (c *throng) Expunge(context.Context, []mailsync.UID) error               { return nil }
func (c *throng) Create(context.Context, []string, string) (mailsync.Folder, error) {
	return c.folder(), nil
}
func (c *throng) Move(context.Context, []mailsync.UID, mailsync.Folder) ([]mailsync.UID, error) {
	return nil, nil
}
func (c *throng) Accepts() mailsync.Accepts {
	return mailsync.Accepts{Flags: []string{`\Seen`, `\Flagged`}, UIDPlus: true, Move: true, MultiAppend: true}
}

// fullest runs a pass and returns the octets that lived at its fullest.
func fullest(t *testing.T, o mailsync.Options) int {
	t.Helper()
	heap := func() int {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int(m.HeapAlloc)
	}
	before, most, steps := heap(), 0, 0
	o.Tap = func(string) {
		if steps++; steps%20 == 1 {
			most = max(most, heap())
		}
	}
	r, err := mailsync.Pass(t.Context(), o)
	if err != nil || !r.Complete {
		t.Fatalf("%v, %+v", err, r)
	}
	return most - before
}

// TestAMessageTakesFewOctetsOfMemory keeps a folder of a million messages in
// 128 MiB: what a pass remembers of each is bounded, whatever it does with it.
func TestAMessageTakesFewOctetsOfMemory(t *testing.T) {
	const n = 100_000
	path := filepath.Join(t.TempDir(), "throng.db")
	l, err := ledger.Open(t.Context(), path, ledger.Options{Clock: clock.Real{}, Random: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	source := &throng{n: n, changed: map[mailsync.UID]bool{}}
	target := &throng{changed: map[mailsync.UID]bool{}}
	o := mailsync.Options{Owner: "test", Clock: clock.Real{}, Ledger: l, BatchMessages: 2000,
		OpenSource: func(context.Context) (mailsync.Source, error) { return source, nil },
		OpenTarget: func(context.Context) (mailsync.Target, error) { return target, nil }}
	const most = 40*n + 2<<20 // what is under way, however many there are
	if took := fullest(t, o); took > most {
		t.Errorf("the first copy takes %d octets for each message", took/n)
	}
	for uid := mailsync.UID(50); uid <= n; uid += 100 {
		source.changed[uid] = true
	}
	source.n, source.changes = n+n/1000, 1
	if took := fullest(t, o); took > most {
		t.Errorf("a pass over what changed takes %d octets for each message", took/n)
	}
	if len(target.changed) != n/100 || target.n != source.n {
		t.Errorf("%d flagged, %d messages", len(target.changed), target.n)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if per := info.Size() / n; per > 100 {
		t.Errorf("the ledger takes %d octets for each message", per)
	}
}
