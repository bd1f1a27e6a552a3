package limits_test

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"bascule/internal/clock"
	"bascule/internal/secret"
	"bascule/internal/testservers"
	"bascule/mailsync"
	"bascule/mailsync/imapstore"
	"bascule/mailsync/ledger/ledgertest"
	"bascule/mailsync/limits"
	"bascule/mailsync/storetest"
)

var began = time.Date(2027, 3, 8, 12, 0, 0, 0, time.UTC)

func set(c clock.Clock) *limits.Set {
	return limits.New(limits.Options{Clock: c, Random: func() float64 { return 0 }})
}

// moody is an IMAP server that logs anybody in and answers everything else
// with a complaint, until it is in a better mood.
type moody struct {
	mu        sync.Mutex
	complaint string
	logins    int
}

func (m *moody) dial(context.Context, string, string) (net.Conn, error) {
	near, far := net.Pipe()
	go m.serve(far)
	return near, nil
}

func (m *moody) serve(nc net.Conn) {
	defer func() { _ = nc.Close() }()
	say := func(format string, args ...any) { _, _ = fmt.Fprintf(nc, format+"\r\n", args...) }
	say("* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hello")
	for lines := bufio.NewScanner(nc); lines.Scan(); {
		tag, command, _ := strings.Cut(lines.Text(), " ")
		switch {
		case strings.HasPrefix(command, "AUTHENTICATE"):
			m.mu.Lock()
			m.logins++
			m.mu.Unlock()
			say("%s OK [CAPABILITY IMAP4rev1] in", tag)
		case command == "LOGOUT":
			say("* BYE\r\n%s OK", tag)
		default:
			m.mu.Lock()
			text := m.complaint
			m.mu.Unlock()
			say("%s %s", tag, cmp.Or(text, "OK done"))
		}
	}
}

func (m *moody) config(a *limits.Account) imapstore.Config {
	return imapstore.Config{
		Host: "old.example", Port: 143, TLS: imapstore.None, AllowPlaintext: true, Login: "alice", Password: secret.New("x"),
		Dial: a.Dial(m.dial), Heard: a.Heard,
	}
}

func TestTheWaitOfAThrottlingServerIsObeyedByThePass(t *testing.T) {
	for _, tt := range []struct {
		reply string
		wait  time.Duration // 0: left to a later run
	}{
		{"BAD Request is throttled. Suggested Backoff Time: 92415 milliseconds", 92415 * time.Millisecond},
		{"NO [THROTTLED] slow down", 15 * time.Second},
		{"NO [OVERQUOTA] Account exceeded command or bandwidth limits", 0},
	} {
		t.Run(tt.reply, func(t *testing.T) {
			c := clock.NewVirtual(began)
			s, server := set(c), &moody{complaint: tt.reply}
			w := limits.Work{
				From:     s.Server("old.example:143", limits.Terms{Connections: 2}).Account(limits.Source, "alice", 0),
				To:       s.Server("new.example:143", limits.Terms{Connections: 2}).Account(limits.Target, "alice", 0),
				Patience: 5 * time.Minute,
			}
			rounds := 0
			err := s.Run(t.Context(), w, func(ctx context.Context, room mailsync.Room) error {
				if rounds++; rounds == 2 {
					server.mu.Lock()
					server.complaint = ""
					server.mu.Unlock()
				}
				source, err := imapstore.OpenSource(ctx, server.config(w.From))
				if err != nil {
					return err
				}
				defer func() { _ = source.Close() }()
				_, err = source.List(ctx)
				return err
			})
			waited := c.Now().Sub(began)
			var paused *limits.PausedError
			if tt.wait > 0 && (err != nil || rounds != 2 || waited != tt.wait) {
				t.Errorf("%v after %d rounds, %s later", err, rounds, waited)
			}
			if tt.wait == 0 && (!errors.As(err, &paused) || rounds != 1 || !strings.Contains(paused.Words, "bandwidth limits") || !paused.Until.Equal(began.Add(30*time.Minute))) {
				t.Errorf("%v after %d rounds", err, rounds)
			}
			if server.logins != rounds {
				t.Errorf("%d logins in %d rounds", server.logins, rounds)
			}
		})
	}
}

// Dovecot refuses the fourth connection of an account; the pass was told that
// it may have eight.
func TestAServerWithFewerConnectionsThanDeclaredGetsFewer(t *testing.T) {
	d := testservers.StartDovecot(t, testservers.DovecotOptions{
		Users: []testservers.User{{Name: "alice@new.example", Password: "x"}}, Extra: "protocol imap {\n mail_max_userip_connections = 3\n}\n",
	})
	port, err := strconv.Atoi(testservers.Port(d.IMAPSAddr))
	if err != nil {
		t.Fatal(err)
	}
	old := storetest.New(storetest.Personality{})
	for f := range 16 {
		for m := range 60 {
			old.Put(fmt.Sprintf("F%02d", f), fmt.Sprintf("Subject: %d %d\r\n\r\n%0900d\r\n", f, m, m), began.AddDate(-1, 0, 0))
		}
	}
	// No octet moves before the refusal was heard: a small mailbox would be
	// through before the fourth connection is tried.
	heard, once := make(chan struct{}), sync.Once{}
	old.Before = func(command string) error {
		if command == "FETCH" {
			select {
			case <-heard:
			case <-t.Context().Done():
			}
		}
		return nil
	}
	s := set(clock.Real{})
	terms := limits.Terms{Connections: 8}
	server := s.Server(d.IMAPSAddr, terms)
	w := limits.Work{From: s.Server("old", limits.Terms{}).Account(limits.Source, "alice", 0), To: server.Account(limits.Target, "alice", 1<<30), Patience: time.Minute}
	var report mailsync.Report
	err = s.Run(t.Context(), w, func(ctx context.Context, room mailsync.Room) (err error) {
		report, err = mailsync.Pass(ctx, mailsync.Options{
			OpenSource: old.OpenSource,
			OpenTarget: func(ctx context.Context) (mailsync.Target, error) {
				target, err := imapstore.OpenTarget(ctx, imapstore.Config{
					Host: d.Host, Port: port, TLS: imapstore.Implicit, CAs: d.CA.Pool(), Login: "alice@new.example", Password: secret.New("x"),
					Dial: w.To.Dial(nil), Heard: func(complaint *mailsync.BusyError, loggedIn bool) {
						w.To.Heard(complaint, loggedIn)
						once.Do(func() { close(heard) })
					},
				})
				if err != nil {
					return nil, err
				}
				return target, nil
			},
			Ledger: ledgertest.NewMemory("x"), Owner: "test", Room: room, Budget: s.Octets, Connections: 8, BatchMessages: 10,
		})
		return err
	})
	if err != nil || !report.Complete || report.Outcomes[mailsync.Copied] != 960 {
		t.Fatalf("%v; complete %v, %v", err, report.Complete, report.Outcomes)
	}
	if server.Cap() < 3 || server.Cap() > 7 {
		t.Errorf("the cap is %d", server.Cap())
	}
	list := s.Export()
	if len(list) != 1 || list[0].Octets < 960*900 {
		t.Errorf("%+v", list)
	}
}
