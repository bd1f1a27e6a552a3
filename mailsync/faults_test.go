package mailsync_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"bascule/internal/clock"
	"bascule/internal/faultproxy"
	"bascule/internal/secret"
	"bascule/internal/testservers"
	"bascule/mailsync"
	"bascule/mailsync/imapstore"
	"bascule/mailsync/ledger/ledgertest"
	"bascule/mailsync/wire"
)

// thorough is the campaign of make crash: every fault at every place.
func thorough() bool { return os.Getenv("BASCULE_CRASH") == "full" }

// arena is a Dovecot that has both mailboxes: the proxy stands before one of
// them. Every try gets a target of its own, as it is on disk at the beginning.
type arena struct {
	t        *testing.T
	dovecot  *testservers.Dovecot
	begin    *ledgertest.Memory
	policy   mailsync.Policy
	users    atomic.Int64
	want     []string
	remember []string
}

const arenaPassword = "not a real one"

func (a *arena) config(addr, login string) imapstore.Config {
	host, port, _ := strings.Cut(addr, ":")
	n, err := strconv.Atoi(port)
	if err != nil {
		a.t.Fatal(err)
	}
	return imapstore.Config{Host: host, Port: n, TLS: imapstore.None, AllowPlaintext: true, Login: login, Password: secret.New(arenaPassword),
		Limits: wire.Limits{Patience: 5 * time.Minute}}
}

// newArena starts a server whose target mailbox is the one "begin" left behind.
func newArena(t *testing.T, tries int, policy mailsync.Policy) *arena {
	t.Helper()
	var users []testservers.User
	for _, name := range []string{"source", "begin"} {
		users = append(users, testservers.User{Name: name, Password: arenaPassword})
	}
	for n := range tries {
		users = append(users, testservers.User{Name: fmt.Sprintf("try%d", n+1), Password: arenaPassword})
	}
	extra := "mail_max_userip_connections = 100"
	a := &arena{t: t, policy: policy, begin: ledgertest.NewMemory("begin"), dovecot: testservers.StartDovecot(t, testservers.DovecotOptions{Users: users, SaveCRLF: true, Extra: extra})}
	// INBOX exists once somebody has logged in.
	for _, name := range []string{"source", "begin"} {
		if _, err := a.open(name).List(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	return a
}

// open logs a person in, with a mail program of their own.
func (a *arena) open(login string) mailsync.Target {
	a.t.Helper()
	m, err := imapstore.OpenTarget(a.t.Context(), a.config(a.dovecot.Addr, login))
	if err != nil {
		a.t.Fatal(err)
	}
	a.t.Cleanup(func() { _ = m.Close() })
	return m
}

func (a *arena) must(err error) {
	a.t.Helper()
	if err != nil {
		a.t.Fatal(err)
	}
}

// put appends messages to a folder of a mailbox, which is made if need be.
func (a *arena) put(m mailsync.Target, path string, texts ...string) {
	a.t.Helper()
	f, err := m.Create(a.t.Context(), strings.Split(path, "/"), "")
	a.must(err)
	i := 0
	_, err = m.Append(a.t.Context(), f, func() (*mailsync.Outgoing, error) {
		if i == len(texts) {
			return nil, nil
		}
		i++
		flags := [][]string{nil, {`\Seen`}, {`\Seen`, `\Flagged`, "$Forwarded"}}[i%3]
		return &mailsync.Outgoing{Size: int64(len(texts[i-1])), Date: day.Add(time.Duration(i) * time.Minute), Flags: flags, Body: strings.NewReader(texts[i-1])}, nil
	})
	a.must(err)
}

// fill is what the source has from the beginning.
func (a *arena) fill() {
	source := a.open("source")
	var inbox, clients, sent []string
	for n := range 20 {
		inbox = append(inbox, body(n))
		clients = append(clients, body(100+n)+strings.Repeat("a line like any other\r\n", n*40))
		sent = append(sent, body(200+n/2)) // twins
	}
	a.put(source, "INBOX", append(inbox, "\r\n", "no header\n at all \r\r\n", "{100+}\r\n* BYE\r\nb1 OK\r\n)\r\n")...)
	a.put(source, "Clients/Été & Cie", clients...)
	a.put(source, "Sent", sent...)
}

// change is what people did between the first pass and the one that fails.
func (a *arena) change() {
	ctx, source := a.t.Context(), a.open("source")
	folder := func(path string) (mailsync.Folder, []mailsync.UID) {
		f, err := source.Create(ctx, strings.Split(path, "/"), "")
		a.must(err)
		_, err = source.Select(ctx, f)
		a.must(err)
		uids, err := source.UIDs(ctx)
		a.must(err)
		return f, uids
	}
	sent, _ := folder("Sent")
	_, uids := folder("INBOX")
	a.must(source.AddFlags(ctx, uids[:3], []string{`\Seen`, "later"}))
	a.must(source.RemoveFlags(ctx, uids[4:8], []string{`\Seen`, `\Flagged`}))
	_, err := source.Move(ctx, uids[9:11], sent)
	a.must(err)
	_, uids = folder("Clients/Été & Cie")
	a.must(source.AddFlags(ctx, uids[2:4], []string{`\Deleted`}))
	a.must(source.Expunge(ctx, uids[2:4]))
	a.put(source, "Sent", body(300), body(301))
	a.put(source, "Nouveau", body(302))
	a.put(source, "INBOX", body(303))
}

// contents lists folder, octets, date and flags of every message, read by a
// connection of its own.
func (a *arena) contents(login string) []string {
	a.t.Helper()
	ctx := a.t.Context()
	m, err := imapstore.OpenTarget(ctx, a.config(a.dovecot.Addr, login))
	a.must(err)
	defer func() { _ = m.Close() }()
	l, err := m.List(ctx)
	a.must(err)
	var out []string
	for _, f := range l.Folders {
		if !f.Selectable {
			continue
		}
		_, err := m.Examine(ctx, f)
		a.must(err)
		uids, err := m.UIDs(ctx)
		a.must(err)
		if len(uids) == 0 {
			out = append(out, strings.Join(f.Path, "/"))
			continue
		}
		_, err = m.Fetch(ctx, uids, func(m mailsync.Meta, _ int64, r io.Reader) error {
			h := sha256.New()
			_, err := io.Copy(h, r)
			out = append(out, fmt.Sprintf("%s %x %s %v", strings.Join(f.Path, "/"), h.Sum(nil), m.Date.UTC().Format(time.RFC3339), m.Flags))
			return err
		})
		a.must(err)
	}
	slices.Sort(out)
	return out
}

// options are those of a pass from the source to a mailbox, either behind an
// address of the caller's.
func (a *arena) options(l mailsync.Ledger, sourceAddr, targetAddr, login string) mailsync.Options {
	return mailsync.Options{Ledger: l, Owner: "test", Clock: clock.Real{}, Policy: a.policy, BatchMessages: 5, Connections: 2, Grace: 300 * time.Millisecond,
		OpenSource: func(ctx context.Context) (mailsync.Source, error) {
			return imapstore.OpenSource(ctx, a.config(sourceAddr, "source"))
		},
		OpenTarget: func(ctx context.Context) (mailsync.Target, error) {
			return imapstore.OpenTarget(ctx, a.config(targetAddr, login))
		}}
}

// end runs passes without faults until one writes nothing.
func (a *arena) end(t testing.TB, l mailsync.Ledger, login string) {
	t.Helper()
	o := a.options(l, a.dovecot.Addr, a.dovecot.Addr, login)
	for range 4 {
		wrote := false
		o.Tap = func(string) { wrote = true }
		r, err := mailsync.Pass(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		if !wrote && r.Complete {
			return
		}
	}
	t.Fatal("passes go on writing")
}

// next returns a target as it was at the beginning, and its ledger.
func (a *arena) next() (login string, l *ledgertest.Memory) {
	login = fmt.Sprintf("try%d", a.users.Add(1))
	a.dovecot.CloneMail("begin", login)
	return login, a.begin.Clone()
}

// settle runs the undisturbed pass whose result every try must have.
func (a *arena) settle() {
	login, l := a.next()
	a.end(a.t, l, login)
	a.want, a.remember = a.contents(login), memoryOf(a.t, l)
}

// try lets a pass meet a fault on one side, then ends without it.
func (a *arena) try(t testing.TB, side string, f faultproxy.Fault) {
	login, l := a.next()
	proxy := faultproxy.Start(t, a.dovecot.Addr, f)
	o := a.options(l, a.dovecot.Addr, proxy.Addr, login)
	if side == "source" {
		o = a.options(l, proxy.Addr, a.dovecot.Addr, login)
	}
	report, err := mailsync.Pass(t.Context(), o)
	if !proxy.Happened() {
		return // nothing of the kind is sent
	}
	if f.Do == faultproxy.Refuse {
		words := f.Say[strings.LastIndexByte(f.Say, ']')+1:]
		if !report.Complete && !strings.Contains(fmt.Sprint(err, report.Failures, report.Warnings, report.Refusal), strings.TrimSpace(words)) {
			t.Errorf("the server's words are lost: %v, %+v", err, report)
		}
	}
	if err == nil && !report.Complete && len(report.Failures) == 0 && len(report.Warnings) == 0 {
		t.Errorf("a pass that is not complete says nothing about it: %+v", report)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a bare timeout is no explanation: %v", err)
	}
	a.end(t, l, login)
	if len(report.FlagsNotKept) > 0 && strings.HasPrefix(f.String(), "refuse STORE") {
		return // what a server will not have is named, and not tried for ever
	}
	if strings.HasPrefix(f.String(), "refuse CREATE") && slices.ContainsFunc(report.Exceptions, func(x mailsync.Exception) bool { return x.Kind == mailsync.FolderRenamed }) {
		// The name was taken for one that the server will not have.
		if d := cmp.Diff(unfiled(a.want), unfiled(a.contents(login))); d != "" {
			t.Errorf("the target differs, wherever messages are (-undisturbed +after the fault):\n%s", d)
		}
		return
	}
	if d := cmp.Diff(a.want, a.contents(login)); d != "" {
		t.Errorf("the target differs (-undisturbed +after the fault):\n%s", d)
	}
	if d := cmp.Diff(a.remember, memoryOf(t, l)); d != "" {
		t.Errorf("the ledger differs (-undisturbed +after the fault):\n%s", d)
	}
}

// unfiled leaves the names of folders out of contents.
func unfiled(list []string) []string {
	digest := regexp.MustCompile(` [0-9a-f]{64} `)
	var out []string
	for _, x := range list {
		if at := digest.FindStringIndex(x); at != nil {
			out = append(out, x[at[0]:])
		}
	}
	slices.Sort(out)
	return out
}

// named tells which of many tries an error is about. A try that cannot go on
// ends alone.
type named struct {
	testing.TB
	name string
}

func (n named) Errorf(format string, args ...any) { n.TB.Errorf(n.name+": "+format, args...) }
func (n named) Fatalf(format string, args ...any) { n.Errorf(format, args...); runtime.Goexit() }
func (n named) Fatal(args ...any)                 { n.Fatalf("%s", fmt.Sprint(args...)) }

// refusals are what servers say of one command (RFC 3501 §7.1, RFC 5530,
// RFC 7889, RFC 9208, and the habits of Exchange and Gmail).
var refusals = []string{
	"NO [OVERQUOTA] Quota exceeded (mailbox for user is full)",
	"NO [TRYCREATE] Mailbox doesn't exist: who knows",
	"NO [LIMIT] Too many messages at once",
	"NO [THROTTLED] Account exceeded command or bandwidth limits",
	"NO [UNAVAILABLE] Temporary authentication server failure",
	"NO [INUSE] Mailbox is in use",
	"NO [SERVERBUG] Internal error occurred",
	"NO [NOPERM] Permission denied",
	"NO [CANNOT] Invalid something",
	"NO [TOOBIG] Message too large",
	"NO [CORRUPTION] Cache file is damaged",
	"NO [EXPIRED] Password has expired",
	"NO [CONTACTADMIN] Call the hotline",
	"NO Request is throttled. Suggested Backoff Time: 120 milliseconds",
	"NO because",
	"BAD Command not understood",
}

// commands are those a pass may send to a side.
var commands = map[string][]string{
	"target": {"AUTHENTICATE", "CAPABILITY", "NAMESPACE", "LIST", "EXAMINE", "SELECT", "CREATE", "SUBSCRIBE", "FETCH", "SEARCH", "APPEND", "STORE", "MOVE", "EXPUNGE"},
	"source": {"AUTHENTICATE", "CAPABILITY", "NAMESPACE", "LIST", "EXAMINE", "FETCH", "SEARCH"},
}

// faultsOf lists what is done to one side, in the campaign or in its short form.
func faultsOf(side string, up, down int64) []faultproxy.Fault {
	var out []faultproxy.Fault
	most, octets := 1, int64(5)
	if thorough() {
		most, octets = 6, 400
	}
	for c, name := range commands[side] {
		for n := 1; n <= most; n++ {
			at := faultproxy.Command(name, n)
			for _, do := range []faultproxy.Act{faultproxy.Cut, faultproxy.Half, faultproxy.LoseReply, faultproxy.Bye} {
				if thorough() || int(do) == c%4 || name == "APPEND" {
					out = append(out, faultproxy.Fault{At: at, Do: do})
				}
			}
			for i, say := range refusals {
				if thorough() || i%8 == c%8 || name == "APPEND" && i%2 == 0 {
					out = append(out, faultproxy.Fault{At: at, Do: faultproxy.Refuse, Say: say})
				}
			}
		}
	}
	// The listing of a folder that was just made.
	out = append(out, faultproxy.Fault{At: faultproxy.Command("LIST", 2), Do: faultproxy.Refuse, Say: "NO [CANNOT] Invalid something"})
	for i := int64(1); i <= octets; i++ {
		out = append(out, faultproxy.Fault{At: faultproxy.Sent(up * i / (octets + 1))}, faultproxy.Fault{At: faultproxy.Received(down * i / (octets + 1))})
	}
	return out
}

// measure counts the octets of an undisturbed conversation with each side.
func (a *arena) measure(t *testing.T, side string) (up, down int64) {
	login, l := a.next()
	proxy := faultproxy.Start(t, a.dovecot.Addr, faultproxy.Fault{At: faultproxy.Command("NOTHING", 1)})
	o := a.options(l, a.dovecot.Addr, proxy.Addr, login)
	if side == "source" {
		o = a.options(l, proxy.Addr, a.dovecot.Addr, login)
	}
	if _, err := mailsync.Pass(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	return proxy.Octets()
}

// arenas are the beginnings: nothing copied yet, and people at work since the
// first pass, before the switch and after it.
var arenas = []struct {
	name   string
	policy mailsync.Policy
	begun  bool
}{
	{"first copy", mailsync.Mirror, false},
	{"everything changed", mailsync.Mirror, true},
	{"everything changed, add-only", mailsync.AddOnly, true},
}

// TestWhateverTheWireDoes breaks the conversation with a real server in every
// way, during the first copy and after people were at work, before the switch
// and after it. Whatever it was, the passes that follow end where an
// undisturbed one does: nothing lost, nothing doubled, nothing out of place.
//
// BASCULE_CRASH=full (make crash) tries every command up to its sixth time and
// a cut at 400 octets in each direction; otherwise a part of that.
func TestWhateverTheWireDoes(t *testing.T) {
	if testing.Short() {
		t.Skip("takes servers")
	}
	for _, w := range arenas {
		t.Run(w.name, func(t *testing.T) {
			a := newArena(t, 4000, w.policy)
			a.fill()
			if w.begun {
				o := a.options(a.begin, a.dovecot.Addr, a.dovecot.Addr, "begin")
				o.Policy = mailsync.Mirror
				if r, err := mailsync.Pass(t.Context(), o); err != nil || !r.Complete {
					t.Fatal(err, r.Failures)
				}
				a.change()
			}
			a.settle()
			for _, side := range []string{"target", "source"} {
				up, down := a.measure(t, side)
				tries := faultsOf(side, up, down)
				t.Logf("%d faults on the %s's side", len(tries), side)
				var group errgroup.Group
				group.SetLimit(6) // what the tries do most is wait
				for _, f := range tries {
					group.Go(func() error { a.try(named{t, side + " " + f.String()}, side, f); return nil })
				}
				_ = group.Wait()
			}
		})
	}
}
