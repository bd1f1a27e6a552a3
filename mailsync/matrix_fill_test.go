package mailsync_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bascule/internal/hostile"
)

var update = flag.Bool("update", false, "write the tables of the hostile matrix anew")

// Mailboxes of every server: what it is filled with, what it receives.
const (
	sourceMailbox = "source"
	largeMailbox  = "large"
)

func mailboxFor(source string) string {
	return "from-" + strings.ToLower(strings.ReplaceAll(source, " ", "-"))
}

func interruptedMailbox(source string, probed bool) string {
	return fmt.Sprintf("interrupted-%v-%s", probed, mailboxFor(source))
}

func mailboxesOf(name string) []string {
	out := []string{sourceMailbox, largeMailbox}
	for _, e := range edges() {
		if e[1] == name {
			out = append(out, mailboxFor(e[0]))
		}
	}
	for _, e := range interruptions() {
		if e[1] == name {
			out = append(out, interruptedMailbox(e[0], false), interruptedMailbox(e[0], true))
		}
	}
	return out
}

// server is one that runs.
type server struct {
	serverKind
	corpus  []corpusFolder // what it is filled with
	account func(user string) account

	held    box                          // what it holds as a source
	inside  map[string]map[uint32]string // classes of messages, by folder and UID
	misfits []difference                 // what it did not keep when it was filled

	mu      sync.Mutex
	changes map[string][]difference // by the source of the copy
}

// matrix is the servers, and what they are filled with.
type matrix struct {
	corpus  []corpusFolder
	servers map[string]*server
}

func startMatrix(t *testing.T) *matrix {
	m := &matrix{corpus: corpus(), servers: map[string]*server{}}
	for _, k := range serverKinds() {
		m.servers[k.name] = &server{serverKind: k, corpus: m.corpus, account: k.start(t, mailboxesOf(k.name)),
			inside: map[string]map[uint32]string{}, changes: map[string][]difference{}}
	}
	return m
}

// fill puts the corpus into a mailbox, and notes what the server did to it.
func (s *server) fill(t *testing.T) {
	f := &filler{t: t, access: s.account(sourceMailbox).access}
	f.connect()
	said := map[string]string{}
	for _, c := range s.corpus {
		name := s.rawName(c.path)
		if words := f.do(func() error { return f.j.must("CREATE " + quoted(name)) }); words != "" {
			s.misfits = append(s.misfits, difference{class: c.class, kind: absent, words: words})
			continue
		}
		for _, m := range c.messages {
			said[c.class+" / "+m.Class] = f.do(func() error { return f.j.put(name, m) })
		}
	}
	f.j.close()
	s.held = readBox(t, f.access)
	for _, c := range s.corpus {
		s.misfits = append(s.misfits, s.misfit(c, said)...)
	}
	s.misfits = crowded(s.misfits)
}

// rawName is how a folder is asked for.
func (s *server) rawName(path []string) string {
	raw := make([]string, len(path))
	for i, p := range path {
		raw[i] = hostile.EncodeName(p)
	}
	return strings.Join(raw, s.delim)
}

// misfit compares one folder with what was put there.
func (s *server) misfit(c corpusFolder, said map[string]string) []difference {
	if _, tried := said[c.class+" / "+c.messages[0].Class]; !tried {
		return nil
	}
	list, listed := s.held[pathKey(c.path)]
	if !listed {
		return []difference{{class: c.class, kind: renamed, what: "is not listed as it was created"}}
	}
	var want []item
	for _, m := range c.messages {
		want = append(want, item{c.class + " / " + m.Class, found{date: m.Date, flags: m.Flags, body: m.Body}})
	}
	pairs, _ := match(want, list)
	classes := map[uint32]string{}
	for i, g := range pairs {
		classes[g.uid] = want[i].class
	}
	s.inside[pathKey(c.path)] = classes
	out := compare(c.path, want, list)
	for i := range out {
		out[i].words = said[out[i].class]
	}
	return out
}

// items are the messages of a folder of a source, with their classes.
func (s *server) items(path []string) []item {
	var out []item
	for _, m := range s.held[pathKey(path)] {
		class := s.inside[pathKey(path)][m.uid]
		if class == "" {
			class = s.class(path) + " / ?"
		}
		out = append(out, item{class, m})
	}
	return out
}

// class is what the corpus calls a folder, or its name where a server made
// something else of it.
func (s *server) class(path []string) string {
	for _, c := range s.corpus {
		if slices.Equal(c.path, path) {
			return c.class
		}
	}
	return "folder " + quotedPath(path)
}

// folders are those of a source, sorted.
func (s *server) folders() [][]string {
	var out [][]string
	for key := range s.held {
		out = append(out, strings.Split(key, "\x00"))
	}
	slices.SortFunc(out, slices.Compare)
	return out
}

// filler goes on when a server hangs up.
type filler struct {
	t      *testing.T
	access access
	j      *judge
}

func (f *filler) connect() {
	f.t.Helper()
	var err error
	if f.j, err = newJudge(f.access); err != nil {
		f.t.Fatal(err)
	}
}

// do returns the words of a refusal, "" when there was none. A connection may
// have ended with the command before: mox closes it after a BAD.
func (f *filler) do(command func() error) string {
	var no refusal
	for range 2 {
		switch err := command(); {
		case err == nil:
			return ""
		case errors.As(err, &no):
			return stable(err.Error())
		}
		f.j.close()
		f.connect()
	}
	return "the connection ended"
}

// note keeps what a copy changed.
func (s *server) note(from string, list []difference) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changes[from] = list
}

// complete reports whether all copies were made: -run may choose a few.
func (m *matrix) complete() bool {
	return !slices.ContainsFunc(edges(), func(e [2]string) bool {
		_, made := m.servers[e[1]].changes[e[0]]
		return !made
	})
}

// golden compares what was found on each server with its file.
func (m *matrix) golden(t *testing.T) {
	for _, k := range serverKinds() {
		file := filepath.Join("testdata", "matrix", strings.ToLower(strings.ReplaceAll(k.name, " ", "-"))+".txt")
		got := m.servers[k.name].table()
		if *update {
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); d != "" {
			t.Errorf("%s (-update writes it anew):\n%s", file, d)
		}
	}
}

func (s *server) table() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# What %s does not keep of what it is given.\n", s.name)
	writeTable(&b, s.misfits, "without a word")
	for _, k := range serverKinds() {
		if list, ok := s.changes[k.name]; ok {
			fmt.Fprintf(&b, "\n# What it changes of a copy from %s, and how that is named.\n", k.name)
			writeTable(&b, list, silent)
		}
	}
	return b.String()
}

// manyAlike is how many messages with the same fate are told in one line.
const manyAlike = 40

// crowded tells in one what befell nearly every message.
func crowded(list []difference) []difference {
	fates := map[string]int{}
	fate := func(d difference) difference {
		return difference{class: "nearly every message", kind: d.kind, what: d.what, flag: d.flag, words: d.words}
	}
	for _, d := range list {
		fates[fate(d).String()+d.words]++
	}
	var out []difference
	for _, d := range list {
		if crowd := fate(d); fates[crowd.String()+d.words] >= manyAlike {
			d = crowd
			if slices.ContainsFunc(out, func(e difference) bool { return e.String() == d.String() && e.words == d.words }) {
				continue
			}
		}
		out = append(out, d)
	}
	return out
}

// writeTable tells one difference a line.
func writeTable(b *strings.Builder, list []difference, silence string) {
	lines := make([]string, len(list))
	for i, d := range list {
		lines[i] = d.line(silence)
	}
	slices.Sort(lines)
	for _, line := range lines {
		b.WriteString(line + "\n")
	}
}
