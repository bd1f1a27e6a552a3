package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"bascule/internal/clock"
	"bascule/internal/testservers"
	"bascule/mailsync/ledger"
)

// TestCopyScripts plays the scenes of `bascule copy`.
func TestCopyScripts(t *testing.T) {
	scenes, err := filepath.Glob("testdata/copy/*.txtar")
	if err != nil || len(scenes) == 0 {
		t.Fatalf("no scenes: %v", err)
	}
	for _, scene := range scenes {
		t.Run(strings.TrimSuffix(filepath.Base(scene), ".txtar"), func(t *testing.T) {
			s := &scriptWorld{t: t}
			commands := s.commands()
			maps.Copy(commands, s.copyCommands())
			testscript.Run(t, testscript.Params{
				Files: []string{scene}, Cmds: commands,
				Setup: func(env *testscript.Env) error {
					// The scene's own test, so that a missing server skips it.
					if t, ok := env.T().(testing.TB); ok {
						s.t = t
					}
					env.Setenv("BASCULE_TEST_CLOCK", filepath.Join(env.WorkDir, ".clock"))
					env.Setenv("XDG_STATE_HOME", filepath.Join(env.WorkDir, "state"))
					env.Setenv("NO_COLOR", "1")
					return os.WriteFile(filepath.Join(env.WorkDir, ".clock"), []byte(scriptStart.Format(time.RFC3339)), 0o600)
				},
			})
		})
	}
}

// copyCommands are the words of scenes about single copies.
func (s *scriptWorld) copyCommands() map[string]func(*testscript.TestScript, bool, []string) {
	return map[string]func(*testscript.TestScript, bool, []string){
		"sides":     s.cmdSides,
		"carefully": s.cmdCarefully,
		"leaving":   s.cmdLeaving,
		"holding":   s.cmdHolding,
		"gmail":     s.cmdGmail,
		"backup":    cmdBackup,
		"alike":     cmdAlike,
		"spoil":     cmdSpoil,
		"replace-port": func(ts *testscript.TestScript, _ bool, args []string) {
			text := strings.ReplaceAll(ts.ReadFile(args[0]), "PORT", testservers.Port(s.newIMAP()))
			ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o600))
		},
	}
}

// sides MESSAGES [dovecot] starts the old Dovecot with mail in it, and mox, or
// a second Dovecot, with empty accounts.
func (s *scriptWorld) cmdSides(ts *testscript.TestScript, _ bool, args []string) {
	messages, err := strconv.Atoi(args[0])
	ts.Check(err)
	s.rules.light = true
	s.ca = testservers.NewCA(s.t)
	s.startOld(messages)
	if len(args) > 1 {
		s.rules.other = testservers.StartDovecot(s.t, testservers.DovecotOptions{CA: s.ca, Users: []testservers.User{{Name: "alice@" + scriptDomain, Password: newPassword("alice")}}})
	} else {
		s.new = testservers.StartMox(s.t, testservers.MoxOptions{CA: s.ca})
		s.new.AddDomain(scriptDomain)
		s.new.AddAccount("alice", "alice@"+scriptDomain, newPassword("alice"))
	}
	ts.Setenv("OLD", "imaps://alice%40"+scriptDomain+"@localhost:"+testservers.Port(s.old.IMAPSAddr))
	ts.Setenv("OLD_STARTTLS", "imap://alice%40"+scriptDomain+"@localhost:"+testservers.Port(s.old.Addr))
	ts.Setenv("NEW", "imaps://alice@"+scriptDomain+"@localhost:"+testservers.Port(s.newIMAP()))
	ts.Setenv("OLD_ALICE", oldPassword("alice"))
	ts.Setenv("NEW_ALICE", newPassword("alice"))
	pem, err := os.ReadFile(s.ca.File)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs("ca.pem"), pem, 0o644))
}

// gmail starts a Gmail as GMAIL; gmail NUMBER LABELS… relabels a message of it.
func (s *scriptWorld) cmdGmail(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) > 0 {
		n, err := strconv.Atoi(args[0])
		ts.Check(err)
		s.gmail.Relabel(n, args[1:]...)
		return
	}
	s.gmail = testservers.StartGmail(s.t)
	for n := range 30 {
		labels := [][]string{{testservers.GmailInbox}, {testservers.GmailInbox, "Clients"}, {testservers.GmailSent}, {"Clients", testservers.GmailStarred}, {}}[n%5]
		s.gmail.Put(letter(fmt.Sprintf("labelled %d", n), strings.Repeat("line\r\n", n*40)), scriptStart.AddDate(-2, 0, n), labels...)
	}
	ts.Setenv("GMAIL", "imap://alice@"+s.gmail.Addr)
	ts.Setenv("GMAIL_ALICE", testservers.GmailPassword)
}

// carefully CODE COMMAND… runs a command that must end with that code and not
// change the old side by one octet.
func (s *scriptWorld) cmdCarefully(ts *testscript.TestScript, neg bool, args []string) {
	before := s.snapshotOld(ts)
	s.cmdExits(ts, neg, args)
	if after := s.snapshotOld(ts); after != before {
		ts.Fatalf("the source was touched:\n%s", firstDifference(before, after))
	}
}

// leaving CODE COMMAND… is the same for alice's new mailbox.
func (s *scriptWorld) cmdLeaving(ts *testscript.TestScript, neg bool, args []string) {
	look := func() string {
		b, err := s.read(s.newMailbox("alice"))
		ts.Check(err)
		return b.text()
	}
	before := look()
	s.cmdExits(ts, neg, args)
	if after := look(); after != before {
		ts.Fatalf("the target was touched:\n%s", firstDifference(before, after))
	}
}

// holding LEDGER [NEW] is another copy at work until the scene ends, on alice's
// new mailbox if that is said.
func (s *scriptWorld) cmdHolding(ts *testscript.TestScript, _ bool, args []string) {
	o := ledger.Options{Clock: clock.Real{}, Random: rand.Reader}
	if len(args) > 1 {
		c := &cli{process: &process{Env: func(name string) (string, bool) { return ts.Getenv(name), true }}}
		to, err := parsePlace("to", ts.Getenv(args[1]), c.absolute)
		ts.Check(err)
		o.Account = c.accountFile(to.host, to.port, to.user)
	}
	l, err := ledger.Open(context.Background(), ts.MkAbs(args[0]), o)
	ts.Check(err)
	release, err := l.Lease(context.Background(), "somebody else")
	ts.Check(err)
	ts.Defer(func() { _, _ = release(), l.Close() })
}

// backup DIR makes a Maildir as Dovecot and mutt would: LF and CRLF, flags,
// keywords, folders.
func cmdBackup(ts *testscript.TestScript, _ bool, args []string) {
	files := map[string]string{"dovecot-keywords": "0 projet\n", "subscriptions": "Archives.2024\n"}
	for i, folder := range []string{"", ".Archives.2024", ".&AMk-t&AOk-"} {
		for _, sub := range []string{"new", "tmp"} {
			ts.Check(os.MkdirAll(filepath.Join(ts.MkAbs(args[0]), folder, sub), 0o700))
		}
		for n := range 12 {
			text := letter(fmt.Sprintf("letter %d of %d", n, i), strings.Repeat("line\r\n>From here\r\nFrom there\r\n", n))
			if n%2 == 0 {
				text = strings.ReplaceAll(text, "\r\n", "\n")
			}
			files[filepath.Join(folder, "cur", fmt.Sprintf("17000000%02d.M%d.host:2,%s", n, i, []string{"", "S", "RS", "F"}[n%4]))] = text
		}
	}
	files["cur/1700000099.word:2,Sa"] = letter("a keyword", "x")
	date := time.Date(2021, 5, 6, 7, 8, 9, 0, time.UTC)
	for name, text := range files {
		full := filepath.Join(ts.MkAbs(args[0]), name)
		ts.Check(os.MkdirAll(filepath.Dir(full), 0o700))
		ts.Check(os.WriteFile(full, []byte(text), 0o600))
		ts.Check(os.Chtimes(full, date, date))
	}
}

// alike DIR DIR compares two Maildirs: octets as an IMAP server shows them,
// times and letters of flags, by folder.
func cmdAlike(ts *testscript.TestScript, _ bool, args []string) {
	a, b := lettersOf(ts, ts.MkAbs(args[0])), lettersOf(ts, ts.MkAbs(args[1]))
	if len(a) == 0 || a[0] == "" {
		ts.Fatalf("%s holds nothing", args[0])
	}
	if x, y := strings.Join(a, "\n"), strings.Join(b, "\n"); x != y {
		ts.Fatalf("they differ (%d and %d messages):\n%s", len(a), len(b), firstDifference(x, y))
	}
}

func lettersOf(ts *testscript.TestScript, dir string) (out []string) {
	folders, err := filepath.Glob(filepath.Join(dir, ".*", "cur"))
	ts.Check(err)
	for _, cur := range append(folders, filepath.Join(dir, "cur")) {
		entries, err := os.ReadDir(cur)
		ts.Check(err)
		for _, e := range entries {
			b, err := os.ReadFile(filepath.Join(cur, e.Name()))
			ts.Check(err)
			info, err := e.Info()
			ts.Check(err)
			_, flags, _ := strings.Cut(e.Name(), ":2,")
			octets := strings.ReplaceAll(strings.ReplaceAll(string(b), "\r\n", "\n"), "\n", "\r\n")
			out = append(out, fmt.Sprintf("%q %x %d %s", strings.TrimPrefix(filepath.Dir(cur), dir), digestOf([]byte(octets)), info.ModTime().Unix(), flags))
		}
	}
	slices.Sort(out)
	return out
}

// spoil DIR changes one letter of one message.
func cmdSpoil(ts *testscript.TestScript, _ bool, args []string) {
	files, err := filepath.Glob(filepath.Join(ts.MkAbs(args[0]), "cur", "*"))
	ts.Check(err)
	info, err := os.Stat(files[0])
	ts.Check(err)
	b, err := os.ReadFile(files[0])
	ts.Check(err)
	b[len(b)-3] ^= 1
	ts.Check(os.WriteFile(files[0], b, 0o600))
	ts.Check(os.Chtimes(files[0], info.ModTime(), info.ModTime()))
}
