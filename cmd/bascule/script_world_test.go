package main

import (
	"context"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/rogpeppe/go-internal/testscript"

	"bascule/internal/testservers"
)

// scriptWorld is the real servers of one scene: Dovecot behind an SMTP front
// as the old side, mox as the new one, Knot for the zone.
type scriptWorld struct {
	t      testing.TB
	ca     *testservers.CA
	old    *testservers.Dovecot
	front  *testservers.Front
	gmail  *testservers.Gmail
	new    *testservers.Mox
	knot   *testservers.Knot
	second *testservers.Knot
	key    testservers.TSIGKey
	watch  *mxWatch
	rules  rulesWorld
	// digests of the old side's messages, by person, folder, UIDVALIDITY and UID.
	digests map[string]string
	// dice draw where runs are killed; deaths counts by phase.
	dice   *rand.Rand
	deaths map[string]int
}

const scriptDomain = "example.ch"

func scriptPeople() []string { return []string{"alice", "bob", "info"} }

// servers [MESSAGES] starts the world and writes main.hcl and its secrets into
// the scene's directory.
func (s *scriptWorld) cmdServers(ts *testscript.TestScript, _ bool, args []string) {
	messages := 60
	if len(args) > 0 {
		_, err := fmt.Sscan(args[0], &messages)
		ts.Check(err)
	}
	s.ca = testservers.NewCA(s.t)
	s.startOld(messages)
	s.new = testservers.StartMox(s.t, testservers.MoxOptions{CA: s.ca})
	s.key = testservers.NewTSIGKey("bascule")
	s.knot, s.second = testservers.StartKnotPair(s.t, testservers.DNSOptions{Key: s.key, Zones: []testservers.Zone{
		{Name: scriptDomain, Records: zoneRecords},
		{Name: "old-host.example", Records: "mx A 192.0.2.1\n"},
		{Name: "new.example", Records: "mx A 192.0.2.2\n"},
	}})
	ts.Setenv("BASCULE_TEST_RESOLVERS", s.knot.Addr)
	s.watch = watchMX(s.t, s.nameservers())
	for _, p := range scriptPeople() {
		ts.Setenv("OLD_"+strings.ToUpper(p), oldPassword(p))
		ts.Setenv("NEW_"+strings.ToUpper(p), newPassword(p))
	}
	ts.Setenv("MOX_ADMIN", testservers.MoxAdminPassword)
	ts.Setenv("TSIG_KEY", s.key.Secret)
	pem, err := os.ReadFile(s.ca.File)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs("ca.pem"), pem, 0o644))
	ts.Check(os.WriteFile(ts.MkAbs("main.hcl"), []byte(s.config()), 0o644))
}

func oldPassword(p string) string { return "old-secret-of-" + p }
func newPassword(p string) string { return "New-Secret-of-" + p + "-1" }

const zoneRecords = `@ 3600 MX 10 mx.old-host.example.
@ 3600 TXT "v=spf1 mx -all"
@ 3600 TXT "some-site-verification=abc"
@ 3600 A 192.0.2.10
www 3600 A 192.0.2.10
`

func (s *scriptWorld) startOld(messages int) {
	var users []testservers.User
	recipients := map[string]string{}
	for _, p := range scriptPeople() {
		email := p + "@" + scriptDomain
		users = append(users, testservers.User{Name: email, Password: oldPassword(p)})
		recipients[email] = email
	}
	recipients["contact@"+scriptDomain] = "info@" + scriptDomain
	recipients["sales@"+scriptDomain] = "alice@" + scriptDomain
	s.old = testservers.StartDovecot(s.t, testservers.DovecotOptions{Users: users, CA: s.ca})
	s.front = testservers.StartFront(s.t, testservers.FrontOptions{LMTPAddr: s.old.LMTPAddr, Recipients: recipients})
	s.fill(messages)
}

func (s *scriptWorld) nameservers() []string { return []string{s.knot.Addr, s.second.Addr} }

// config is the configuration of the scene.
func (s *scriptWorld) config() string {
	return fmt.Sprintf(`source "imap" "old" {
  host        = "localhost"
  port        = %s
  address     = "127.0.0.1"
  ca_file     = "ca.pem"
  mx_endpoint = %q
}

target "mox" "new" {
  host           = "localhost"
  port           = %s
  address        = "127.0.0.1"
  ca_file        = "ca.pem"
  admin_url      = %q
  admin_password = secret("env:MOX_ADMIN")
  mx_endpoint    = %q
}

dns "rfc2136" "zone" {
  server      = %q
  key_name    = %q
  key         = secret("env:TSIG_KEY")
  nameservers = [%q, %q]
}

domain "main" {
  name    = %q
  dns     = dns.rfc2136.zone
  target  = target.mox.new
  mx_from = ["10 mx.old-host.example."]
}

mailbox "team" {
  for_each = toset(["alice", "bob", "info"])
  address  = "${each.key}@${domain.main.name}"
  source {
    server   = source.imap.old
    password = secret("env:OLD_${upper(each.key)}")
  }
  target {
    server   = target.mox.new
    password = secret("env:NEW_${upper(each.key)}")
  }
}

alias "contact" {
  address = "contact@${domain.main.name}"
  to      = [mailbox.team["info"].address]
}

alias "sales" {
  address = "sales@${domain.main.name}"
  to      = [mailbox.team["alice"].address, mailbox.team["bob"].address]
}

migration "scene" {
  timezone = "Europe/Zurich"
  cutover {
    window {
      days       = ["sat"]
      hours      = "06:00-08:00"
      not_before = "2027-03-13"
    }
  }
}
`, testservers.Port(s.old.IMAPSAddr), s.front.Addr, testservers.Port(s.new.IMAPSAddr), s.new.AdminURL, s.new.SMTPAddr,
		s.knot.Addr, s.key.Name, s.knot.Addr, s.second.Addr, scriptDomain)
}

// mxWatch asks the name servers for the MX all the time.
type mxWatch struct {
	changing
	asked  int
	absent []string
	stop   chan struct{}
}

func watchMX(t testing.TB, servers []string) *mxWatch {
	w := &mxWatch{stop: make(chan struct{})}
	var done sync.WaitGroup
	for _, addr := range servers {
		done.Add(1)
		go func() {
			defer done.Done()
			w.run(addr)
		}()
	}
	t.Cleanup(func() { close(w.stop); done.Wait() })
	return w
}

func (w *mxWatch) run(addr string) {
	ticker := time.NewTicker(3 * time.Millisecond)
	defer ticker.Stop()
	client := &dns.Client{Timeout: time.Second}
	for {
		select {
		case <-w.stop:
			return
		case <-ticker.C:
		}
		m := new(dns.Msg).SetQuestion(scriptDomain+".", dns.TypeMX)
		in, _, err := client.Exchange(m, addr)
		if err != nil {
			continue
		}
		w.change(func() {
			w.asked++
			if len(in.Answer) == 0 {
				w.absent = append(w.absent, fmt.Sprintf("%s answered without MX: %s", addr, dns.RcodeToString[in.Rcode]))
			}
		})
	}
}

// dns mx WANT… | dns ttl SECONDS | dns never-without-mx | dns set/… looks at, or edits, the zone.
func (s *scriptWorld) cmdDNS(ts *testscript.TestScript, neg bool, args []string) {
	switch args[0] {
	case "mx":
		for _, k := range []*testservers.Knot{s.knot, s.second} {
			if got := mxOf(k); !slices.Equal(got, args[1:]) != neg {
				ts.Fatalf("MX is %q", got)
			}
		}
	case "ttl":
		for _, rr := range s.knot.Lookup(scriptDomain, dns.TypeMX) {
			if got := fmt.Sprint(rr.Header().Ttl); got != args[1] {
				ts.Fatalf("TTL is %s", got)
			}
		}
	case "txt":
		got := txtOf(s.knot, args[1])
		if slices.ContainsFunc(got, func(v string) bool { return strings.Contains(v, args[2]) }) == neg {
			ts.Fatalf("TXT is %q", got)
		}
	case "never-without-mx":
		s.neverWithoutMX(ts)
	case "replace-mx":
		ts.Check(s.knot.Update(s.key, scriptDomain, func(m *dns.Msg) {
			m.RemoveRRset([]dns.RR{&dns.MX{Hdr: dns.RR_Header{Name: scriptDomain + ".", Rrtype: dns.TypeMX}}})
			rr, err := dns.NewRR(scriptDomain + ". 300 MX " + args[1])
			ts.Check(err)
			m.Insert([]dns.RR{rr})
		}))
		s.second.WaitSerial(scriptDomain, s.knot.Serial(scriptDomain))
	default:
		ts.Fatalf("dns %s?", args[0])
	}
}

func mxOf(k *testservers.Knot) []string {
	var out []string
	for _, rr := range k.Lookup(scriptDomain, dns.TypeMX) {
		mx := rr.(*dns.MX)
		out = append(out, fmt.Sprintf("%d %s", mx.Preference, mx.Mx))
	}
	slices.Sort(out)
	return out
}

func txtOf(k *testservers.Knot, name string) []string {
	var out []string
	for _, rr := range k.Lookup(name, dns.TypeTXT) {
		out = append(out, strings.Join(rr.(*dns.TXT).Txt, ""))
	}
	return out
}

// neverWithoutMX believes the watcher and the journal of every version. How
// often the watcher has asked by now is a matter of the machine: it is waited for.
func (s *scriptWorld) neverWithoutMX(ts *testscript.TestScript) {
	over, cancel := context.WithTimeout(context.Background(), hangs)
	defer cancel()
	asked := s.watch.until(func() bool { return s.watch.asked >= 100 }, over.Done())
	s.watch.mu.Lock()
	defer s.watch.mu.Unlock()
	if !asked || len(s.watch.absent) > 0 {
		ts.Fatalf("asked %d times, without MX: %v", s.watch.asked, s.watch.absent)
	}
	if n, empty := journalMX(s.knot.Journal(scriptDomain), []string{"10 mx.old-host.example."}); n < 2 || empty {
		ts.Fatalf("the journal has %d changes of the MX, and in one of them none was left:\n%s", n, s.knot.Journal(scriptDomain))
	}
}

// everything is all that a command could have written: the scene's directory
// and every server.
func (s *scriptWorld) everything(ts *testscript.TestScript) string {
	var b strings.Builder
	root := ts.MkAbs(".")
	_ = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, _ := os.ReadFile(path)
		fmt.Fprintf(&b, "%s %x\n", strings.TrimPrefix(path, root), digestOf(content))
		return nil
	})
	if s.old == nil {
		return b.String()
	}
	b.WriteString(s.snapshotOld(ts))
	if s.knot != nil {
		var accounts any
		if err := s.new.Admin().Call(&accounts, "Accounts"); err != nil {
			ts.Fatalf("%v", err)
		}
		fmt.Fprintf(&b, "\nzone %d\n%v\n", s.knot.Serial(scriptDomain), accounts)
	}
	for _, p := range scriptPeople() {
		if box, err := s.read(s.newMailbox(p)); err == nil {
			b.WriteString(box.text())
		}
	}
	return b.String()
}

// deliver old|new ADDRESS SUBJECT sends mail from the world.
func (s *scriptWorld) cmdDeliver(ts *testscript.TestScript, neg bool, args []string) {
	addr := s.front.Addr
	if args[0] == "new" {
		addr = s.new.SMTPAddr
	}
	err := sendMail(addr, args[1], args[2])
	if (err != nil) != neg {
		ts.Fatalf("deliver to %s: %v", args[1], err)
	}
}

// inbound close|open is what a person does on the old side.
func (s *scriptWorld) cmdInbound(_ *testscript.TestScript, _ bool, args []string) {
	if args[0] == "close" {
		s.front.CloseInbound(550)
		return
	}
	s.front.OpenInbound()
}
