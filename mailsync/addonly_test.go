package mailsync_test

import (
	"fmt"
	"testing"

	"bascule/mailsync"
	"bascule/mailsync/ledger/ledgertest"
	"bascule/mailsync/storetest"
)

// switched is a mirrored mailbox at the moment of the switch.
func switched(t testing.TB) *world {
	w := newWorld(t, storetest.Personality{})
	w.source.Make("Drafts", `\Drafts`)
	w.fill()
	w.complete()
	r := w.complete()
	w.o.Policy = mailsync.AddOnly
	w.o.Fences = mailsync.Fences{At: day.AddDate(0, 0, 1), Ledger: r.Head, Folders: r.Fences}
	return w
}

func TestAddOnlyAddsAndTouchesNothing(t *testing.T) {
	w := switched(t)
	moved := string(w.source.Snapshot()["INBOX"][0].Body)
	w.source.Move("INBOX", 1, "Clients/Nouveau")
	w.source.Expunge("INBOX", 2)
	w.source.Flag("INBOX", 9, `-\Seen`)
	w.source.Flag("INBOX", 3, `+\Seen`, `+\Flagged`, "+$Forwarded", "+later")
	w.source.Put("INBOX", "late", day, `\Flagged`)
	before := len(uids(w.target, "INBOX"))
	w.target.Writes()
	r := w.complete()
	for _, command := range w.target.Writes() {
		if command == "EXPUNGE" || command == "MOVE" {
			t.Fatalf("add-only: %s", command)
		}
	}
	w.expect("INBOX", moved, 1)
	w.expect("Clients/Nouveau", moved, 0)
	w.expect("INBOX", "late", 1)
	if n := len(uids(w.target, "INBOX")); n != before+1 {
		t.Fatalf("%d messages, had %d", n, before)
	}
	if got := flagsAt(w.target, "INBOX", 2); got != `$Forwarded \Seen` {
		t.Fatalf("flags are %q", got)
	}
	if got := flagsAt(w.target, "INBOX", 8); got != `$Forwarded \Flagged \Seen projet` {
		t.Fatalf("something was unmarked: %q", got)
	}
	if r.Totals[mailsync.Moved] != 1 || r.Totals[mailsync.Gone] != 1 {
		t.Fatal(r.Totals)
	}
	w.quiet()
}

func TestWhatAPersonRemovedIsNeverResurrected(t *testing.T) {
	for name, lost := range map[string]bool{"with the ledger": false, "with the ledger lost": true} {
		t.Run(name, func(t *testing.T) {
			w := switched(t)
			a, b := string(w.source.Snapshot()["INBOX"][0].Body), string(w.source.Snapshot()["INBOX"][1].Body)
			w.target.Expunge("INBOX", 1)
			w.target.Move("INBOX", 2, "Perso")
			w.target.Delete("Clients/Grands")
			w.source.Put("INBOX", "late", day.AddDate(0, 0, 2))
			if lost {
				w.ledger = ledgertest.NewMemory("another")
			}
			for range 2 {
				w.complete()
				w.expect("INBOX", a, 0)
				w.expect("INBOX", b, 0)
				w.expect("Perso", b, 1)
				w.expect("INBOX", "late", 1)
				if _, there := w.target.Snapshot()["Clients/Grands"]; there && !lost {
					t.Fatal("a deleted folder came back")
				}
			}
			w.quiet()
		})
	}
}

func TestMailMovedOnTheSourceAfterARelease(t *testing.T) {
	w := switched(t)
	a := string(w.source.Snapshot()["INBOX"][0].Body)
	w.target.Expunge("INBOX", 1)
	w.complete()
	w.source.Move("INBOX", 1, "Clients")
	w.complete()
	w.expect("INBOX", a, 0)
	w.expect("Clients", a, 0)
	// Programs that move by deleting first and adding later.
	b := w.source.Snapshot()["INBOX"][0]
	w.target.Expunge("INBOX", 2)
	w.complete()
	w.source.Expunge("INBOX", b.UID)
	w.complete()
	w.source.Put("Clients", string(b.Body), b.Date)
	w.complete()
	w.expect("Clients", string(b.Body), 0)
	w.quiet()
}

func TestALostLedgerAfterTheSwitchCopiesNothingOld(t *testing.T) {
	for name, copyBelow := range map[string]bool{"unless a person says so": true, "by itself": false} {
		t.Run(name, func(t *testing.T) {
			w := switched(t)
			a := string(w.source.Snapshot()["INBOX"][0].Body)
			w.source.Put("INBOX", "late and copied", day.AddDate(0, 0, 2))
			w.complete()
			w.target.Expunge("INBOX", 1)
			w.target.Move("INBOX", 14, "Perso") // the late one
			w.source.Put("INBOX", "later", day.AddDate(0, 0, 2))
			w.ledger = ledgertest.NewMemory("another")
			w.o.Fences.CopyBelow = copyBelow
			r := w.complete()
			want := 0
			if copyBelow {
				want = 1
			}
			w.expect("INBOX", a, want)
			w.expect("INBOX", "late and copied", 0)
			w.expect("Perso", "late and copied", 1)
			w.expect("INBOX", "later", 1)
			if r.Totals[mailsync.Released] != 1-want {
				t.Fatal(r.Totals)
			}
			w.quiet()
		})
	}
}

func TestAnOldLedgerAfterTheSwitchIsNotTrusted(t *testing.T) {
	w := newWorld(t, storetest.Personality{})
	w.fill()
	w.complete()
	old := w.ledger.(*ledgertest.Memory).Clone()
	w.source.Put("INBOX", "before the switch", day)
	r := w.complete()
	w.o.Policy = mailsync.AddOnly
	w.o.Fences = mailsync.Fences{At: day.AddDate(0, 0, 1), Ledger: r.Head, Folders: r.Fences}
	w.target.Expunge("INBOX", 14)
	w.ledger = old
	w.complete()
	w.expect("INBOX", "before the switch", 0)
}

func TestDraftsComeWithTheLastDelta(t *testing.T) {
	w := switched(t)
	w.source.Put("Drafts", "draft", day)
	w.source.Put("INBOX", "flagged as draft", day, `\Draft`)
	r := w.complete()
	if len(r.Held) != 2 {
		t.Fatalf("%+v", r.Held)
	}
	w.quiet()
	w.o.Final = true
	w.complete()
	w.expect("Drafts", "draft", 1)
	w.expect("INBOX", "flagged as draft", 1)
	w.quiet()
}

func TestARenumberedTargetReleasesNothing(t *testing.T) {
	for _, policy := range []mailsync.Policy{mailsync.Mirror, mailsync.AddOnly} {
		t.Run(fmt.Sprint(policy), func(t *testing.T) {
			w := switched(t)
			w.o.Policy = policy
			before := len(contents(w.target))
			w.target.Renumber("INBOX")
			w.source.Renumber("INBOX")
			r := w.complete()
			if r.Totals[mailsync.Copied] != 35 || len(contents(w.target)) != before {
				t.Fatal(r.Totals, len(contents(w.target)))
			}
			w.quiet()
		})
	}
}
