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
	pass := func() (*meters, mailsync.Report) {
		m := &meters{}
		o := m.options(source, target)
		o.Ledger, o.BatchMessages = l, 10
		r, err := mailsync.Pass(t.Context(), o)
		if err != nil || !r.Complete {
			t.Fatalf("%v, %+v", err, r)
		}
		return m, r
	}
	first, r := pass()
	if r.Totals[mailsync.Copied] != 16*40 || len(first.target) < 2 || len(first.target) > 4 {
		t.Fatalf("%v on %d connections", r.Totals, len(first.target))
	}
	appends := 0
	for _, m := range first.target {
		appends += m().Commands["APPEND"]
		if turns := m().Turns; turns > 40 {
			t.Errorf("a first copy waited %d times on one connection: %v", turns, m().Commands)
		}
	}
	if appends != 16*4 {
		t.Errorf("%d APPEND commands", appends)
	}
	idle, _ := pass()
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
	verify(t, l, source, target, folders*40)
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

func verify(t *testing.T, l mailsync.Ledger, source, target imapstore.Config, want int) {
	t.Helper()
	v, err := mailsync.Verify(t.Context(), mailsync.VerifyOptions{Ledger: l, Depth: mailsync.Full, Now: day,
		OpenSource: func(ctx context.Context) (mailsync.Source, error) { return imapstore.OpenSource(ctx, source) },
		OpenTarget: func(ctx context.Context) (mailsync.Source, error) { return imapstore.OpenSource(ctx, target) }})
	if err != nil || v.Err() != nil || v.Matched != want {
		t.Fatalf("%v, %+v", err, v)
	}
}
