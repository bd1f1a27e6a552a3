package storetest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"bascule/mailsync"
)

// Fixture is one empty account and a way to connect to it. What a server
// lacks by nature is read from Accepts, not excused here.
type Fixture struct {
	// Open connects; the suite closes what it opens.
	Open func(t *testing.T) mailsync.Target
	// OpenReadOnly connects as a source, to see what the target made.
	OpenReadOnly func(t *testing.T) mailsync.Source
	// AltersBodies is true for servers known not to keep irregular octets.
	AltersBodies bool
}

// Run checks a Target against the contract of its interface. fresh returns
// an empty account for each test.
func Run(t *testing.T, fresh func(t *testing.T) Fixture) {
	tests := map[string]func(*testing.T, Fixture){
		"a batch arrives whole, in order, with dates and flags": batchArrives,
		"an empty batch sends nothing":                          emptyBatch,
		"a body that breaks leaves nothing behind":              brokenBody,
		"creating a folder that exists is no error":             createTwice,
		"a folder that does not exist is named as such":         noFolder,
		"flags are added and removed":                           flagsChange,
		"a move keeps the octets":                               moveKeeps,
		"expunge removes exactly what it is given":              expungeExact,
		"a fetch names what is missing":                         fetchMissing,
		"status tells every change":                             statusTells,
		"a cancelled context ends the wait":                     cancelled,
		"scan since a mod-sequence":                             scanSince,
		"hostile folder names come back as they were":           folderNames,
		"a survey agrees with looking one by one":               surveyAgrees,
		"what is told of changes makes a whole":                 changesAgree,
		"batches behind one another arrive in order":            streamKeepsOrder,
		"folders made at once are all there":                    foundingAgrees,
		"many folders are read at once":                         readsMany,
		"flags of many folders are changed at once":             storesMany,
		"messages of many folders are expunged at once":         expungesMany,
		"a copy within is the same message in another folder":   copiesWithin,
		"a folder that is removed is gone, and no other":        removesFolder,
		"the beginning of a message is its first octets":        beginnings,
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { test(t, fresh(t)) })
	}
}

// suite is an open target with a folder selected.
type suite struct {
	t      *testing.T
	ctx    context.Context
	target mailsync.Target
	folder mailsync.Folder
	status mailsync.Status
}

func (f Fixture) begin(t *testing.T) *suite {
	t.Helper()
	s := &suite{t: t, ctx: t.Context(), target: f.Open(t)}
	t.Cleanup(func() { _ = s.target.Close() })
	var err error
	if s.folder, err = s.target.Create(s.ctx, []string{"Contrat"}, ""); err != nil {
		t.Fatal(err)
	}
	s.selectFolder(s.folder)
	return s
}

func (s *suite) selectFolder(f mailsync.Folder) {
	s.t.Helper()
	var err error
	if s.status, err = s.target.Select(s.ctx, f); err != nil {
		s.t.Fatal(err)
	}
}

var date = time.Date(2019, 7, 14, 8, 30, 1, 0, time.FixedZone("", 7200))

func batchOf(bodies ...string) func() (*mailsync.Outgoing, error) {
	return func() (*mailsync.Outgoing, error) {
		if len(bodies) == 0 {
			return nil, nil
		}
		b := bodies[0]
		bodies = bodies[1:]
		return &mailsync.Outgoing{Size: int64(len(b)), Date: date, Flags: []string{`\Answered`, `\Seen`}, Body: strings.NewReader(b)}, nil
	}
}

func (s *suite) append(bodies ...string) mailsync.Appended {
	s.t.Helper()
	done, err := s.target.Append(s.ctx, s.folder, batchOf(bodies...))
	if err != nil {
		s.t.Fatalf("append: %v", err)
	}
	return done
}

func (s *suite) scan(since uint64) []mailsync.Meta {
	s.t.Helper()
	var out []mailsync.Meta
	if err := s.target.Scan(s.ctx, since, func(m mailsync.Meta) error { out = append(out, m); return nil }); err != nil {
		s.t.Fatalf("scan: %v", err)
	}
	return out
}

func (s *suite) uids() []mailsync.UID {
	s.t.Helper()
	uids, err := s.target.UIDs(s.ctx)
	if err != nil {
		s.t.Fatalf("uids: %v", err)
	}
	return uids
}

func (s *suite) bodies(uids []mailsync.UID) (map[mailsync.UID]string, []mailsync.UID) {
	s.t.Helper()
	out := map[mailsync.UID]string{}
	missing, err := s.target.Fetch(s.ctx, uids, func(m mailsync.Meta, octets int64, body io.Reader) error {
		var b bytes.Buffer
		n, err := io.Copy(&b, body)
		if n != octets {
			s.t.Errorf("message %d: %d octets announced, %d read", m.UID, octets, n)
		}
		out[m.UID] = b.String()
		return err
	})
	if err != nil {
		s.t.Fatalf("fetch: %v", err)
	}
	return out, missing
}

func mail(n int) string {
	return "From: a@example.com\r\nSubject: " + strings.Repeat("é", n) + "\r\n\r\nbody\r\n" + strings.Repeat("0123456789abcdef\r\n", n*40)
}

func batchArrives(t *testing.T, f Fixture) {
	s := f.begin(t)
	sent := []string{mail(1), mail(2), mail(2), mail(300)}
	if !f.AltersBodies {
		sent = append(sent, "no header, no line end", "{100+}\r\n* BYE\r\na1 OK done\r\n)\r\n")
	}
	done := s.append(sent...)
	s.selectFolder(s.folder)
	metas := s.scan(0)
	if len(metas) != len(sent) || int(s.status.Messages) != len(sent) {
		t.Fatalf("%d messages, status says %d, sent %d", len(metas), s.status.Messages, len(sent))
	}
	if s.target.Accepts().UIDPlus && (len(done.UIDs) != len(sent) || done.UIDValidity != s.status.UIDValidity) {
		t.Fatalf("append said %+v, status %+v", done, s.status)
	}
	bodies, missing := s.bodies(s.uids())
	if len(missing) > 0 {
		t.Fatalf("missing: %v", missing)
	}
	for i, m := range metas {
		if bodies[m.UID] != sent[i] {
			t.Errorf("message %d is %.60q, sent %.60q", i, bodies[m.UID], sent[i])
		}
		if done.UIDs != nil && done.UIDs[i] != m.UID {
			t.Errorf("message %d has UID %d, append said %d", i, m.UID, done.UIDs[i])
		}
		if !m.Date.Equal(date) || !slices.Equal(m.Flags, []string{`\Answered`, `\Seen`}) {
			t.Errorf("message %d: %v %v", i, m.Date, m.Flags)
		}
	}
}

func emptyBatch(t *testing.T, f Fixture) {
	s := f.begin(t)
	if done, err := s.target.Append(s.ctx, s.folder, batchOf()); err != nil || len(done.UIDs) != 0 {
		t.Fatalf("%+v, %v", done, err)
	}
	if got := s.uids(); len(got) != 0 {
		t.Fatalf("messages appeared: %v", got)
	}
}

// brokenBody: the source's connection ends in the middle of a literal. What
// the target then holds may be the whole messages before it, never a part.
func brokenBody(t *testing.T, f Fixture) {
	s := f.begin(t)
	boom := errors.New("the source went away")
	whole := batchOf(mail(1))
	n := 0
	_, err := s.target.Append(s.ctx, s.folder, func() (*mailsync.Outgoing, error) {
		if n++; n == 1 {
			return whole()
		}
		return &mailsync.Outgoing{Size: 5000, Date: date, Body: io.MultiReader(strings.NewReader(mail(1)), failing{boom})}, nil
	})
	var ae *mailsync.AppendError
	if !errors.As(err, &ae) || !errors.Is(err, boom) {
		t.Fatalf("error is %v, want an AppendError that wraps the reader's", err)
	}
	again := f.OpenReadOnly(t)
	defer again.Close()
	if _, err := again.Examine(s.ctx, s.folder); err != nil {
		t.Fatal(err)
	}
	_, err = again.Fetch(s.ctx, mustUIDs(t, again), func(m mailsync.Meta, _ int64, body io.Reader) error {
		b, err := io.ReadAll(body)
		if string(b) != mail(1) {
			t.Errorf("a part of a message was stored: %.60q", b)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func mustUIDs(t *testing.T, s mailsync.Source) []mailsync.UID {
	t.Helper()
	uids, err := s.UIDs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return uids
}

func createTwice(t *testing.T, f Fixture) {
	s := f.begin(t)
	for range 2 {
		got, err := s.target.Create(s.ctx, []string{"Contrat", "Été", "Neuf"}, "")
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff([]string{"Contrat", "Été", "Neuf"}, got.Path); d != "" {
			t.Fatal(d)
		}
		s.selectFolder(got)
		if err := s.target.Subscribe(s.ctx, got); err != nil {
			t.Fatal(err)
		}
	}
	l, err := s.target.List(s.ctx)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(l.Folders, func(x mailsync.Folder) bool {
		return slices.Equal(x.Path, []string{"Contrat", "Été", "Neuf"}) && x.Subscribed
	}) {
		t.Fatalf("not listed as subscribed: %+v", l.Folders)
	}
}

func noFolder(t *testing.T, f Fixture) {
	s := f.begin(t)
	ghost := s.folder
	ghost.Path, ghost.Raw = []string{"Fantome"}, "Fantome"
	if _, err := s.target.Examine(s.ctx, ghost); !errors.Is(err, mailsync.ErrNoFolder) {
		t.Fatalf("got %v", err)
	}
	s.selectFolder(s.folder) // the connection goes on
}

func flagsChange(t *testing.T, f Fixture) {
	s := f.begin(t)
	s.append(mail(1), mail(2))
	uids := s.uids()
	if err := s.target.AddFlags(s.ctx, uids[:1], []string{`\Flagged`}); err != nil {
		t.Fatal(err)
	}
	if err := s.target.RemoveFlags(s.ctx, uids[1:], []string{`\Seen`}); err != nil {
		t.Fatal(err)
	}
	metas := s.scan(0)
	got := [][]string{metas[0].Flags, metas[1].Flags}
	if d := cmp.Diff([][]string{{`\Answered`, `\Flagged`, `\Seen`}, {`\Answered`}}, got); d != "" {
		t.Fatal(d)
	}
}

func moveKeeps(t *testing.T, f Fixture) {
	s := f.begin(t)
	if !s.target.Accepts().Move {
		t.Skip("the server has no MOVE")
	}
	s.append(mail(1), mail(2))
	to, err := s.target.Create(s.ctx, []string{"Ailleurs"}, "")
	if err != nil {
		t.Fatal(err)
	}
	s.selectFolder(s.folder)
	got, err := s.target.Move(s.ctx, s.uids()[:1], to)
	if err != nil {
		t.Fatal(err)
	}
	if left := s.uids(); len(left) != 1 {
		t.Fatalf("left behind: %v", left)
	}
	s.selectFolder(to)
	there := s.uids()
	if len(there) != 1 || (got != nil && got[0] != there[0]) {
		t.Fatalf("moved to %v, the server said %v", there, got)
	}
	bodies, _ := s.bodies(there)
	if bodies[there[0]] != mail(1) || !s.scan(0)[0].Date.Equal(date) {
		t.Fatal("the move changed the message")
	}
}

func expungeExact(t *testing.T, f Fixture) {
	s := f.begin(t)
	s.append(mail(1), mail(2), mail(3))
	uids := s.uids()
	if err := s.target.AddFlags(s.ctx, uids[:2], []string{`\Deleted`}); err != nil {
		t.Fatal(err)
	}
	err := s.target.Expunge(s.ctx, uids[:1])
	if !s.target.Accepts().UIDPlus {
		if !errors.Is(err, mailsync.ErrNoUIDPlus) || len(s.uids()) != 3 {
			t.Fatalf("without UIDPLUS: %v, %v", err, s.uids())
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(uids[1:], s.uids()); d != "" {
		t.Fatalf("another message went too:\n%s", d)
	}
}

func fetchMissing(t *testing.T, f Fixture) {
	s := f.begin(t)
	s.append(mail(1))
	uid := s.uids()[0]
	bodies, missing := s.bodies([]mailsync.UID{uid, uid + 1000})
	if len(bodies) != 1 || !slices.Equal(missing, []mailsync.UID{uid + 1000}) {
		t.Fatalf("%d bodies, missing %v", len(bodies), missing)
	}
	if flags := s.scan(0)[0].Flags; !slices.Equal(flags, []string{`\Answered`, `\Seen`}) {
		t.Fatalf("reading changed the flags: %v", flags)
	}
}

func statusTells(t *testing.T, f Fixture) {
	s := f.begin(t)
	before := s.listed()
	s.append(mail(1))
	s.selectFolder(s.folder)
	added := s.listed()
	if *added == *before || added.Messages != 1 || added.UIDNext <= before.UIDNext || added.UIDValidity != before.UIDValidity {
		t.Fatalf("%+v, then %+v", before, added)
	}
	if err := s.target.AddFlags(s.ctx, s.uids(), []string{`\Flagged`}); err != nil {
		t.Fatal(err)
	}
	if flagged := s.listed(); flagged.HighestModSeq > 0 && flagged.HighestModSeq == added.HighestModSeq {
		t.Fatalf("a flag changed and the mod-sequence did not: %+v", flagged)
	}
}

func (s *suite) listed() *mailsync.Status {
	s.t.Helper()
	l, err := s.target.List(s.ctx)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, x := range l.Folders {
		if slices.Equal(x.Path, s.folder.Path) && x.Status != nil {
			return x.Status
		}
	}
	s.t.Skip("the server gives no STATUS with LIST")
	return nil
}

func cancelled(t *testing.T, f Fixture) {
	s := f.begin(t)
	ctx, cancel := context.WithCancel(s.ctx)
	cancel()
	if _, err := s.target.List(ctx); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
}

func scanSince(t *testing.T, f Fixture) {
	s := f.begin(t)
	s.append(mail(1), mail(2))
	s.selectFolder(s.folder)
	if s.status.HighestModSeq == 0 {
		t.Skip("the server has no CONDSTORE")
	}
	since := s.status.HighestModSeq
	if err := s.target.AddFlags(s.ctx, s.uids()[1:], []string{`\Flagged`}); err != nil {
		t.Fatal(err)
	}
	got := s.scan(since)
	if len(got) != 1 || got[0].UID != s.uids()[1] || got[0].Size == 0 || got[0].Date.IsZero() {
		t.Fatalf("changed since %d: %+v", since, got)
	}
}

func folderNames(t *testing.T, f Fixture) {
	s := f.begin(t)
	for _, name := range []string{"Éléments envoyés", "a & b", "100 %", `quo"te`, `back\slash`, "日本語", "with (parens) {5}", "~tilde", "&AOk-"} {
		made, err := s.target.Create(s.ctx, []string{name}, "")
		var se *mailsync.ServerError
		if errors.As(err, &se) && se.Status != "BYE" {
			continue // refused, and said so
		}
		if err != nil {
			t.Fatalf("%q: %v", name, err)
		}
		if !slices.Equal(made.Path, []string{name}) {
			t.Errorf("created %q, listed as %q", name, made.Path)
		}
		s.selectFolder(made)
	}
}
