package mailsync_test

import (
	"context"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"bascule/mailsync"
	"bascule/mailsync/ledger/ledgertest"
	"bascule/mailsync/storetest"
)

// TestNoMessageIsLostOrDoubled lets people work on the source, and mail
// arrive, between and during passes that are killed and lose their ledger,
// and compares multisets at the end.
func TestNoMessageIsLostOrDoubled(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t, storetest.Personality{
			NoUIDPlus: rapid.Bool().Draw(rt, "no UIDPLUS"), NoCondStore: rapid.Bool().Draw(rt, "no CONDSTORE"),
			SingleAppend: rapid.Bool().Draw(rt, "single"), DropFlagged: rapid.Bool().Draw(rt, "drop flagged"),
		})
		w.o.BatchMessages, w.o.MaxDelete = rapid.IntRange(1, 5).Draw(rt, "batch"), 100
		seq := 0
		live := rapid.Bool().Draw(rt, "live")
		for range rapid.IntRange(1, 6).Draw(rt, "rounds") {
			for range rapid.IntRange(0, 8).Draw(rt, "changes") {
				w.person(rt, &seq)
			}
			if rapid.IntRange(0, 5).Draw(rt, "lose ledger") == 0 {
				w.ledger = ledgertest.NewMemory(fmt.Sprint(seq))
			}
			if live {
				w.liveFor(rt, &seq)
			}
			w.killAt(rapid.IntRange(1, 60).Draw(rt, "kill"))
			w.source.Before = nil
		}
		for range 5 {
			if _, err := w.try(); err != nil {
				rt.Fatal(err)
			}
		}
		w.lossless(rt)
		w.target.Writes()
		if _, err := w.try(); err != nil {
			rt.Fatal(err)
		}
		if wrote := w.target.Writes(); len(wrote) > 0 {
			rt.Fatalf("passes go on writing: %v", wrote)
		}
	})
}

// person does one thing with the source's mail.
func (w *world) person(rt *rapid.T, seq *int) {
	folders := []string{"INBOX", "A", "A/B", "Sent"}
	folder := rapid.SampledFrom(folders).Draw(rt, "folder")
	w.source.Make(folder, "")
	list := w.source.Snapshot()[folder]
	action := rapid.SampledFrom([]string{"put", "put", "twin", "move", "expunge", "flag", "renumber"}).Draw(rt, "action")
	if len(list) == 0 || action == "put" {
		*seq++
		w.source.Put(folder, fmt.Sprintf("%d", *seq), day)
		return
	}
	m := list[rapid.IntRange(0, len(list)-1).Draw(rt, "message")]
	switch action {
	case "twin":
		w.source.Put(folder, string(m.Body), m.Date, m.Flags...)
	case "move":
		w.source.Move(folder, m.UID, rapid.SampledFrom(folders).Draw(rt, "to"))
	case "expunge":
		w.source.Expunge(folder, m.UID)
	case "flag":
		w.source.Flag(folder, m.UID, rapid.SampledFrom([]string{`+\Seen`, `-\Seen`, `+\Flagged`, "+projet"}).Draw(rt, "flag"))
	case "renumber":
		w.source.Renumber(folder)
	}
}

// liveFor lets the person work while the pass reads.
func (w *world) liveFor(rt *rapid.T, seq *int) {
	left := rapid.IntRange(0, 4).Draw(rt, "live changes")
	w.source.Before = func(string) error {
		if left > 0 && rapid.IntRange(0, 3).Draw(rt, "now") == 0 {
			left--
			w.person(rt, seq)
		}
		return nil
	}
}

// lossless compares what each side holds in all folders: a copy that an
// earlier ledger left behind counts as one that a person filed there.
func (w *world) lossless(rt *rapid.T) {
	w.oneClaimEach(rt)
	target := multisets(w.target)
	for body, n := range multisets(w.source) {
		if target[body] < n {
			rt.Fatalf("lost %q: %d of %d", body, target[body], n)
		}
	}
}

// oneClaimEach: no two rows count on the same target message.
func (w *world) oneClaimEach(rt *rapid.T) {
	pairs, err := w.ledger.Pairs(context.Background())
	if err != nil {
		rt.Fatal(err)
	}
	claimed := map[string]mailsync.Row{}
	for _, p := range pairs {
		err := w.ledger.Rows(context.Background(), p.ID, func(r mailsync.Row) error {
			where := p.Target.Path
			if r.TargetFolder != nil {
				where = r.TargetFolder
			}
			k := fmt.Sprintf("%q %d %d", where, r.TargetValidity, r.TargetUID)
			if other, twice := claimed[k]; twice && r.Outcome.Live() {
				return fmt.Errorf("%s is claimed twice: %+v and %+v", k, other, r)
			}
			if r.Outcome.Live() {
				claimed[k] = r
			}
			return nil
		})
		if err != nil {
			rt.Fatal(err)
		}
	}
}

func multisets(s *storetest.Server) map[string]int {
	out := map[string]int{}
	for _, list := range s.Snapshot() {
		for _, m := range list {
			out[string(m.Body)]++
		}
	}
	return out
}

// TestWithoutLossesBothSidesAreEqual is the strict form: killed anywhere, but
// with the ledger kept and no folder renumbered, the multisets are equal.
func TestWithoutLossesBothSidesAreEqual(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t, storetest.Personality{NoCondStore: rapid.Bool().Draw(rt, "no CONDSTORE"), SingleAppend: rapid.Bool().Draw(rt, "single")})
		w.o.BatchMessages, w.o.MaxDelete = rapid.IntRange(1, 5).Draw(rt, "batch"), 100
		seq := 0
		for range rapid.IntRange(1, 6).Draw(rt, "rounds") {
			for range rapid.IntRange(0, 8).Draw(rt, "changes") {
				w.gentlePerson(rt, &seq)
			}
			// What is expunged right after a killed pass may leave a copy that
			// nobody can prove to be ours and untouched: it is kept.
			w.gentle = w.killAt(rapid.IntRange(1, 60).Draw(rt, "kill"))
		}
		w.source.Put("INBOX", "the last one", day)
		var r mailsync.Report
		for range 4 {
			var err error
			if r, err = w.try(); err != nil {
				rt.Fatal(err)
			}
		}
		if !r.Complete {
			rt.Fatalf("not complete: %+v", r)
		}
		if got, want := fmt.Sprint(contents(w.target)), fmt.Sprint(contents(w.source)); got != want {
			rt.Fatalf("target is\n%s\nsource is\n%s", got, want)
		}
	})
}

func (w *world) gentlePerson(rt *rapid.T, seq *int) {
	folders := []string{"INBOX", "A", "A/B", "Sent"}
	folder := rapid.SampledFrom(folders).Draw(rt, "folder")
	w.source.Make(folder, "")
	list := w.source.Snapshot()[folder]
	action := rapid.SampledFrom([]string{"put", "put", "twin", "move", "expunge", "flag"}).Draw(rt, "action")
	if action == "expunge" && w.gentle {
		action = "put"
	}
	if len(list) == 0 || action == "put" {
		*seq++
		w.source.Put(folder, fmt.Sprintf("%d", *seq), day)
		return
	}
	m := list[rapid.IntRange(0, len(list)-1).Draw(rt, "message")]
	switch action {
	case "twin":
		w.source.Put(folder, string(m.Body), m.Date, m.Flags...)
	case "move":
		w.source.Move(folder, m.UID, rapid.SampledFrom(folders).Draw(rt, "to"))
	case "expunge":
		w.source.Expunge(folder, m.UID)
	case "flag":
		w.source.Flag(folder, m.UID, rapid.SampledFrom([]string{`+\Seen`, `-\Seen`, `+\Flagged`, "+projet"}).Draw(rt, "flag"))
	}
}
