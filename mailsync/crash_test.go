package mailsync_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bascule/internal/clock"
	"bascule/mailsync"
	"bascule/mailsync/ledger"
	"bascule/mailsync/ledger/ledgertest"
	"bascule/mailsync/storetest"
)

// scenario is a beginning, passes that brought it here, and what happened since.
type scenario struct {
	personality storetest.Personality
	prepare     func(w *world) // before the pass that is killed
	options     func(o *mailsync.Options)
	since       func(w *world) // after it, and before the next
}

func scenarios() map[string]scenario {
	changed := func(w *world) {
		w.fill()
		w.complete()
		w.source.Move("INBOX", 1, "Clients/Nouveau")
		w.source.Move("Clients", 1, "Clients/Nouveau")
		w.source.Expunge("INBOX", 2)
		w.source.Expunge("Sent", 1)
		w.source.Flag("INBOX", 3, `+\Seen`, "+later")
		w.source.Flag("INBOX", 9, `-\Seen`, `-\Flagged`)
		w.source.Put("INBOX", body(2000), day, `\Seen`)
		w.target.Expunge("INBOX", 4)
		w.target.Move("INBOX", 5, "Perso")
	}
	addOnly := func(o *mailsync.Options) { o.Policy = mailsync.AddOnly }
	small := func(o *mailsync.Options) { o.BatchMessages = 4 }
	return map[string]scenario{
		"first copy": {prepare: (*world).fill, options: small},
		"first copy, many batches on one connection": {prepare: (*world).fill, options: func(o *mailsync.Options) { o.BatchMessages, o.Connections = 1, 1 }},
		"first copy, many batches on many connections": {prepare: func(w *world) {
			w.fill()
			for n := range 12 {
				w.source.Put("INBOX", body(5), day) // twins, in batches of their own
				w.source.Put([]string{"Clients", "A", "B", "C"}[n%4], body(2000+n%3), day)
			}
		}, options: func(o *mailsync.Options) { o.BatchMessages, o.Connections = 2, 5 }},
		"several are refused while others are under way": {personality: storetest.Personality{Refuse: refuseMarked}, prepare: func(w *world) {
			w.source.Put("INBOX", "virus", day)
			w.fill()
			w.source.Put("Clients", "virus", day)
			w.source.Put("INBOX", "virus", day)
		}, options: small},
		"first copy, no UIDPLUS":         {personality: storetest.Personality{NoUIDPlus: true}, prepare: (*world).fill, options: small},
		"first copy, single appends":     {personality: storetest.Personality{SingleAppend: true, NoCondStore: true}, prepare: (*world).fill, options: small},
		"first copy, flagged is dropped": {personality: storetest.Personality{DropFlagged: true}, prepare: (*world).fill, options: small},
		"first copy, messages are written anew": {personality: storetest.Personality{Render: anew}, prepare: (*world).fill, options: func(o *mailsync.Options) {
			o.BatchMessages, o.Personality = 4, mailsync.Personality{Class: mailsync.Semantic}
		}},
		"everything changed, fields are added": {personality: storetest.Personality{Alter: put("X-UID: 7\r\n"), NoUIDPlus: true}, prepare: func(w *world) {
			w.o.Personality = mailsync.Personality{Class: mailsync.Normalised, Alters: []mailsync.Alteration{mailsync.AddsFields}, Added: []string{"x-uid"}}
			changed(w)
		}},
		"first copy, line ends are eaten":                 {personality: storetest.Personality{EatCR: true}, prepare: (*world).fill, options: small},
		"first copy, fields are added, and nobody probed": {personality: storetest.Personality{Alter: put("X-UID: 7\r\n")}, prepare: (*world).fillNamed, options: small},
		"first copy, octets are replaced, one by one, no UIDs, and nobody probed": {
			personality: storetest.Personality{Alter: blot, NoUIDPlus: true, SingleAppend: true}, prepare: (*world).fillNamed, options: small},
		"first copy, fields are added, and nobody probed, many batches": {personality: storetest.Personality{Alter: put("X-UID: 7\r\n")}, prepare: (*world).fillNamed,
			options: func(o *mailsync.Options) { o.BatchMessages, o.Connections = 1, 2 }},
		"half of it is there already": {prepare: func(w *world) {
			w.fill()
			for _, m := range w.source.Snapshot()["INBOX"][:5] {
				w.target.Put("INBOX", string(m.Body), m.Date)
			}
			w.target.Put("INBOX", "theirs", day)
		}, options: small},
		"everything changed":                              {prepare: changed},
		"everything changed, add-only":                    {prepare: changed, options: addOnly},
		"everything changed, one command after the other": {personality: storetest.Personality{Plain: true}, prepare: changed},
		"everything changed, no UIDs":                     {personality: storetest.Personality{NoUIDPlus: true}, prepare: changed},
		"the source was renumbered":                       {prepare: func(w *world) { w.fill(); w.complete(); w.source.Renumber("INBOX"); w.source.Expunge("Clients", 2) }},
		"the target was renumbered": {prepare: func(w *world) {
			w.fill()
			w.complete()
			w.target.Renumber("INBOX")
			w.source.Flag("INBOX", 1, `+\Seen`)
		}},
		"keywords are refused":   {personality: storetest.Personality{FixedKeywords: []string{"$Forwarded"}}, prepare: (*world).fill, options: small},
		"one message is refused": {personality: storetest.Personality{Refuse: refuseMarked}, prepare: func(w *world) { w.fill(); w.source.Put("INBOX", "virus", day) }, options: small},
		"moved, and moved back before the next pass": {prepare: func(w *world) {
			w.fill()
			w.complete()
			w.source.Move("INBOX", 1, "Clients")
			w.source.Move("Sent", 2, "Clients/Nouveau")
		}, since: func(w *world) {
			for _, folder := range []string{"Clients", "Clients/Nouveau"} {
				list := w.source.Snapshot()[folder]
				w.source.Move(folder, list[len(list)-1].UID, "INBOX")
			}
		}},
		"moved, and moved on before the next pass, line ends are eaten": {personality: storetest.Personality{EatCR: true}, prepare: func(w *world) {
			w.fill()
			w.complete()
			w.source.Move("INBOX", 1, "Clients")
		}, since: func(w *world) {
			list := w.source.Snapshot()["Clients"]
			w.source.Move("Clients", list[len(list)-1].UID, "Sent")
		}},
		"messages are in several folders": {prepare: func(w *world) {
			w.source = newNamed(w.t, storetest.Personality{}).source
			w.complete()
			for n := range 5 {
				w.source.Label("INBOX", w.source.Put("INBOX", body(2000+n), day, `\Seen`), "Clients")
			}
			w.source.Label("INBOX", 1, "Neuf")
		}, options: func(o *mailsync.Options) { o.BatchMessages = 2 }},
		"messages are in several folders, copies are not named": {personality: storetest.Personality{NoCopyUID: true}, prepare: func(w *world) {
			w.source = newNamed(w.t, storetest.Personality{}).source
		}},
		"labels, first copy": {prepare: withLabels, options: small},
		"labels, everything changed": {prepare: func(w *world) {
			withLabels(w)
			w.complete()
			s, all := w.source, storetest.AllMail
			s.Archive("INBOX", 1)
			s.Expunge("Clients", 1)
			s.Expunge("Projets", 2)
			s.Label(all, s.Snapshot()[all][4].UID, "Clients")
			s.Label(all, s.Snapshot()[all][9].UID, "Neuf")
			s.Label("INBOX", 3, "Projets")
			s.Move("INBOX", 4, "[Gmail]/Bin")
			s.Put("INBOX", body(3000), day)
			s.Flag("Clients", 3, `-\Seen`)
		}, options: func(o *mailsync.Options) { o.MaxDelete = 100 }},
		"a folder was renamed": {prepare: func(w *world) { w.fill(); w.complete(); w.source.Rename("Clients/Grands", "Grands comptes") }},
		"late mail and moves, add-only": {prepare: func(w *world) {
			w.fill()
			w.complete()
			w.source.Put("INBOX", body(1), day)
			w.source.Move("INBOX", 1, "Sent")
		}, options: addOnly},
	}
}

// withLabels makes the source a server whose folders are labels.
func withLabels(w *world) {
	w.source = storetest.New(storetest.Personality{Labels: true})
	w.fillLabels()
}

// fillNamed is fill with messages that all have a name of their own, but for twins.
func (w *world) fillNamed() {
	for i := range 20 {
		w.source.Put([]string{"INBOX", "Clients"}[i%2], body(i), day, []string{`\Seen`, "projet"}[i%2])
	}
	w.source.Put("INBOX", body(1001), day)
	w.source.Put("INBOX", body(1001), day)
}

// blot replaces octets of every message.
func blot(b []byte) []byte { return bytes.ReplaceAll(b, []byte("From: a@"), []byte("From: X@")) }

func refuseMarked(b []byte, _ []string) error {
	if string(b) == "virus" {
		return &mailsync.ServerError{Command: "APPEND", Status: "NO", Text: "message contains a virus"}
	}
	return nil
}

func (s scenario) world(t testing.TB) *world { return s.worldOn(t, ledgertest.NewMemory("first")) }

func (s scenario) worldOn(t testing.TB, l mailsync.Ledger) *world {
	w := newWorld(t, s.personality)
	w.ledger = l
	if s.prepare != nil {
		s.prepare(w)
	}
	if s.options != nil {
		s.options(&w.o)
	}
	return w
}

// end runs passes until one writes nothing.
func (w *world) end() {
	w.t.Helper()
	for range 4 {
		w.target.Writes()
		w.pass()
		if len(w.target.Writes()) == 0 {
			return
		}
	}
	w.t.Fatal("passes go on writing")
}

// memoryOf describes the ledger without its row numbers.
func memoryOf(t testing.TB, l mailsync.Ledger) []string {
	t.Helper()
	var out []string
	pairs, err := l.Pairs(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range pairs {
		err := l.Rows(context.Background(), p.ID, func(r mailsync.Row) error {
			out = append(out, fmt.Sprintf("%v %d %v %s %s", p.Source.Path, r.SourceUID, r.TargetFolder, r.Outcome, r.Digest))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	intents, err := l.Intents(context.Background())
	if err != nil || len(intents) > 0 {
		t.Fatalf("open intents: %v %v", intents, err)
	}
	return sorted(out)
}

// TestStepCrashMatrix kills a pass at each ledger record and each write
// command, runs again, and expects what an undisturbed pass leaves.
func TestStepCrashMatrix(t *testing.T) {
	steps := 0
	for name, s := range scenarios() {
		t.Run(name, func(t *testing.T) {
			start := s.world(t)
			want := start.fork(t)
			if s.since != nil {
				want.pass()
				s.since(want)
			}
			want.end()
			for n := 1; ; n++ {
				w := start.fork(t)
				if !w.killAt(n) {
					break
				}
				steps++
				w.ledger = w.ledger.(*ledgertest.Memory).Clone()
				if s.since != nil {
					s.since(w)
				}
				w.end()
				if d := cmp.Diff(contents(want.target), contents(w.target)); d != "" {
					t.Fatalf("killed at step %d: target differs (-undisturbed +killed):\n%s", n, d)
				}
				if d := cmp.Diff(memoryOf(t, want.ledger), memoryOf(t, w.ledger)); d != "" {
					t.Fatalf("killed at step %d: ledger differs (-undisturbed +killed):\n%s", n, d)
				}
			}
		})
	}
	t.Logf("%d steps", steps)
}

// fork returns an independent copy of a world.
func (w *world) fork(t testing.TB) *world {
	f := *w
	f.t = t
	f.source, f.target = w.source.Clone(), w.target.Clone()
	f.ledger = w.ledger.(*ledgertest.Memory).Clone()
	return &f
}

// TestCrashesOnDisk is the same with the ledger a production run has: every
// scenario and every step with BASCULE_CRASH=full (make crash), otherwise a few.
func TestCrashesOnDisk(t *testing.T) {
	steps := 0
	for name, s := range scenarios() {
		stride := map[string]int{"first copy": 5, "everything changed": 9, "everything changed, add-only": 9}[name]
		if thorough() {
			stride = 1
		}
		if stride == 0 {
			continue
		}
		t.Run(name, func(t *testing.T) {
			want := s.world(t)
			want.end()
			for n := 1; s.crashOnDisk(t, want, n); n += stride {
				steps++
			}
		})
	}
	t.Logf("%d steps", steps)
}

// crashOnDisk kills the pass at its n-th step, and returns false when it had
// come to its end before.
func (s scenario) crashOnDisk(t *testing.T, want *world, n int) (killed bool) {
	t.Helper()
	path := filepath.Join(t.TempDir(), fmt.Sprintf("%d.db", n))
	first := diskLedger(t, path)
	w := s.worldOn(t, first)
	killed = w.killAt(n)
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second := diskLedger(t, path)
	defer second.Close()
	w.ledger = second
	w.end()
	if d := cmp.Diff(contents(want.target), contents(w.target)); d != "" {
		t.Fatalf("killed at step %d: target differs:\n%s", n, d)
	}
	if d := cmp.Diff(memoryOf(t, want.ledger), memoryOf(t, second)); d != "" {
		t.Fatalf("killed at step %d: ledger differs:\n%s", n, d)
	}
	return killed
}

func diskLedger(t *testing.T, path string) *ledger.Ledger {
	t.Helper()
	l, err := ledger.Open(context.Background(), path, ledger.Options{Clock: clock.NewVirtual(day), Random: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// TestConnectionsEnd cuts the connection at each APPEND, before and after the
// target took the batch, and at each other command.
func TestConnectionsEnd(t *testing.T) {
	for name, s := range scenarios() {
		t.Run(name, func(t *testing.T) {
			start := s.world(t)
			want := start.fork(t)
			want.end()
			for _, cut := range []storetest.Cut{storetest.CutBeforeAccept, storetest.CutAfterAccept} {
				for n := 1; n < 12; n++ {
					w := start.fork(t)
					w.target.CutAppend = func(i int) storetest.Cut {
						if i == n {
							return cut
						}
						return storetest.NoCut
					}
					w.end()
					if d := cmp.Diff(contents(want.target), contents(w.target)); d != "" {
						t.Fatalf("cut %d at append %d: target differs:\n%s", cut, n, d)
					}
				}
			}
		})
	}
}

// TestAnyCommandCanBeTheLast cuts each side at its n-th command.
func TestAnyCommandCanBeTheLast(t *testing.T) {
	s := scenarios()["everything changed"]
	start := s.world(t)
	want := start.fork(t)
	want.end()
	for n := 1; n < 60; n++ {
		for _, side := range []string{"source", "target"} {
			w := start.fork(t)
			server := w.source
			if side == "target" {
				server = w.target
			}
			seen := 0
			server.Before = func(string) error {
				if seen++; seen == n {
					return storetest.Cutoff()
				}
				return nil
			}
			w.end()
			if d := cmp.Diff(contents(want.target), contents(w.target)); d != "" {
				t.Fatalf("%s cut at command %d: target differs:\n%s", side, n, d)
			}
		}
	}
}
