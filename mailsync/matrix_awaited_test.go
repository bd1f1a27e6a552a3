package mailsync_test

import (
	"regexp"
	"sync"
	"testing"

	"bascule/mailsync/folders"
)

// The tables of what the engine does not do yet. An entry goes away with its
// cause: the test fails when one is no longer found.

// stopper is a folder that ends the pass of a whole mailbox.
type stopper struct {
	source, target string
	class          string // of the folder
	why            string
}

func stoppers() []stopper {
	return []stopper{}
}

// withheld are the folders that would stop a copy, as patterns.
func (m *matrix) withheld(from, to string) []string {
	var out []string
	for _, x := range stoppers() {
		if x.target == to || x.source == from && x.source != reference {
			out = append(out, m.pattern(x.class))
		}
	}
	return out
}

// pattern names a folder of the corpus in rules.
func (m *matrix) pattern(class string) string {
	for _, c := range m.corpus {
		if c.class == class {
			return folders.Show(c.path)
		}
	}
	panic("bug: no folder of class " + class)
}

// finding is something that has no name, or should not be.
type finding struct {
	// source and target are names of servers; empty is any.
	source, target string
	// line fits a difference and the words for it, as testdata/matrix has them.
	line string
	why  string
}

func awaited() []finding {
	const (
		doubled = "without a probe, messages that the target altered are not recognised after an interruption, and are copied again; with one, only those whose octets are gone"
	)
	return []finding{
		{"", "Cyrus", `^interrupted, probed false: extra \d+ messages — SILENT$`, doubled},
		{"", "memory", `^interrupted, probed (true|false): extra \d+ messages — SILENT$`, doubled},
	}
}

// findings remembers which of the awaited were found.
type findings struct {
	mu     sync.Mutex
	list   []finding
	fitted []bool
}

func newFindings() *findings { return &findings{list: awaited(), fitted: make([]bool, len(awaited()))} }

// add fails for every difference without words that nobody awaits.
func (f *findings) add(t *testing.T, from, to string, list []difference) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, d := range list {
		if !f.fits(from, to, d.line(silent)) && d.words == "" {
			t.Error(d.line(silent))
		}
	}
}

func (f *findings) fits(from, to, line string) bool {
	fits := false
	for i, x := range f.list {
		if x.fits(from, to, line) {
			f.fitted[i], fits = true, true
		}
	}
	return fits
}

func (x finding) fits(from, to, line string) bool {
	return (x.source == "" || x.source == from) && (x.target == "" || x.target == to) && regexp.MustCompile(x.line).MatchString(line)
}

// tell fails for what was awaited and is mended.
func (f *findings) tell(t *testing.T) {
	t.Helper()
	for i, x := range f.list {
		if !f.fitted[i] {
			t.Errorf("no longer so, take it from the table: %q (from %q to %q): %s", x.line, x.source, x.target, x.why)
		}
	}
}
