package main

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io/fs"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"bascule/internal/retry"
	"bascule/internal/testservers"
	"bascule/state"
	"bascule/state/local"
)

// inputWorld is what scenes about bad input and single commands need beside
// the servers.
type inputWorld struct {
	stranger *testservers.Dovecot
	unlock   state.Unlock
	// secrets are the values that must show nowhere.
	secrets []string
	// serial is the zone's when the scene said note.
	serial uint32
}

// inputCommands are the words of scenes about bad input and single commands.
func (s *scriptWorld) inputCommands() map[string]func(*testscript.TestScript, bool, []string) {
	w := &inputWorld{}
	return map[string]func(*testscript.TestScript, bool, []string){
		"stranger":  func(ts *testscript.TestScript, _ bool, args []string) { w.startStranger(s, ts, args) },
		"asked":     func(ts *testscript.TestScript, neg bool, _ []string) { w.cmdAsked(s, ts, neg) },
		"password":  func(ts *testscript.TestScript, _ bool, args []string) { w.changePassword(s, ts, args) },
		"lock":      w.cmdLock,
		"unlock":    w.cmdUnlock,
		"secretive": w.cmdSecretive,
		"leaks":     w.cmdLeaks,
		"jsonlines": cmdJSONLines,
		"past":      s.cmdPast,
		"same":      s.cmdSame,
		"note":      func(ts *testscript.TestScript, _ bool, _ []string) { w.note(s, ts) },
		"untouched": func(ts *testscript.TestScript, _ bool, _ []string) { w.untouched(s, ts) },
		"vacant":    s.cmdVacant,
	}
}

// stranger expired|wrong-name|unknown-authority|honest starts another IMAP
// server with alice's account and that certificate, at $STRANGER.
func (w *inputWorld) startStranger(s *scriptWorld, ts *testscript.TestScript, args []string) {
	opts := testservers.DovecotOptions{CA: s.ca, Users: []testservers.User{{Name: "alice@" + scriptDomain, Password: oldPassword("alice")}}}
	switch args[0] {
	case "honest":
	case "expired":
		opts.Certificate.Expired = true
	case "wrong-name":
		opts.Certificate.Names = []string{"mail.somebody-else.example"}
	case "unknown-authority":
		opts.CA = testservers.NewCA(s.t)
	default:
		ts.Fatalf("no certificate is called %q", args[0])
	}
	w.stranger = testservers.StartDovecot(s.t, opts)
	ts.Setenv("STRANGER", testservers.Port(w.stranger.IMAPSAddr))
}

// asked makes sure that somebody tried to log in at the stranger, ! asked that
// somebody came, but nobody tried: no credential left this machine. The log is
// written by a process of its own: a login of the test's own, once it is there,
// says that it is complete.
func (w *inputWorld) cmdAsked(s *scriptWorld, ts *testscript.TestScript, neg bool) {
	mark := account{w.stranger.IMAPSAddr, "nobody-but-the-test", "x", &tls.Config{InsecureSkipVerify: true}}
	if c, err := mark.open(); err == nil {
		_ = c.Close()
		ts.Fatalf("the stranger lets everybody in")
	}
	var log string
	ts.Check(patiently().Do(context.Background(), func(context.Context) error {
		content, err := os.ReadFile(filepath.Join(w.stranger.Dir, "dovecot.log"))
		if log = string(content); err == nil && !strings.Contains(log, mark.login) {
			err = retry.Temporary(errors.New("the stranger logs nothing"))
		}
		return err
	}))
	tried := slices.ContainsFunc(strings.Split(log, "\n"), func(line string) bool {
		said := strings.Contains(line, "Login: user=") || strings.Contains(line, "auth failed") || strings.Contains(line, "tried to use")
		return said && !strings.Contains(line, mark.login)
	})
	if tried == neg {
		ts.Fatalf("the stranger's log:\n%s", log)
	}
}

// note sets $OLD_PORT, $NEW_PORT and $KEY (of the zone), and remembers the serial of the zone.
func (w *inputWorld) note(s *scriptWorld, ts *testscript.TestScript) {
	ts.Setenv("OLD_PORT", testservers.Port(s.old.IMAPSAddr))
	ts.Setenv("NEW_PORT", testservers.Port(s.newIMAP()))
	if s.knot != nil {
		ts.Setenv("KEY", s.key.Secret)
		w.serial = s.knot.Serial(scriptDomain)
	}
}

// untouched makes sure that nobody has changed the zone since note.
func (w *inputWorld) untouched(s *scriptWorld, ts *testscript.TestScript) {
	if got := s.knot.Serial(scriptDomain); got != w.serial {
		ts.Fatalf("the zone has the serial %d, and had %d:\n%s", got, w.serial, s.knot.Journal(scriptDomain))
	}
}

// vacant PERSON… makes sure that their new mailboxes hold no message.
func (s *scriptWorld) cmdVacant(ts *testscript.TestScript, _ bool, people []string) {
	for _, p := range people {
		b, err := s.read(s.newMailbox(p))
		ts.Check(err)
		for name, list := range b.folders {
			if len(list) > 0 {
				ts.Fatalf("%s of %s holds %d messages", name, p, len(list))
			}
		}
	}
}

// password old|new PERSON PASSWORD changes it on the server.
func (w *inputWorld) changePassword(s *scriptWorld, ts *testscript.TestScript, args []string) {
	u := testservers.User{Name: args[1] + "@" + scriptDomain, Password: args[2]}
	switch {
	case args[0] == "old":
		s.old.AddUser(u)
	case s.rules.other != nil:
		s.rules.other.AddUser(u)
	default:
		ts.Fatalf("nobody changes passwords of mox here")
	}
}

// lock WHO OPERATION takes the lock of the state as another process on another
// machine does, and keeps it. lock dead WHO OPERATION leaves it behind, as a
// machine does that lost its power.
func (w *inputWorld) cmdLock(ts *testscript.TestScript, _ bool, args []string) {
	dead := args[0] == "dead"
	if dead {
		args = args[1:]
	}
	store := local.New(ts.MkAbs("."), local.Options{Clock: fileClock{ts.Getenv("BASCULE_TEST_CLOCK")}, Tool: "bascule test"})
	_, unlock, err := store.Lock(context.Background(), state.Holder{Who: args[0], Host: "another-machine", PID: 4711, Operation: args[1]})
	ts.Check(err)
	if !dead {
		w.unlock = unlock
		ts.Defer(func() { _ = unlock() })
		ts.Setenv("LOCK", lockID(ts))
		return
	}
	ts.Setenv("LOCK", lockID(ts))
	name := ts.MkAbs("bascule.state.lock")
	left, err := os.ReadFile(name)
	ts.Check(err)
	ts.Check(unlock())
	ts.Check(os.WriteFile(name, left, 0o600))
}

func lockID(ts *testscript.TestScript) string {
	var h state.Holder
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("bascule.state.lock")), &h))
	return h.ID
}

// unlock gives it back.
func (w *inputWorld) cmdUnlock(ts *testscript.TestScript, _ bool, _ []string) { ts.Check(w.unlock()) }

// secretive VALUE… are secrets from here on.
func (w *inputWorld) cmdSecretive(_ *testscript.TestScript, _ bool, args []string) {
	w.secrets = append(w.secrets, args...)
}

// ! leaks makes sure that no secret shows: in what the last command printed,
// or in any file of the directory, plain or in one of the forms in which
// secrets escape a search. leaks makes sure that the search can find one.
func (w *inputWorld) cmdLeaks(ts *testscript.TestScript, neg bool, _ []string) {
	if len(w.secrets) == 0 {
		ts.Fatalf("there is no secret to look for")
	}
	texts := map[string]string{"stdout": ts.ReadFile("stdout"), "stderr": ts.ReadFile("stderr")}
	root := ts.MkAbs(".")
	ts.Check(filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		texts[strings.TrimPrefix(path, root+"/")] = string(content)
		return err
	}))
	var found []string
	for name, text := range texts {
		for _, secret := range w.secrets {
			for form, shape := range shapes(secret) {
				if strings.Contains(text, shape) {
					found = append(found, fmt.Sprintf("%s holds %q (%s)", name, secret, form))
				}
			}
		}
	}
	if (len(found) > 0) == neg {
		ts.Fatalf("%d texts searched: %s", len(texts), strings.Join(found, "\n"))
	}
}

// shapes are the forms in which a secret escapes a search for itself.
func shapes(secret string) map[string]string {
	quoted, _ := json.Marshal(secret)
	ascii := strings.Trim(fmt.Sprintf("%+q", secret), `"`)
	// What is at the beginning of a longer text encodes the same but for its end.
	whole := len(secret) / 3 * 3
	return map[string]string{
		"plain": secret, "JSON": strings.Trim(string(quoted), `"`), "Go": ascii, "HTML": html.EscapeString(secret),
		"query": url.QueryEscape(secret), "path": url.PathEscape(secret), "hex": hex.EncodeToString([]byte(secret)),
		"base64": base64.StdEncoding.EncodeToString([]byte(secret[:whole])), "base64url": base64.URLEncoding.EncodeToString([]byte(secret[:whole])),
		"AUTH PLAIN": base64.StdEncoding.EncodeToString([]byte("\x00" + secret))[:len(secret)/3*4],
	}
}

// jsonlines TYPE… makes sure that every line of the last standard output is a
// JSON object, and that lines of these types are among them.
func cmdJSONLines(ts *testscript.TestScript, _ bool, args []string) {
	types := map[string]int{}
	for line := range strings.Lines(ts.ReadFile("stdout")) {
		var m struct {
			Level   string    `json:"@level"`
			Message *string   `json:"@message"`
			At      time.Time `json:"@timestamp"`
			Type    string    `json:"type"`
		}
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			ts.Fatalf("%v: %s", err, line)
		}
		if m.Level == "" || m.Message == nil || m.At.IsZero() || m.Type == "" {
			ts.Fatalf("incomplete: %s", line)
		}
		types[m.Type]++
	}
	for _, t := range args {
		if types[t] == 0 {
			ts.Fatalf("no line of type %q: %v", t, types)
		}
	}
}

// same [PERSON…] is compare where nothing is renamed: both sides hold exactly
// the same messages, in the same folders.
func (s *scriptWorld) cmdSame(ts *testscript.TestScript, neg bool, people []string) {
	if len(people) == 0 {
		people = scriptPeople()
	}
	var wrong []string
	for _, p := range people {
		old, err := s.read(s.oldMailbox(p))
		ts.Check(err)
		new, err := s.read(s.newMailbox(p))
		ts.Check(err)
		w, extra := judge(old, new, nil)
		for _, item := range w {
			wrong = append(wrong, p+": "+item)
		}
		if extra > 0 {
			wrong = append(wrong, fmt.Sprintf("%s: %d messages beside", p, extra))
		}
	}
	if (len(wrong) > 0) != neg {
		ts.Fatalf("%d differences: %s", len(wrong), strings.Join(wrong[:min(len(wrong), 12)], "\n"))
	}
}

// past PERSON N gives a person N more messages on the old side.
func (s *scriptWorld) cmdPast(ts *testscript.TestScript, _ bool, args []string) {
	var n int
	_, err := fmt.Sscan(args[1], &n)
	ts.Check(err)
	c, err := s.oldMailbox(args[0]).open()
	ts.Check(err)
	defer c.Close()
	r := rand.New(rand.NewPCG(3, 4))
	for i := range n {
		ts.Check(appendMessage(c, "INBOX", pastLetter(r, 1000+i), pastDate(i), pastFlags(i)))
	}
}
