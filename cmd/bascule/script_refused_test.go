package main

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/emersion/go-imap/v2"
	"github.com/rogpeppe/go-internal/testscript"

	"bascule/internal/imapmem"
	"bascule/internal/testservers"
)

// refusedCommands are the words of scenes about what a target does not take.
func (s *scriptWorld) refusedCommands() map[string]func(*testscript.TestScript, bool, []string) {
	p := &picky{}
	return map[string]func(*testscript.TestScript, bool, []string){
		"picky": func(ts *testscript.TestScript, _ bool, args []string) {
			p.start(ts)
			if len(args) > 0 {
				s.movePicky(ts, args[0])
			}
		},
		"relents":   func(*testscript.TestScript, bool, []string) { p.takes.Store(true) },
		"emptied":   s.cmdEmptied,
		"accepting": cmdAccepting,
		"saved":     s.cmdSaved,
	}
}

// picky is a server, in the clear, that refuses messages that say REFUSE,
// until it relents.
type picky struct{ takes atomic.Bool }

// start sets PICKY to the address of alice's mailbox, PICKY_PORT to the port.
func (p *picky) start(ts *testscript.TestScript) {
	users := map[string]string{}
	for _, name := range scriptPeople() {
		users[name+"@"+scriptDomain] = newPassword(name)
	}
	server, err := imapmem.Start(imapmem.Options{Users: users, Refuse: func(message []byte) string {
		if p.takes.Load() || !bytes.Contains(message, []byte("REFUSE")) {
			return ""
		}
		return "no, thank you \u202e"
	}})
	ts.Check(err)
	ts.Defer(func() { _ = server.Close() })
	_, port, err := net.SplitHostPort(server.Addr())
	ts.Check(err)
	ts.Setenv("PICKY", "imap://alice@"+scriptDomain+"@127.0.0.1:"+port)
	ts.Setenv("PICKY_PORT", port)
}

// movePicky makes the server the target of a configuration.
func (s *scriptWorld) movePicky(ts *testscript.TestScript, file string) {
	before := fmt.Sprintf("  port    = %s\n  ca_file = \"ca.pem\"\n", testservers.Port(s.rules.other.IMAPSAddr))
	text := ts.ReadFile(file)
	if !strings.Contains(text, before) {
		ts.Fatalf("%s has another target", file)
	}
	text = strings.Replace(text, before, "  port            = "+ts.Getenv("PICKY_PORT")+"\n  allow_plaintext = true\n", 1)
	ts.Check(os.WriteFile(ts.MkAbs(file), []byte(text), 0o600))
}

// emptied SIDE PERSON FOLDER removes everything from a folder, as a person would.
func (s *scriptWorld) cmdEmptied(ts *testscript.TestScript, _ bool, args []string) {
	c, err := s.side(args[0], args[1]).open()
	ts.Check(err)
	defer c.Close()
	_, err = c.Select(args[2], nil).Wait()
	ts.Check(err)
	all := imap.UIDSet{imap.UIDRange{Start: 1}}
	ts.Check(c.Store(all, &imap.StoreFlags{Op: imap.StoreFlagsAdd, Flags: []imap.Flag{imap.FlagDeleted}, Silent: true}, nil).Close())
	ts.Check(c.UIDExpunge(all).Close())
}

// accepting FILE PERSON NAME REASON writes an accept block, with the line
// that the last command showed for it, as a person copies it.
func cmdAccepting(ts *testscript.TestScript, _ bool, args []string) {
	line := regexp.MustCompile(`message = "(?:[^"\\]|\\.)*"`).FindString(ts.ReadFile("stdout"))
	if line == "" {
		ts.Fatalf("nothing to copy in:\n%s", ts.ReadFile("stdout"))
	}
	block := "\naccept \"" + args[2] + "\" {\n  check   = \"messages\"\n  mailbox = mailbox.team[\"" + args[1] + "\"]\n  " + line + "\n  reason  = \"" + args[3] + "\"\n  until   = \"2027-04-01\"\n}\n"
	f, err := os.OpenFile(ts.MkAbs(args[0]), os.O_APPEND|os.O_WRONLY, 0)
	ts.Check(err)
	_, err = f.WriteString(block)
	ts.Check(err)
	ts.Check(f.Close())
}

// saved DIR PERSON N makes sure that N .eml files are there, for nobody else to read,
// each with the octets of a message of the old INBOX.
func (s *scriptWorld) cmdSaved(ts *testscript.TestScript, _ bool, args []string) {
	files, err := filepath.Glob(filepath.Join(ts.MkAbs(args[0]), "*.eml"))
	ts.Check(err)
	if strconv.Itoa(len(files)) != args[2] {
		ts.Fatalf("%d files, not %s", len(files), args[2])
	}
	old, err := s.read(s.oldMailbox(args[1]))
	ts.Check(err)
	for _, name := range files {
		octets, err := os.ReadFile(name)
		ts.Check(err)
		digest := hex.EncodeToString(digestOf(octets))
		if !slices.ContainsFunc(old.folders["INBOX"], func(m seen) bool { return m.digest == digest }) {
			ts.Fatalf("%s is no message of the old side", name)
		}
		info, err := os.Stat(name)
		ts.Check(err)
		if info.Mode().Perm() != 0o600 {
			ts.Fatalf("%s: mode %v", name, info.Mode())
		}
	}
}
