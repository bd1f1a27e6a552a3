package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/miekg/dns"
	"github.com/rogpeppe/go-internal/testscript"

	"bascule/internal/testservers"
)

// rulesWorld is what scenes about single rules need beside the servers.
type rulesWorld struct {
	// light leaves out the one message of 30 MB.
	light bool
	// other is the new side where it is a second Dovecot instead of mox.
	other  *testservers.Dovecot
	routes map[string]*route
	// seen is what mailboxes held when a scene said remember.
	seen map[string]string
}

// ruleCommands are the words of scenes about single rules.
func (s *scriptWorld) ruleCommands() map[string]func(*testscript.TestScript, bool, []string) {
	return map[string]func(*testscript.TestScript, bool, []string){
		"world":     s.cmdWorld,
		"boxes":     s.cmdBoxes,
		"route":     s.cmdRoute,
		"edit":      s.cmdEdit,
		"looks":     s.cmdLooks,
		"zone":      s.cmdZone,
		"account":   s.cmdAccount,
		"holds":     s.cmdHolds,
		"nowhere":   s.cmdNowhere,
		"serial":    s.cmdSerial,
		"remember":  s.cmdRemember,
		"unchanged": s.cmdUnchanged,
	}
}

// world MESSAGES is servers, but for the message of 30 MB.
func (s *scriptWorld) cmdWorld(ts *testscript.TestScript, neg bool, args []string) {
	s.rules.light = true
	s.cmdServers(ts, neg, args)
}

// boxes MESSAGES starts two Dovecots and no name server, and writes a
// configuration without any domain. The accounts of the new side are still to
// be made, by hand: account PERSON.
func (s *scriptWorld) cmdBoxes(ts *testscript.TestScript, _ bool, args []string) {
	s.rules.light = true
	messages := 0
	_, err := fmt.Sscan(args[0], &messages)
	ts.Check(err)
	s.ca = testservers.NewCA(s.t)
	s.startOld(messages)
	s.rules.other = testservers.StartDovecot(s.t, testservers.DovecotOptions{CA: s.ca})
	for _, p := range scriptPeople() {
		ts.Setenv("OLD_"+strings.ToUpper(p), oldPassword(p))
		ts.Setenv("NEW_"+strings.ToUpper(p), newPassword(p))
	}
	pem, err := os.ReadFile(s.ca.File)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs("ca.pem"), pem, 0o644))
	ts.Check(os.WriteFile(ts.MkAbs("main.hcl"), []byte(s.boxesConfig()), 0o644))
}

func (s *scriptWorld) boxesConfig() string {
	return fmt.Sprintf(`source "imap" "old" {
  host    = "localhost"
  port    = %s
  ca_file = "ca.pem"
}

target "imap" "new" {
  host    = "localhost"
  port    = %s
  ca_file = "ca.pem"
}

mailbox "team" {
  for_each = toset(["alice", "bob", "info"])
  address  = "${each.key}@%s"
  source {
    server   = source.imap.old
    password = secret("env:OLD_${upper(each.key)}")
  }
  target {
    server   = target.imap.new
    password = secret("env:NEW_${upper(each.key)}")
  }
}
`, testservers.Port(s.old.IMAPSAddr), testservers.Port(s.rules.other.IMAPSAddr), scriptDomain)
}

// account PERSON makes the account on the new side, as a person would, with
// the password that the configuration names.
func (s *scriptWorld) cmdAccount(_ *testscript.TestScript, _ bool, args []string) {
	email := args[0] + "@" + scriptDomain
	if s.rules.other != nil {
		s.rules.other.AddUser(testservers.User{Name: email, Password: newPassword(args[0])})
		return
	}
	if !strings.Contains(fmt.Sprint(s.moxDomains()), scriptDomain) {
		s.new.AddDomain(scriptDomain)
	}
	s.new.AddAccount(args[0], email, newPassword(args[0]))
}

func (s *scriptWorld) moxDomains() any {
	var domains any
	if err := s.new.Admin().Call(&domains, "Domains"); err != nil {
		s.t.Fatal(err)
	}
	return domains
}

// looks CODE COMMAND… is nowrite for a command that ends with that code.
func (s *scriptWorld) cmdLooks(ts *testscript.TestScript, neg bool, args []string) {
	before := s.everything(ts)
	s.cmdExits(ts, neg, args)
	if after := s.everything(ts); after != before {
		ts.Fatalf("%s wrote something:\n%s", strings.Join(args[1:], " "), firstDifference(before, after))
	}
}

// edit FILE OLD NEW replaces text of a file that must be there.
func (s *scriptWorld) cmdEdit(ts *testscript.TestScript, _ bool, args []string) {
	text := ts.ReadFile(args[0])
	unquote := strings.NewReplacer(`\n`, "\n").Replace
	if !strings.Contains(text, unquote(args[1])) {
		ts.Fatalf("%s does not say %q:\n%s", args[0], args[1], text)
	}
	text = strings.ReplaceAll(text, unquote(args[1]), unquote(args[2]))
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o644))
}

// zone NAME TTL TYPE [VALUE…] is a person who edits the zone: the record set
// holds these values from now on, on both servers; none removes it.
func (s *scriptWorld) cmdZone(ts *testscript.TestScript, _ bool, args []string) {
	name, ttl, kind, values := dns.Fqdn(args[0]), args[1], args[2], args[3:]
	ts.Check(s.knot.Update(s.key, scriptDomain, func(m *dns.Msg) {
		m.RemoveRRset([]dns.RR{&dns.RR_Header{Name: name, Rrtype: dns.StringToType[kind]}})
		for _, v := range values {
			rr, err := dns.NewRR(name + " " + ttl + " " + kind + " " + v)
			ts.Check(err)
			m.Insert([]dns.RR{rr})
		}
	}))
	s.second.WaitSerial(scriptDomain, s.knot.Serial(scriptDomain))
}

// newIMAP is where the new side serves IMAP.
func (s *scriptWorld) newIMAP() string {
	if s.rules.other != nil {
		return s.rules.other.IMAPSAddr
	}
	return s.new.IMAPSAddr
}

// serial NAME notes the serial of the present state in $NAME.
func (s *scriptWorld) cmdSerial(ts *testscript.TestScript, _ bool, args []string) {
	var st struct{ Serial uint64 }
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("bascule.state.json")), &st))
	ts.Setenv(args[0], fmt.Sprint(st.Serial))
}

// route is a port whose other end can be changed: a host name that comes to
// point elsewhere.
type route struct {
	listener net.Listener
	mu       sync.Mutex
	to       string
}

// route NAME old|new|nowhere makes $NAME a port that leads there.
func (s *scriptWorld) cmdRoute(ts *testscript.TestScript, _ bool, args []string) {
	r := s.rules.routes[args[0]]
	if r == nil {
		var err error
		r, err = newRoute(s.t)
		ts.Check(err)
		if s.rules.routes == nil {
			s.rules.routes = map[string]*route{}
		}
		s.rules.routes[args[0]] = r
		ts.Setenv(args[0], testservers.Port(r.listener.Addr().String()))
	}
	to := map[string]string{"old": s.old.IMAPSAddr, "new": s.newIMAP(), "nowhere": ""}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.to = to[args[1]]
}

func newRoute(t *testing.T) (*route, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &route{listener: l}
	var open sync.WaitGroup
	open.Add(1)
	go func() {
		defer open.Done()
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			open.Add(1)
			go func() { defer open.Done(); r.carry(c) }()
		}
	}()
	t.Cleanup(func() { _ = l.Close(); open.Wait() })
	return r, nil
}

func (r *route) carry(c net.Conn) {
	defer c.Close()
	r.mu.Lock()
	to := r.to
	r.mu.Unlock()
	if to == "" {
		return
	}
	far, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	var both sync.WaitGroup
	both.Add(2)
	copyOne := func(dst, src net.Conn) {
		defer both.Done()
		_, _ = io.Copy(dst, src)
		_ = dst.Close()
	}
	go copyOne(far, c)
	go copyOne(c, far)
	both.Wait()
}

// side is a person's mailbox on the old or the new side.
func (s *scriptWorld) side(name, person string) account {
	if name == "new" {
		return s.newMailbox(person)
	}
	return s.oldMailbox(person)
}

// copyOf is one message found by its subject.
type copyOf struct{ folder, flags string }

// holds old|new PERSON FOLDER SUBJECT [FLAGS] makes sure that the mailbox holds
// exactly one message of that subject, in that folder, with exactly those flags.
func (s *scriptWorld) cmdHolds(ts *testscript.TestScript, _ bool, args []string) {
	found, err := s.search(s.side(args[0], args[1]), args[3])
	ts.Check(err)
	if len(found) != 1 || found[0].folder != args[2] {
		ts.Fatalf("%q of %s is %v", args[3], args[1], found)
	}
	if len(args) > 4 && found[0].flags != args[4] {
		ts.Fatalf("%q has the flags %q", args[3], found[0].flags)
	}
}

// nowhere old|new PERSON SUBJECT makes sure that no folder holds it.
func (s *scriptWorld) cmdNowhere(ts *testscript.TestScript, _ bool, args []string) {
	found, err := s.search(s.side(args[0], args[1]), args[2])
	ts.Check(err)
	if len(found) > 0 {
		ts.Fatalf("%q of %s is %v", args[2], args[1], found)
	}
}

func (s *scriptWorld) search(a account, subject string) ([]copyOf, error) {
	c, err := a.open()
	if err != nil {
		return nil, err
	}
	defer c.Close()
	list, err := c.List("", "*", nil).Collect()
	if err != nil {
		return nil, err
	}
	var out []copyOf
	for _, l := range list {
		if slices.Contains(l.Attrs, imap.MailboxAttrNoSelect) || slices.Contains(l.Attrs, imap.MailboxAttrNonExistent) {
			continue
		}
		found, err := searchFolder(c, l.Mailbox, subject)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", l.Mailbox, err)
		}
		out = append(out, found...)
	}
	return out, nil
}

func searchFolder(c *imapclient.Client, folder, subject string) ([]copyOf, error) {
	sel, err := c.Select(folder, &imap.SelectOptions{ReadOnly: true}).Wait()
	if err != nil || sel.NumMessages == 0 {
		return nil, err
	}
	all := imap.SeqSet{}
	all.AddRange(1, 0)
	messages, err := c.Fetch(all, &imap.FetchOptions{Flags: true, Envelope: true}).Collect()
	if err != nil {
		return nil, err
	}
	var out []copyOf
	for _, m := range messages {
		if m.Envelope != nil && m.Envelope.Subject == subject {
			out = append(out, copyOf{folder, flagText(m.Flags)})
		}
	}
	return out, nil
}

// remember old|new PERSON… notes what the mailboxes hold, to the UID.
func (s *scriptWorld) cmdRemember(ts *testscript.TestScript, _ bool, args []string) {
	if s.rules.seen == nil {
		s.rules.seen = map[string]string{}
	}
	for _, p := range args[1:] {
		s.rules.seen[args[0]+" "+p] = s.text(ts, args[0], p)
	}
}

// unchanged old|new PERSON… makes sure that they hold it still, and no more.
func (s *scriptWorld) cmdUnchanged(ts *testscript.TestScript, _ bool, args []string) {
	for _, p := range args[1:] {
		was, is := s.rules.seen[args[0]+" "+p], s.text(ts, args[0], p)
		if was == "" || was != is {
			ts.Fatalf("the %s mailbox of %s has changed:\n%s", args[0], p, firstDifference(was, is))
		}
	}
}

func (s *scriptWorld) text(ts *testscript.TestScript, side, person string) string {
	b, err := s.read(s.side(side, person))
	ts.Check(err)
	return b.text()
}
