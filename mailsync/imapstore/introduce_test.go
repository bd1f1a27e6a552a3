package imapstore

import (
	"strings"
	"testing"
)

// introducing answers an introduction as a test wants, and lists one folder
// of somebody else.
func introducing(t *testing.T, caps string, said map[string][]string) (Config, *peer) {
	t.Helper()
	return scripted(t, caps, func(p *peer, tag, cmd string) {
		name, _, _ := strings.Cut(cmd, " ")
		for _, l := range said[name] {
			p.send(strings.ReplaceAll(l, "%s", tag))
		}
		switch {
		case said[name] != nil:
		case name == "LIST":
			p.send(`* LIST () "/" INBOX`, `* LIST () "/" "Users/bob"`, tag+" OK done")
		default:
			p.ok(tag, cmd)
		}
	})
}

const spaces = `* NAMESPACE (("" "/")) (("Users/" "/")) NIL`

func TestTheIntroductionTravelsWithTheFirstQuestion(t *testing.T) {
	cfg, p := introducing(t, "ID NAMESPACE ENABLE QRESYNC", map[string][]string{
		"ID": {`* ID ("name" "Old")`, "%s OK"}, "NAMESPACE": {spaces, "%s OK"}, "ENABLE": {"* ENABLED QRESYNC", "%s OK"}})
	s := source(t, cfg)
	before := s.Meter().Turns
	if sent := p.transcript(); strings.Contains(sent, "NAMESPACE") {
		t.Fatalf("something was asked before the first question: %s", sent)
	}
	l, err := s.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	asked := p.transcript()
	if strings.Index(asked, "ENABLE QRESYNC") > strings.Index(asked, " LIST ") {
		t.Fatalf("the question came first:\n%s", asked)
	}
	// INBOX has no STATUS in this listing: it is asked for once more.
	if turns := s.Meter().Turns - before; turns != 2 || s.Meter().Commands["STATUS"] != 1 {
		t.Fatalf("%d round trips, %v", turns, s.Meter().Commands)
	}
	if len(l.Folders) != 1 || len(l.Foreign) != 1 || s.Identity().ID["name"] != "Old" || !s.Vanishes() {
		t.Fatalf("%+v, %+v", l, s.Identity())
	}
}

func TestWhatDependsOnTheIntroductionWaitsForIt(t *testing.T) {
	cfg, _ := introducing(t, "ID NAMESPACE ENABLE QRESYNC", map[string][]string{
		"ID": {`* ID ("name" "Old")`, "%s OK"}, "NAMESPACE": {`* NAMESPACE (("INBOX." ".")) NIL NIL`, "%s OK"},
		"CREATE": {"%s OK"}, "LIST": {`* LIST () "." "INBOX.Sent"`, "%s OK"}})
	if got := source(t, cfg).Identity().ID["name"]; got != "Old" {
		t.Fatalf("calls itself %q", got)
	}
	if prefix, delim, known := source(t, cfg).Namespace(); prefix != "INBOX." || delim != '.' || !known {
		t.Fatalf("%q %q %v", prefix, delim, known)
	}
	if f := mustCreate(t, target(t, cfg), "Sent"); f.Raw != "INBOX.Sent" {
		t.Fatalf("%+v", f)
	}
	// A command of the library must not meet replies it did not ask for.
	dst := target(t, cfg)
	if err := dst.s.do(t.Context(), "nothing", func() error {
		return dst.s.lend(func() error { return dst.s.lib.Noop().Wait() })
	}); err != nil {
		t.Fatal(err)
	}
}

func TestARefusedIntroductionLeavesThingsUnknown(t *testing.T) {
	cfg, _ := introducing(t, "ID NAMESPACE ENABLE QRESYNC", map[string][]string{
		"ID": {"%s NO private"}, "NAMESPACE": {"%s BAD what"}, "ENABLE": {"* ENABLED", "%s OK"}})
	s := source(t, cfg)
	l, err := s.List(t.Context())
	if err != nil || len(l.Folders) != 2 || s.Vanishes() || s.Identity().ID != nil {
		t.Fatalf("%v, %+v, %+v", err, l, s.Identity())
	}
}

// Once everything was introduced, a server cannot change who is who.
func TestAnIntroductionNobodyAskedForIsIgnored(t *testing.T) {
	cfg, _ := introducing(t, "ID NAMESPACE", map[string][]string{
		"ID": {`* ID ("name" "Old")`, "%s OK"}, "NAMESPACE": {spaces, "%s OK"},
		"EXAMINE": {`* ID ("name" "New")`, `* NAMESPACE (("" "/")) NIL NIL`, "* ENABLED QRESYNC", "* 0 EXISTS", "%s OK"}})
	s := source(t, cfg)
	if _, err := s.List(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Examine(t.Context(), inbox()); err != nil {
		t.Fatal(err)
	}
	if s.Identity().ID["name"] != "Old" || s.Vanishes() || !s.s.foreign("Users/bob") {
		t.Fatalf("%+v, %v", s.Identity(), s.s.ns)
	}
}

func TestAGoodbyeIsSaidAndNotAwaited(t *testing.T) {
	heard := make(chan string, 1)
	cfg, _ := serving(t, func(p *peer) {
		p.send("* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hello")
		tag, _, _ := p.command()
		p.send(tag + " OK [CAPABILITY IMAP4rev1] in")
		_, cmd, _ := p.command()
		_, more, _ := p.command()
		heard <- cmd + more // and no answer
	})
	s := source(t, cfg)
	turns := s.Meter().Turns
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if said := <-heard; said != "LOGOUT" {
		t.Fatalf("said %q", said)
	}
	if n := s.Meter(); n.Turns != turns || n.Commands["LOGOUT"] != 1 {
		t.Fatalf("waited for an answer: %+v", n)
	}
}
