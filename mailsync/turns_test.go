package mailsync_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"bascule/internal/clock"
	"bascule/internal/secret"
	"bascule/internal/testservers"
	"bascule/mailsync"
	"bascule/mailsync/imapstore"
	"bascule/mailsync/ledger"
	"bascule/mailsync/wire"
)

// meters collects what went over the connections of a pass.
type meters struct {
	mu             sync.Mutex
	source, target []func() wire.Meter
	// several is closed once a second connection to the target is there.
	several chan struct{}
}

func (m *meters) options(source, target imapstore.Config) mailsync.Options {
	return mailsync.Options{Owner: "test", Clock: clock.Real{},
		OpenSource: func(ctx context.Context) (mailsync.Source, error) {
			s, err := imapstore.OpenSource(ctx, source)
			if err == nil {
				m.mu.Lock()
				defer m.mu.Unlock()
				m.source = append(m.source, s.Meter)
			}
			return s, err
		},
		OpenTarget: func(ctx context.Context) (mailsync.Target, error) {
			t, err := imapstore.OpenTarget(ctx, target)
			if err == nil {
				m.mu.Lock()
				defer m.mu.Unlock()
				m.target = append(m.target, t.Meter)
				if len(m.target) == 2 {
					close(m.several)
				}
			}
			return t, err
		}}
}

func dovecotMailbox(t *testing.T) imapstore.Config {
	t.Helper()
	d := testservers.StartDovecot(t, testservers.DovecotOptions{Users: []testservers.User{{Name: "alice", Password: "of a test"}}, SaveCRLF: true})
	port, err := strconv.Atoi(testservers.Port(d.IMAPSAddr))
	if err != nil {
		t.Fatal(err)
	}
	return imapstore.Config{Host: d.Host, Port: port, TLS: imapstore.Implicit, CAs: d.CA.Pool(), Login: "alice", Password: secret.New("of a test")}
}

// TestRoundTripsAreFew counts on the wire, with what runs in production on
// both sides: a pass over sixteen folders with nothing to do is a login and a
// listing, and neither a first copy nor a change waits folder by folder to look.
func TestRoundTripsAreFew(t *testing.T) {
	source, target := dovecotMailbox(t), dovecotMailbox(t)
	folders := fillFolders(t, source, 16, 40)
	l, err := ledger.Open(t.Context(), filepath.Join(t.TempDir(), "alice.db"), ledger.Options{Clock: clock.Real{}, Random: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	pass := func(tap func(*meters)) (*meters, mailsync.Report) {
		m := &meters{several: make(chan struct{})}
		o := m.options(source, target)
		o.Ledger, o.BatchMessages = l, 10
		o.Tap = func(point string) {
			if point == "before APPEND" {
				tap(m)
			}
		}
		r, err := mailsync.Pass(t.Context(), o)
		if err != nil || !r.Complete {
			t.Fatalf("%v, %+v", err, r)
		}
		return m, r
	}
	// Nothing is sent before there are two connections: one alone could be
	// through before a slow login of the other.
	first, r := pass(func(m *meters) {
		select {
		case <-m.several:
		case <-t.Context().Done():
		}
	})
	if r.Totals[mailsync.Copied] != 16*40 || len(first.target) < 2 || len(first.target) > 4 {
		t.Fatalf("%v on %d connections", r.Totals, len(first.target))
	}
	appends := 0
	for _, m := range first.target {
		appends += m().Commands["APPEND"]
		if turns := m().Turns; turns > 14 {
			t.Errorf("a first copy waited %d times on one connection: %v", turns, m().Commands)
		}
	}
	if appends != 16*4 {
		t.Errorf("%d APPEND commands", appends)
	}
	idle, _ := pass(func(*meters) {})
	for side, list := range map[string][]func() wire.Meter{"source": idle.source, "target": idle.target} {
		if len(list) != 1 {
			t.Fatalf("%d connections to the %s with nothing to do", len(list), side)
		}
		m := list[0]()
		// Connecting, login, listing; nobody waits for an answer to the farewell.
		if m.Turns+1 > 3 || m.Commands["LOGOUT"] != 1 || m.Commands["EXAMINE"]+m.Commands["SELECT"]+m.Commands["STATUS"] > 0 {
			t.Errorf("%s: %d round trips with nothing to do: %v", side, m.Turns+1, m.Commands)
		}
	}
	changeFolders(t, source, 16)
	changed, r := pass(func(*meters) {})
	if r.Outcomes[mailsync.Copied] != 32 || r.Deleted != 16 || r.Flagged != 16 {
		t.Errorf("%v, %d deleted, %d flagged", r.Outcomes, r.Deleted, r.Flagged)
	}
	// Each side: greeting, login, list; a look, and another before anything is
	// deleted; octets that the size does not tell apart. The source: messages.
	// The target: what folders keep, messages, flags, what became of them, the
	// mark, the expunge, and how all is left where reading back was not the last.
	for side, most := range map[string]int64{"source": 7, "target": 12} {
		list := changed.source
		if side == "target" {
			list = changed.target
		}
		if m := list[0](); len(list) != 1 || m.Turns+1 > most {
			t.Errorf("%s: %d round trips on %d connections for a change in 16 folders: %v", side, m.Turns+1, len(list), m.Commands)
		}
	}
	verify(t, l, source, target, folders*41)
}

func fillFolders(t *testing.T, cfg imapstore.Config, folders, messages int) int {
	t.Helper()
	s, err := imapstore.OpenTarget(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for n := range folders {
		path := []string{"INBOX"}
		if n > 0 {
			path = []string{fmt.Sprintf("Dossier %d", n)}
		}
		f, err := s.Create(t.Context(), path, "")
		if err != nil {
			t.Fatal(err)
		}
		i := 0
		_, err = s.Append(t.Context(), f, func() (*mailsync.Outgoing, error) {
			if i == messages {
				return nil, nil
			}
			i++
			text := body(i + n*1000)
			return &mailsync.Outgoing{Size: int64(len(text)), Date: day, Body: strings.NewReader(text)}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return folders
}

// changeFolders gives each folder two new messages, flags one and expunges one.
func changeFolders(t *testing.T, cfg imapstore.Config, folders int) {
	t.Helper()
	s, err := imapstore.OpenTarget(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for n := range folders {
		f := mailsync.Folder{Path: []string{"INBOX"}, Raw: "INBOX"}
		if n > 0 {
			f = mailsync.Folder{Path: []string{fmt.Sprintf("Dossier %d", n)}, Raw: fmt.Sprintf("Dossier %d", n)}
		}
		i := 0
		_, err := s.Append(t.Context(), f, func() (*mailsync.Outgoing, error) {
			if i++; i > 2 {
				return nil, nil
			}
			text := body(100_000 + n*10 + i)
			return &mailsync.Outgoing{Size: int64(len(text)), Date: day, Body: strings.NewReader(text)}, nil
		})
		if err == nil {
			_, err = s.Select(t.Context(), f)
		}
		if err == nil {
			err = s.AddFlags(t.Context(), []mailsync.UID{3}, []string{`\Flagged`})
		}
		if err == nil {
			err = s.AddFlags(t.Context(), []mailsync.UID{5}, []string{`\Deleted`})
		}
		if err == nil {
			err = s.Expunge(t.Context(), []mailsync.UID{5})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func verify(t *testing.T, l mailsync.Ledger, source, target imapstore.Config, want int) {
	t.Helper()
	v, err := mailsync.Verify(t.Context(), mailsync.VerifyOptions{Ledger: l, Depth: mailsync.Full, Now: day,
		OpenSource: func(ctx context.Context) (mailsync.Source, error) { return imapstore.OpenSource(ctx, source) },
		OpenTarget: func(ctx context.Context) (mailsync.Source, error) { return imapstore.OpenSource(ctx, target) }})
	if err != nil || v.Err() != nil || v.Matched != want {
		t.Fatalf("%v, %+v", err, v)
	}
}
