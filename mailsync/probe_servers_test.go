package mailsync_test

import (
	"context"
	"crypto/rand"
	"slices"
	"strings"
	"testing"
	"time"

	"bascule/internal/clock"
	"bascule/mailsync"
	"bascule/mailsync/imapstore"
	"bascule/mailsync/ledger/ledgertest"
)

// expectedClass is what the servers of the matrix are: none of them keeps a
// bare LF, whatever it stores, but for those that refuse it.
var expectedClass = map[string]struct {
	class   mailsync.Class
	alters  []mailsync.Alteration
	refuses string
}{
	"Dovecot mdbox CRLF":   {mailsync.Normalised, []mailsync.Alteration{mailsync.AltersNUL, mailsync.AltersLineEnds}, ""},
	"Dovecot mdbox LF":     {mailsync.Normalised, []mailsync.Alteration{mailsync.AltersNUL, mailsync.AltersLineEnds}, ""},
	"Dovecot Maildir CRLF": {mailsync.Normalised, []mailsync.Alteration{mailsync.AltersNUL, mailsync.AltersLineEnds}, ""},
	"Dovecot Maildir LF":   {mailsync.Normalised, []mailsync.Alteration{mailsync.AltersNUL, mailsync.AltersLineEnds}, ""},
	"Cyrus":                {mailsync.Normalised, []mailsync.Alteration{mailsync.AltersHighHeaders}, "NUL"},
	"mox":                  {mailsync.Normalised, []mailsync.Alteration{mailsync.AltersLineEnds}, ""},
	"memory":               {mailsync.Exact, nil, ""},
}

// TestClassesOfRealServers probes one account from another of the same server,
// and from itself.
func TestClassesOfRealServers(t *testing.T) {
	for _, k := range serverKinds() {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			login := k.start(t, []string{"anna", "bea"})
			o := mailsync.ProbeOptions{OpenSource: readingOf(login("anna")), OpenTarget: writingTo(login("bea")), Clock: clock.NewVirtual(time.Now()), Random: rand.Reader}
			p, err := mailsync.Probe(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			t.Log(strings.Join(p.Describe(), "; "))
			want := expectedClass[k.name]
			slices.Sort(want.alters)
			if p.Class != want.class || !slices.Equal(p.Alters, want.alters) || len(p.Unrecognised) > 0 {
				t.Errorf("class %s, alters %v, unrecognised %v", p.Class, p.Alters, p.Unrecognised)
			}
			if refused := slices.ContainsFunc(p.Refuses, func(r mailsync.RefusedKind) bool { return r.Kind == want.refuses }); refused != (want.refuses != "") {
				t.Errorf("refuses %v", p.Refuses)
			}
			o.OpenSource = readingOf(login("bea"))
			if _, err := mailsync.Probe(t.Context(), o); err == nil || !strings.Contains(err.Error(), mailsync.ErrSameAccount.Error()) {
				t.Errorf("one account on both sides: %v", err)
			}
			for _, f := range pathsOf(t, login("bea")) {
				if isProbe(f[len(f)-1]) {
					t.Errorf("%v stayed", f)
				}
			}
		})
	}
}

func readingOf(a account) func(context.Context) (mailsync.Source, error) {
	return func(ctx context.Context) (mailsync.Source, error) { return imapstore.OpenSource(ctx, a.store) }
}

func writingTo(a account) func(context.Context) (mailsync.Target, error) {
	return func(ctx context.Context) (mailsync.Target, error) { return imapstore.OpenTarget(ctx, a.store) }
}

func pathsOf(t *testing.T, a account) (out [][]string) {
	t.Helper()
	s, err := readingOf(a)(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	l, err := s.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range l.Folders {
		out = append(out, f.Path)
	}
	return out
}

// TestTwinsOnDovecot: a message that the forward brings after the pull copied
// it is there once, and what else was copied stays.
func TestTwinsOnDovecot(t *testing.T) {
	k := serverKinds()[3]
	login := k.start(t, []string{"anna", "bea"})
	now := time.Now() // Dovecot does not keep dates in the future
	early := now.Add(-time.Hour)
	deliver(t, login("anna"), early, arrived(1, "A"), arrived(2, "B"))
	o := mailsync.Options{OpenSource: readingOf(login("anna")), OpenTarget: writingTo(login("bea")), Ledger: ledgertest.NewMemory("twins"), Owner: "test",
		Clock: clock.NewVirtual(now), Policy: mailsync.AddOnly,
		Forward: &mailsync.Forward{Since: now.Add(-4 * time.Hour), Hosts: []string{"mx.old.example"}, Grace: 15 * time.Minute}}
	pass := func() mailsync.Report {
		t.Helper()
		r, err := mailsync.Pass(t.Context(), o)
		if err != nil || !r.Complete {
			t.Fatalf("%v %+v", err, r)
		}
		return r
	}
	pass()
	deliver(t, login("bea"), now, forwarded(1, "A"))
	deliver(t, login("anna"), early, arrived(3, "C"))
	deliver(t, login("bea"), now, forwarded(3, "C"))
	if r := pass(); r.Withdrawn != 1 || r.Totals[mailsync.Delivered] != 2 || r.Totals[mailsync.Copied] != 1 {
		t.Fatalf("withdrawn %d, %v", r.Withdrawn, r.Totals)
	}
	if n := messagesIn(t, login("bea")); n != 3 {
		t.Fatalf("%d messages, want 3", n)
	}
	if r := pass(); r.Withdrawn != 0 || messagesIn(t, login("bea")) != 3 {
		t.Fatalf("%+v", r)
	}
}

func deliver(t *testing.T, a account, at time.Time, bodies ...string) {
	t.Helper()
	target, err := writingTo(a)(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer target.Close()
	inbox := mailsync.Folder{Path: []string{"INBOX"}, Raw: "INBOX"}
	_, err = target.Append(t.Context(), inbox, func() (*mailsync.Outgoing, error) {
		if len(bodies) == 0 {
			return nil, nil
		}
		b := bodies[0]
		bodies = bodies[1:]
		return &mailsync.Outgoing{Size: int64(len(b)), Date: at, Body: strings.NewReader(b)}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func messagesIn(t *testing.T, a account) int {
	t.Helper()
	s, err := readingOf(a)(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	st, err := s.Examine(t.Context(), mailsync.Folder{Path: []string{"INBOX"}, Raw: "INBOX"})
	if err != nil {
		t.Fatal(err)
	}
	return int(st.Messages)
}
