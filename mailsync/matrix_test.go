package mailsync_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"bascule/internal/hostile"
	"bascule/mailsync"
	"bascule/mailsync/folders"
)

// reference is the server that holds nearly everything and changes little:
// what the others do is read from copies out of it and into it.
const reference = "Dovecot mdbox CRLF"

// edges are the copies of the matrix, by source and target.
func edges() [][2]string {
	out := [][2]string{{"Cyrus", "mox"}, {"mox", "Cyrus"}}
	for _, k := range serverKinds() {
		out = append(out, [2]string{reference, k.name})
		if k.name != reference {
			out = append(out, [2]string{k.name, reference})
		}
	}
	return out
}

// interruptions are the copies that are killed where it hurts: to servers that
// alter messages, each in its own way.
func interruptions() [][2]string {
	return [][2]string{{reference, "Cyrus"}, {reference, "memory"}, {"mox", reference}}
}

// corpusFolder is a folder sources are filled with.
type corpusFolder struct {
	class    string
	path     []string
	messages []hostile.Message
}

// corpus is what every source is filled with, as far as it takes it.
func corpus() []corpusFolder {
	bracket := func(m hostile.Message) bool { return strings.Contains(strings.Join(m.Flags, ""), "[") }
	dollar := func(m hostile.Message) bool { return slices.Equal(m.Flags, []string{"$"}) }
	others := func(m hostile.Message) bool { return !bracket(m) && !dollar(m) }
	out := []corpusFolder{
		{"contents", []string{"Contenus"}, hostile.Messages()},
		{"dates", []string{"Dates"}, hostile.Dates()},
		{"flags", []string{"Drapeaux"}, hostile.Flags()},
		{"keywords", []string{"Mots"}, chosen(hostile.Keywords(), others)},
		{"brackets", []string{"Crochets"}, chosen(hostile.Keywords(), bracket)},
		{"dollar", []string{"Dollar"}, chosen(hostile.Keywords(), dollar)},
		{"30 keywords", []string{"Trente"}, hostile.ManyKeywords(30)},
	}
	if os.Getenv("MATRIX_LARGE") != "" {
		out = append(out, corpusFolder{"large", []string{"Grand"}, []hostile.Message{hostile.Large(25 << 20)}})
	}
	for _, f := range hostile.Folders() {
		m := hostile.Flags()[0]
		m.Class, m.Body = "a message", "Subject: in "+f.Class+"\r\n\r\ntext\r\n"
		out = append(out, corpusFolder{"folder " + f.Class, f.Path, []hostile.Message{m}})
	}
	return out
}

func chosen(list []hostile.Message, want func(hostile.Message) bool) []hostile.Message {
	var out []hostile.Message
	for _, m := range list {
		if want(m) {
			out = append(out, m)
		}
	}
	return out
}

// TestTheHostileMatrix copies package hostile between real servers: a probe, a
// pass, a full verification, a second pass; and judges both sides with a reader
// of its own. testdata/matrix has a file for each server: what it does not keep when it is
// filled, and what it changes of copies, with how the engine names it. All of
// it is exact, and -update writes it anew. A second pass must not write, and
// no pass writes to its source.
//
// What the engine leaves unnamed ("SILENT" in those files), does in vain or
// fails at fails the test.
//
// One message of 25 MB goes from Dovecot to Dovecot; with MATRIX_LARGE set,
// every copy has one. Without one of the servers the test is skipped; see
// tools/prepare.
func TestTheHostileMatrix(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts every server there is")
	}
	m := startMatrix(t)
	// Servers wait for their disk more than for the processor.
	slots := make(chan struct{}, 4)
	inParallel := func(t *testing.T, name string, f func(t *testing.T)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			slots <- struct{}{}
			defer func() { <-slots }()
			f(t)
		})
	}
	whole := t.Run("fill", func(t *testing.T) {
		for _, s := range m.servers {
			inParallel(t, s.name, s.fill)
		}
	})
	whole = whole && t.Run("copy", func(t *testing.T) {
		for _, e := range edges() {
			inParallel(t, e[0]+" to "+e[1], func(t *testing.T) { m.copy(t, e[0], e[1]) })
		}
		for _, e := range interruptions() {
			for _, probed := range []bool{false, true} {
				name := fmt.Sprintf("interrupted, %s to %s, probed %v", e[0], e[1], probed)
				inParallel(t, name, func(t *testing.T) { m.interrupted(t, e[0], e[1], probed) })
			}
		}
		inParallel(t, "25 MB", m.large)
	})
	if m.complete() && (whole || *update) {
		m.golden(t)
	}
}

// copy fills a mailbox of the target from the source, twice, and judges.
func (m *matrix) copy(t *testing.T, from, to string) {
	source, target := m.servers[from], m.servers[to]
	p := newCrossing(t, source.account(sourceMailbox), target.account(mailboxFor(from)))
	p.probe(t)
	r := p.pass(t)
	list := p.judge(t, source, r)
	if wrote := p.again(t); wrote != "" {
		list = append(list, difference{class: "second pass", kind: "writes", what: wrote})
	}
	list = crowded(list)
	target.note(from, list)
	expectWords(t, list)
}

// interrupted ends a pass when the target has accepted a message it may alter
// and the ledger does not say so: nothing may be doubled by the next one.
func (m *matrix) interrupted(t *testing.T, from, to string, probed bool) {
	source, target := m.servers[from], m.servers[to].account(interruptedMailbox(from, probed))
	p := newCrossing(t, source.account(sourceMailbox), target)
	if probed {
		p.probe(t)
	}
	// A message that several servers alter.
	where := slices.IndexFunc(m.corpus[0].messages, func(m hostile.Message) bool { return m.Class == "8-bit header, UTF-8" })
	hurts := func(f found) bool { return f.date.Equal(m.corpus[0].messages[where].Date) }
	p.o.Rules = folders.Rules{Include: []string{"Contenus"}}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	p.o.Tap = func(point string) {
		if point == "after APPEND" && slices.ContainsFunc(readBox(t, target.access)["Contenus"], hurts) {
			cancel()
		}
	}
	if _, err := mailsync.Pass(ctx, p.o); !errors.Is(err, context.Canceled) {
		t.Fatalf("the pass was not interrupted: %v", err)
	}
	p.o.Tap = nil
	list := p.judge(t, source, p.pass(t))
	for _, d := range alike(list, func(d *difference) bool { return d.kind == extra }) {
		t.Errorf("doubled: %s", d)
	}
	for _, d := range alike(list, func(d *difference) bool {
		return d.kind == missing && (d.words == "" || strings.Contains(d.words, mailsync.InDoubt))
	}) {
		t.Errorf("lost, or not known: %s", d.line(silent))
	}
}

// expectWords fails for every difference that the engine does not name.
func expectWords(t *testing.T, list []difference) {
	t.Helper()
	for _, d := range alike(list, func(d *difference) bool { return d.words == "" }) {
		t.Error(d.line(silent))
	}
}

// large sends one message that is no hostile one, only large.
func (m *matrix) large(t *testing.T) {
	source, target := m.servers[reference], m.servers["Dovecot Maildir LF"]
	p := newCrossing(t, source.account(largeMailbox), target.account(largeMailbox))
	fillLarge(t, source.account(largeMailbox))
	if r := p.pass(t); !r.Complete {
		t.Errorf("%+v", r.Failures)
	}
	was, is := readBox(t, source.account(largeMailbox).access)["INBOX"], readBox(t, target.account(largeMailbox).access)["INBOX"]
	if list := compare(nil, []item{{"25 MB", was[0]}}, is); len(was) != 1 || len(list) != 0 {
		t.Error(list)
	}
	if wrote := p.again(t); wrote != "" {
		t.Errorf("a second pass wrote %s", wrote)
	}
}

func fillLarge(t *testing.T, a account) {
	t.Helper()
	j, err := newJudge(a.access)
	if err != nil {
		t.Fatal(err)
	}
	defer j.close()
	if err := j.put("INBOX", hostile.Large(25<<20)); err != nil {
		t.Fatal(err)
	}
}
