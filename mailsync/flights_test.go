package mailsync_test

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"testing"

	"bascule/mailsync/storetest"
)

func digest(body string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(body))) }

// at does something on the target ahead of the n-th command of a kind.
func (w *world) at(command string, n int, do func()) (done *bool) {
	done = new(bool)
	w.target.Before = func(c string) error {
		if c == command {
			if n--; n == 0 {
				*done = true
				do()
			}
		}
		return nil
	}
	return done
}

// TestAFolderInThePlaceOfAnotherKeepsWhatItHas: its messages have the UIDs of
// those that are to be deleted.
func TestAFolderInThePlaceOfAnotherKeepsWhatItHas(t *testing.T) {
	var others []string
	for n := range 12 {
		others = append(others, body(7000+n))
	}
	warned := 0
	for n := 1; ; n++ {
		w := newWorld(t, storetest.Personality{})
		w.fill()
		w.complete()
		w.source.Expunge("INBOX", 2)
		w.source.Expunge("INBOX", 4)
		w.source.Expunge("Clients", 1)
		replaced := w.at("SELECT", n, func() { w.target.Replace("INBOX", day, others...) })
		r, _ := w.try()
		w.target.Before = nil
		if !*replaced {
			break
		}
		for i, m := range w.target.Snapshot()["INBOX"] {
			if string(m.Body) != others[i] || len(m.Flags) > 0 {
				t.Fatalf("replaced at SELECT %d: message %d is %.40q %v (%v)", n, m.UID, m.Body, m.Flags, r.Warnings)
			}
		}
		if len(w.target.Snapshot()["INBOX"]) != len(others) {
			t.Fatalf("replaced at SELECT %d: messages are missing", n)
		}
		if slices.ContainsFunc(r.Warnings, func(text string) bool { return strings.Contains(text, "the mark was taken back from 2") }) {
			warned++
		}
	}
	if warned == 0 {
		t.Fatal("no pass had to take the mark back")
	}
}

// TestAFolderThatIsReplacedBetweenFlightsLosesNothing: whenever it happens, no
// message that was not ours to delete goes or stays marked, and the next passes
// bring everything over.
func TestAFolderThatIsReplacedBetweenFlightsLosesNothing(t *testing.T) {
	for _, command := range []string{"SELECT", "EXAMINE", "APPEND"} {
		for n := 1; ; n++ {
			w := newWorld(t, storetest.Personality{})
			w.fill()
			w.complete()
			w.target.Put("INBOX", "theirs", day)
			w.source.Expunge("INBOX", 2)
			w.source.Expunge("Clients", 1)
			w.source.Flag("INBOX", 3, `+\Flagged`)
			w.source.Put("INBOX", body(3000), day)
			w.source.Put("Clients", body(3001), day)
			before := len(contents(w.target))
			replaced := w.at(command, n, func() { w.target.Renumber("INBOX") })
			r, _ := w.try()
			w.target.Before = nil
			if !*replaced {
				break
			}
			after, source := contents(w.target), contents(w.source)
			if len(after) < before-r.Deleted || r.Deleted > 2 {
				t.Fatalf("%s %d: %d messages before, %d after, %d deleted", command, n, before, len(after), r.Deleted)
			}
			// What was ours to delete may keep the mark when its folder was made
			// anew with everything in it; nothing else has one.
			for _, m := range after {
				theirs := strings.Contains(m, digest("theirs"))
				kept := slices.ContainsFunc(source, func(s string) bool {
					return strings.Fields(s)[1] == strings.Fields(m)[1] && !strings.Contains(s, `\Deleted`)
				})
				if strings.Contains(m, `\Deleted`) && (theirs || kept) {
					t.Fatalf("%s %d: still marked: %s (%v)", command, n, m, r.Warnings)
				}
			}
			w.pass()
			w.pass()
			for _, m := range source {
				if !slices.Contains(contents(w.target), m) {
					t.Fatalf("%s %d: %s is not on the target", command, n, m)
				}
			}
			w.expect("INBOX", "theirs", 1)
		}
	}
}
