package mailsync_test

import (
	"crypto/rand"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"bascule/internal/clock"
	"bascule/mailsync"
	"bascule/mailsync/imapstore"
	"bascule/mailsync/ledger"
	"bascule/mailsync/storetest"
	"bascule/mailsync/wire"
)

// grown is a world of one folder that is copied, with a history on both sides.
func grown(t *testing.T, p storetest.Personality) *world {
	w := newWorld(t, p)
	w.o.MaxDelete = 50
	for i := range 400 {
		w.source.Put("INBOX", body(i), day.Add(time.Duration(i)*time.Minute))
	}
	w.complete()
	w.quiet()
	w.source.Told()
	w.target.Told()
	return w
}

// change is a little of everything that happens on a source.
func (w *world) change() {
	for i := range 5 {
		w.source.Put("INBOX", body(5000+i), day)
		w.source.Flag("INBOX", mailsync.UID(50+i), `+\Flagged`)
		w.source.Expunge("INBOX", mailsync.UID(100+i*2))
	}
}

func TestAFolderThatChangedALittleIsNotListedAgain(t *testing.T) {
	w := grown(t, storetest.Personality{})
	w.change()
	r := w.complete()
	w.same()
	if r.Deleted != 5 || r.Flagged != 5 {
		t.Fatalf("%d deleted, %d flagged", r.Deleted, r.Flagged)
	}
	// Of the source what changed; of the target, ahead of our changes, the
	// copies of what changed or vanished, and what was written, read back.
	if source, target := w.source.Told(), w.target.Told(); source > 20 || target > 2*20+400 {
		t.Fatalf("the source told %d messages, the target %d", source, target)
	}
	w.quiet()
}

// TestWithoutAHistoryOneSideIsListed: whichever side has none, the other's is used.
func TestWithoutAHistoryOneSideIsListed(t *testing.T) {
	for _, side := range []string{"source", "target", "both"} {
		t.Run(side, func(t *testing.T) {
			w := grown(t, storetest.Personality{})
			w.source.P.NoHistory, w.target.P.NoHistory = side != "target", side != "source"
			w.change()
			r := w.complete()
			w.same()
			if told := w.source.Told(); r.Deleted != 5 || (told >= 400) != w.source.P.NoHistory {
				t.Fatalf("%d deleted, the source told %d messages", r.Deleted, told)
			}
		})
	}
}

// TestAServerThatLiesAboutItsHistoryIsListed: nothing is lost, nothing doubled,
// whatever one of the two says, and only what is gone is deleted.
func TestAServerThatLiesAboutItsHistoryIsListed(t *testing.T) {
	some := func(ranges []mailsync.UIDRange, uid mailsync.UID) []mailsync.UIDRange {
		return append(slices.Clone(ranges), mailsync.UIDRange{First: uid, Last: uid})
	}
	without := func(ranges []mailsync.UIDRange, uid mailsync.UID) []mailsync.UIDRange {
		return slices.DeleteFunc(slices.Clone(ranges), func(r mailsync.UIDRange) bool { return r.First == uid })
	}
	lies := map[string]func(a *mailsync.Surveyed){
		"nothing vanished":                 func(a *mailsync.Surveyed) { a.Changes.Vanished = nil },
		"one less vanished":                func(a *mailsync.Surveyed) { a.Changes.Vanished = without(a.Changes.Vanished, 102) },
		"one more vanished":                func(a *mailsync.Surveyed) { a.Changes.Vanished = some(a.Changes.Vanished, 7) },
		"one is not found":                 func(a *mailsync.Surveyed) { a.Changes.Present = without(a.Changes.Present, 7) },
		"one is neither found nor counted": func(a *mailsync.Surveyed) { a.Changes.Present = without(a.Changes.Present, 7); a.Status.Messages-- },
		"another vanished than the one not found": func(a *mailsync.Surveyed) {
			a.Changes.Present, a.Changes.Vanished = without(a.Changes.Present, 7), some(a.Changes.Vanished, 9000)
			a.Status.Messages--
		},
		"nothing is found, and none counted":  func(a *mailsync.Surveyed) { a.Changes.Present = nil; a.Status.Messages = 0 },
		"one is found that is not there":      func(a *mailsync.Surveyed) { a.Changes.Present = some(a.Changes.Present, 4000) },
		"the count is wrong":                  func(a *mailsync.Surveyed) { a.Status.Messages += 3 },
		"MODSEQ went back":                    func(a *mailsync.Surveyed) { a.Status.HighestModSeq = 1 },
		"no MODSEQ":                           func(a *mailsync.Surveyed) { a.Status.HighestModSeq = 0 },
		"another UIDVALIDITY":                 func(a *mailsync.Surveyed) { a.Status.UIDValidity += 9 },
		"UIDNEXT went back":                   func(a *mailsync.Surveyed) { a.Status.UIDNext = 5 },
		"one vanished that is there: swapped": func(a *mailsync.Surveyed) { a.Changes.Present = some(without(a.Changes.Present, 7), 102) },
	}
	for name, lie := range lies {
		for _, side := range []string{"source", "target"} {
			t.Run(name+" on the "+side, func(t *testing.T) {
				w := grown(t, storetest.Personality{})
				w.target.Put("INBOX", "theirs", day)
				w.complete()
				w.quiet()
				w.change()
				w.source.P.Lie, w.target.P.Lie = nil, nil
				if side == "source" {
					w.source.P.Lie = lie
				} else {
					w.target.Expunge("INBOX", 102) // a copy that has to be made again, of what vanished too
					w.target.P.Lie = lie
				}
				r := w.pass()
				w.pass()
				w.expect("INBOX", "theirs", 1)
				w.target.Expunge("INBOX", 401)
				w.same()
				if r.Deleted > 5 {
					t.Fatalf("%d deleted", r.Deleted)
				}
			})
		}
	}
}

// TestAServerThatLostItsHistoryIsListed: mod-sequences begin again.
func TestAServerThatLostItsHistoryIsListed(t *testing.T) {
	for _, side := range []string{"source", "target"} {
		w := grown(t, storetest.Personality{})
		w.change()
		if side == "source" {
			w.source.Rewind("INBOX")
		} else {
			w.target.Rewind("INBOX")
		}
		w.complete()
		w.same()
		w.quiet()
	}
}

// TestFlagsOfAPersonOnTheTargetAreSeenWhenTheyMatter: they were set before the
// last look, so that no history tells them, and no row has them.
func TestFlagsOfAPersonOnTheTargetAreSeenWhenTheyMatter(t *testing.T) {
	w := grown(t, storetest.Personality{})
	w.source.Flag("INBOX", 9, `+\Flagged`)
	w.complete()
	w.target.Flag("INBOX", 7, `+\Answered`) // touched: is not deleted
	w.target.Flag("INBOX", 9, `-\Flagged`)  // what is not there is not taken away
	w.target.Flag("INBOX", 11, `+\Flagged`)
	w.complete()
	w.quiet()
	w.source.Flag("INBOX", 9, `-\Flagged`, `+\Seen`)
	w.source.Flag("INBOX", 11, `+\Flagged`)
	w.complete()
	w.source.Flag("INBOX", 11, `-\Flagged`) // agreed upon meanwhile, and taken back
	w.source.Expunge("INBOX", 7)
	r := w.complete()
	if r.Deleted != 0 {
		t.Fatal("a copy that a person changed was deleted")
	}
	w.expect("INBOX", body(6), 1)
	if got := flagsAt(w.target, "INBOX", 8) + "|" + flagsAt(w.target, "INBOX", 10); got != `\Seen|` {
		t.Fatalf("flags are %q", got)
	}
}

// TestAFolderThatChangesWhileItIsAskedAboutIsListed: what the second question
// is about vanished since the first.
func TestAFolderThatChangesWhileItIsAskedAboutIsListed(t *testing.T) {
	for n := 1; ; n++ {
		w := grown(t, storetest.Personality{})
		w.change()
		gone := w.at("SCAN", n, func() { w.target.Expunge("INBOX", 52); w.source.Expunge("INBOX", 52) })
		w.pass()
		w.target.Before = nil
		if !*gone {
			if n < 3 {
				t.Fatalf("the target was scanned %d times", n-1)
			}
			return
		}
		w.complete()
		w.same()
	}
}

// TestAChangeCostsWhatChanged counts octets on the wire, with what runs in production.
func TestAChangeCostsWhatChanged(t *testing.T) {
	source, target := dovecotMailbox(t), dovecotMailbox(t)
	fillFolders(t, source, 1, 3000)
	l, err := ledger.Open(t.Context(), filepath.Join(t.TempDir(), "alice.db"), ledger.Options{Clock: clock.Real{}, Random: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	pass := func() (in map[string]wire.Meter, said string, r mailsync.Report) {
		m := &meters{}
		var lines strings.Builder
		from, to := source, target
		from.Trace = func(d wire.Direction, line string) {
			if d == wire.Sent {
				fmt.Fprintln(&lines, line)
			}
		}
		o := m.options(from, to)
		o.Ledger = l
		r, err := mailsync.Pass(t.Context(), o)
		if err != nil || !r.Complete {
			t.Fatalf("%v, %+v", err, r)
		}
		return map[string]wire.Meter{"source": m.source[0](), "target": m.target[0]()}, lines.String(), r
	}
	pass()
	changeFolders(t, source, 1)
	in, said, r := pass()
	if r.Outcomes[mailsync.Copied] != 2 || r.Deleted != 1 || r.Flagged != 1 {
		t.Fatalf("%v, %d deleted, %d flagged", r.Outcomes, r.Deleted, r.Flagged)
	}
	for side, m := range in {
		if m.In > 12_000 {
			t.Errorf("the %s sent %d octets where four of 3000 messages changed: %v", side, m.In, m.Commands)
		}
	}
	// Greeting, login, list; the look, and what it left open. The source: octets
	// that the size does not tell apart, messages. The target: what the folder
	// keeps, messages, flags, what became of them, the mark, the expunge.
	for side, most := range map[string]int64{"source": 6, "target": 11} {
		if m := in[side]; m.Turns+1 > most {
			t.Errorf("the %s: %d round trips: %v", side, m.Turns+1, m.Commands)
		}
	}
	if !strings.Contains(said, "CHANGEDSINCE") || strings.Contains(said, "UID FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE)\n") {
		t.Error(said)
	}
	// A batch that is worth opening the folder for is no reason to ask again
	// what the folder keeps.
	appendTo(t, source, 90)
	if in, _, r = pass(); r.Outcomes[mailsync.Copied] != 90 || r.Flagged != 1 || in["target"].Turns+1 > 9 {
		t.Errorf("%v, %d round trips: %v", r.Outcomes, in["target"].Turns+1, in["target"].Commands)
	}
	verify(t, l, source, target, 3091)
}

// TestEveryServerTellsWhatChanged: none of the matrix that keeps a history is
// asked for a list.
func TestEveryServerTellsWhatChanged(t *testing.T) {
	for _, k := range serverKinds() {
		if strings.HasPrefix(k.name, "Dovecot mdbox") || k.name == "memory" {
			continue
		}
		t.Run(k.name, func(t *testing.T) {
			at := k.start(t, []string{"alice", "bob"})
			source, target := at("alice").store, at("bob").store
			fillFolders(t, source, 2, 300)
			l, err := ledger.Open(t.Context(), filepath.Join(t.TempDir(), "alice.db"), ledger.Options{Clock: clock.Real{}, Random: rand.Reader})
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			for n := range 2 {
				if n > 0 {
					changeFolders(t, source, 2)
				}
				m := &meters{}
				o := m.options(source, target)
				o.Ledger = l
				r, err := mailsync.Pass(t.Context(), o)
				if err != nil || !r.Complete || n > 0 && (r.Deleted != 2 || r.Flagged != 2) {
					t.Fatalf("%v, %+v", err, r)
				}
				if from, to := m.source[0]().In, m.target[0]().In; n > 0 && max(from, to) > 25_000 {
					t.Errorf("the source sent %d octets and the target %d where eight of 600 messages changed", from, to)
				}
			}
			verify(t, l, source, target, 602)
		})
	}
}

// appendTo puts messages into INBOX, and flags one that was there.
func appendTo(t *testing.T, cfg imapstore.Config, n int) {
	t.Helper()
	s, err := imapstore.OpenTarget(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	i, inbox := 0, mailsync.Folder{Path: []string{"INBOX"}, Raw: "INBOX"}
	_, err = s.Append(t.Context(), inbox, func() (*mailsync.Outgoing, error) {
		if i++; i > n {
			return nil, nil
		}
		text := body(200_000 + i)
		return &mailsync.Outgoing{Size: int64(len(text)), Date: day, Flags: []string{`\Seen`}, Body: strings.NewReader(text)}, nil
	})
	if err == nil {
		_, err = s.Select(t.Context(), inbox)
	}
	if err == nil {
		err = s.AddFlags(t.Context(), []mailsync.UID{7}, []string{`\Flagged`})
	}
	if err != nil {
		t.Fatal(err)
	}
}
