package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/miekg/dns"
	"github.com/rogpeppe/go-internal/testscript"

	"bascule/internal/retry"
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
		"halfcopy":  s.cmdHalfCopy,
		"person":    s.cmdPerson,
		"serial":    s.cmdSerial,
		"remember":  s.cmdRemember,
		"unchanged": s.cmdUnchanged,
	}
}

// world MESSAGES is servers, but for the message of 30 MB.
func (s *scriptWorld) cmdWorld(ts *testscript.TestScript, neg bool, args []string) {
	s.rules.light = true
	s.cmdServers(ts, neg, args)
	ts.Setenv("DNS1", s.knot.Addr)
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
	s.rules.other = testservers.StartDovecot(s.t, testservers.DovecotOptions{CA: s.ca, Extra: noPenalty})
	for _, p := range scriptPeople() {
		ts.Setenv("OLD_"+strings.ToUpper(p), oldPassword(p))
		ts.Setenv("NEW_"+strings.ToUpper(p), newPassword(p))
	}
	pem, err := os.ReadFile(s.ca.File)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs("ca.pem"), pem, 0o644))
	ts.Check(os.WriteFile(ts.MkAbs("main.hcl"), []byte(s.boxesConfig()), 0o644))
}

// noPenalty lets a wrong password be refused at once: the accounts are still to
// be made, and each look would wait for the next.
const noPenalty = `service anvil {
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
`

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
func (s *scriptWorld) cmdAccount(ts *testscript.TestScript, _ bool, args []string) {
	email := args[0] + "@" + scriptDomain
	if s.rules.other != nil {
		s.rules.other.AddUser(testservers.User{Name: email, Password: newPassword(args[0])})
		s.waitForLogin(ts, s.newMailbox(args[0]))
		return
	}
	if !strings.Contains(fmt.Sprint(s.moxDomains()), scriptDomain) {
		s.new.AddDomain(scriptDomain)
	}
	s.new.AddAccount(args[0], email, newPassword(args[0]))
}

// waitForLogin: Dovecot looks at its list of users no more than once a second.
func (s *scriptWorld) waitForLogin(ts *testscript.TestScript, a account) {
	ts.Check(patiently().Do(context.Background(), func(context.Context) error {
		c, err := a.open()
		if err != nil {
			return retry.Temporary(err)
		}
		return c.Close()
	}))
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

// halfcopy PERSON FOLDER N is another tool that copied the first N messages of a
// folder: octets and dates, no flags.
func (s *scriptWorld) cmdHalfCopy(ts *testscript.TestScript, _ bool, args []string) {
	from, err := s.oldMailbox(args[0]).open()
	ts.Check(err)
	defer from.Close()
	to, err := s.newMailbox(args[0]).open()
	ts.Check(err)
	defer to.Close()
	_, err = from.Select(args[1], &imap.SelectOptions{ReadOnly: true}).Wait()
	ts.Check(err)
	n, err := strconv.ParseUint(args[2], 10, 32)
	ts.Check(err)
	some := imap.SeqSet{}
	some.AddRange(1, uint32(n))
	section := &imap.FetchItemBodySection{Peek: true}
	messages, err := from.Fetch(some, &imap.FetchOptions{InternalDate: true, BodySection: []*imap.FetchItemBodySection{section}}).Collect()
	ts.Check(err)
	for _, m := range messages {
		ts.Check(appendMessage(to, args[1], m.FindBodySection(section), m.InternalDate, nil))
	}
}

// askedStep is a step of a plan as its JSON shows it.
type askedStep struct {
	Name, Address, Status string
	DependsOn             []string  `json:"depends_on"`
	NotBefore             time.Time `json:"not_before"`
	Action                struct {
		Manual *struct{ Instruction []string }
	}
}

// person does what the plan asks for in the zone, knowing nothing but the
// instructions.
func (s *scriptWorld) cmdPerson(ts *testscript.TestScript, _ bool, _ []string) {
	ts.Check(ts.Exec("bascule", "plan", "--json"))
	var plan struct{ Steps []askedStep }
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &plan))
	pending := map[string]bool{}
	for _, step := range plan.Steps {
		pending[step.Address+"/"+step.Name] = true
	}
	done := 0
	for _, step := range plan.Steps {
		asked := step.Status == "ready" || step.Status == "waiting" && !step.NotBefore.IsZero()
		first := !slices.ContainsFunc(step.DependsOn, func(key string) bool { return pending[key] })
		if m := step.Action.Manual; m != nil && asked && first && strings.HasPrefix(m.Instruction[0], "Where the zone") {
			s.follow(ts, m.Instruction)
			done++
		}
	}
	if done == 0 {
		ts.Fatalf("nobody is asked to edit the zone")
	}
}

// follow does what an instruction says, line by line, and looks whether the
// zone is then as it promises.
func (s *scriptWorld) follow(ts *testscript.TestScript, lines []string) {
	_, at, _ := strings.Cut(strings.TrimSuffix(lines[0], ":"), "at the name ")
	name, kind, _ := strings.Cut(at, ", type ")
	set := s.typedSet(dns.Fqdn(name), kind)
	for i, line := range lines[1:] {
		verb, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		value = strings.TrimSpace(value)
		switch {
		case verb == "change" || verb == "remove":
			set.values = slices.DeleteFunc(set.values, func(v string) bool { return v == value })
		case verb == "into" || verb == "add":
			set.values = append(set.values, value)
		case strings.HasPrefix(line, "Save."):
			s.save(ts, set)
		case strings.HasPrefix(line, "Set the TTL"):
			f := strings.Fields(line)
			set.ttl = f[len(f)-2]
		case strings.Contains(line, "When done"):
			promised := lines[i+2:]
			if set.ttl == "" && len(promised) > 0 {
				set.ttl = strings.Fields(promised[0])[1]
			}
			s.save(ts, set)
			s.promised(ts, set, promised, strings.Contains(line, "exactly"))
			return
		}
	}
	ts.Fatalf("an instruction without an end: %q", lines)
}

// typedSet is a record set as the form of a zone editor holds it.
type typedSet struct {
	name, kind, ttl string
	values          []string
}

func (s *scriptWorld) typedSet(name, kind string) *typedSet {
	set := &typedSet{name: name, kind: kind}
	for _, rr := range s.served(name, kind) {
		set.ttl = fmt.Sprint(rr.Header().Ttl)
		value := strings.TrimPrefix(rr.String(), rr.Header().String())
		if txt, ok := rr.(*dns.TXT); ok {
			value = strings.Join(txt.Txt, "")
		}
		set.values = append(set.values, value)
	}
	return set
}

// served is a record set of the zone; none where the name does not exist.
func (s *scriptWorld) served(name, kind string) []dns.RR {
	query := new(dns.Msg).SetQuestion(name, dns.StringToType[kind])
	answer, _, err := (&dns.Client{Net: "tcp", Timeout: hangs}).Exchange(query, s.knot.Addr)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer.Answer
}

// save writes the form; a long text is cut into strings of 255 octets, as zone
// editors do.
func (s *scriptWorld) save(ts *testscript.TestScript, set *typedSet) {
	var lines []string
	for _, v := range set.values {
		if set.kind == "TXT" {
			var parts []string
			for part := range slices.Chunk([]byte(v), 255) {
				parts = append(parts, `"`+string(part)+`"`)
			}
			v = strings.Join(parts, " ")
		}
		lines = append(lines, v)
	}
	s.cmdZone(ts, false, append([]string{set.name, set.ttl, set.kind}, lines...))
}

func (s *scriptWorld) promised(ts *testscript.TestScript, set *typedSet, lines []string, exactly bool) {
	have := map[string]bool{}
	for _, rr := range s.served(set.name, set.kind) {
		have[rr.String()] = true
	}
	for _, line := range lines {
		rr, err := dns.NewRR(strings.TrimSpace(line))
		if err != nil || !have[rr.String()] {
			ts.Fatalf("the instruction promises %q (%v), the zone holds %v", line, err, have)
		}
	}
	if exactly && len(have) != len(lines) {
		ts.Fatalf("the instruction promises %q, the zone holds %v", lines, have)
	}
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

func newRoute(t testing.TB) (*route, error) {
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
