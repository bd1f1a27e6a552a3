package mailsync_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"bascule/mailsync"
	"bascule/mailsync/ledger/ledgertest"
	"bascule/mailsync/storetest"
)

// uids lists the UIDs of a folder.
func uids(s *storetest.Server, folder string) []mailsync.UID {
	var out []mailsync.UID
	for _, m := range s.Snapshot()[folder] {
		out = append(out, m.UID)
	}
	return out
}

func count(s *storetest.Server, folder, body string) (n int) {
	for _, m := range s.Snapshot()[folder] {
		if string(m.Body) == body {
			n++
		}
	}
	return n
}

func (w *world) expect(folder, body string, n int) {
	w.t.Helper()
	if got := count(w.target, folder, body); got != n {
		w.t.Fatalf("%s holds %.20q %d times, want %d", folder, body, got, n)
	}
}

func flagsAt(s *storetest.Server, folder string, i int) string {
	return strings.Join(s.Snapshot()[folder][i].Flags, " ")
}

func TestMirrorFollowsTheSource(t *testing.T) {
	for name, p := range map[string]storetest.Personality{"complete": {}, "no CONDSTORE": {NoCondStore: true}} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, p)
			w.fill()
			w.complete()
			w.source.Move("INBOX", 1, "Clients/Nouveau")
			w.source.Expunge("Sent", 1)
			w.source.Flag("INBOX", 3, `+\Seen`, "+later")
			w.source.Flag("INBOX", 9, `-\Seen`)
			w.source.Put("Sent", body(2000), day, `\Seen`)
			w.target.Writes()
			r := w.complete()
			w.same()
			if r.MovedOnTarget != 1 || r.Deleted != 1 || r.Outcomes[mailsync.Copied] != 1 {
				t.Fatalf("%+v", r)
			}
			w.quiet()
		})
	}
}

func TestAMoveIsAMoveAndNoUpload(t *testing.T) {
	w := newWorld(t, storetest.Personality{})
	w.fill()
	w.complete()
	w.source.Move("INBOX", 9, "Clients")
	w.source.Flag("Clients", 9, `+\Answered`)
	w.target.Writes()
	w.complete()
	for _, command := range w.target.Writes() {
		if command == "APPEND" || command == "EXPUNGE" {
			t.Fatalf("a move made us %s", command)
		}
	}
	w.same()
	w.quiet()
}

// A folder whose new message was not dealt with must not be recorded as seen:
// the next pass would take the old place of the message for a deletion.
func TestAMoveThatIsRefusedOnceLosesNothing(t *testing.T) {
	for _, refused := range []string{"MOVE", "SELECT"} {
		t.Run(refused, func(t *testing.T) {
			w := newWorld(t, storetest.Personality{})
			w.fill()
			w.complete()
			w.source.Move("INBOX", 9, "Clients")
			once := false
			w.target.Before = func(command string) error {
				if command != refused || once {
					return nil
				}
				once = true
				return &mailsync.ServerError{Command: command, Status: "NO", Code: "SERVERBUG", Text: "Internal error occurred"}
			}
			if r := w.pass(); r.Complete || !once {
				t.Fatal("the refusal left no trace")
			}
			w.complete()
			w.same()
			w.quiet()
		})
	}
}

func TestAFlagChangedOnTheTargetOnlyStays(t *testing.T) {
	w := newWorld(t, storetest.Personality{})
	w.source.Put("INBOX", body(1), day, `\Flagged`)
	w.complete()
	w.target.Flag("INBOX", 1, `+\Seen`, `-\Flagged`)
	w.quiet()
	w.source.Flag("INBOX", 1, `+\Answered`)
	w.complete()
	if got := flagsAt(w.target, "INBOX", 0); got != `\Answered \Seen` {
		t.Fatalf("flags are %q", got)
	}
	w.quiet()
}

func TestOnlyWhatWeWroteAndNobodyTouchedIsDeleted(t *testing.T) {
	w := newWorld(t, storetest.Personality{})
	w.target.Put("INBOX", body(1), day) // there before us: adopted
	for i := 1; i <= 4; i++ {
		w.source.Put("INBOX", body(i), day)
	}
	w.complete()
	w.target.Flag("INBOX", 2, `+\Seen`)  // read by a person
	w.target.Move("INBOX", 3, "Perso")   // filed by a person
	w.target.Put("INBOX", "theirs", day) // received by the target
	for i := mailsync.UID(1); i <= 4; i++ {
		w.source.Expunge("INBOX", i)
	}
	w.source.Put("INBOX", body(5), day)
	r := w.complete()
	w.expect("INBOX", body(1), 1)
	w.expect("INBOX", body(2), 1)
	w.expect("Perso", body(3), 1)
	w.expect("INBOX", body(4), 0)
	w.expect("INBOX", "theirs", 1)
	if r.Deleted != 1 || r.Totals[mailsync.Gone] != 4 {
		t.Fatalf("%+v", r)
	}
	w.quiet()
}

func TestAMissingCopyIsLookedForBeforeItIsCopiedAgain(t *testing.T) {
	w := newWorld(t, storetest.Personality{})
	w.fill()
	w.complete()
	first, second := string(w.source.Snapshot()["INBOX"][0].Body), string(w.source.Snapshot()["INBOX"][1].Body)
	w.target.Move("INBOX", 1, "Perso/2027")
	w.target.Expunge("INBOX", 2)
	r := w.complete()
	w.expect("INBOX", first, 0)
	w.expect("Perso/2027", first, 1)
	w.expect("INBOX", second, 1)
	if r.Outcomes[mailsync.Copied] != 1+1 { // one copied, one found again
		t.Fatalf("%+v", r.Outcomes)
	}
	w.quiet()
	// The source goes on with the message a person filed elsewhere.
	w.source.Flag("INBOX", 1, `+\Seen`)
	w.complete()
	if got := flagsAt(w.target, "Perso/2027", 0); got != `\Seen` {
		t.Fatalf("flags are %q", got)
	}
}

func TestDeletionsStopAtTheCeiling(t *testing.T) {
	w := newWorld(t, storetest.Personality{})
	w.source.Make("Trash", `\Trash`)
	for i := range 100 {
		w.source.Put("INBOX", body(i), day)
		w.source.Put("Trash", body(1000+i), day)
	}
	w.complete()
	for i := 1; i <= 21; i++ {
		w.source.Expunge("INBOX", mailsync.UID(i))
	}
	r := w.pass()
	if r.Refusal == "" || r.Spared != 21 || len(r.SparedFirst) != 21 || r.SparedFirst[0].UID != 1 || r.Complete || r.Deleted != 0 || len(uids(w.target, "INBOX")) != 100 {
		t.Fatalf("%+v", r)
	}
	w.o.MaxDelete = 21
	w.complete()
	for i := 1; i <= 100; i++ {
		w.source.Expunge("Trash", mailsync.UID(i))
	}
	w.source.Expunge("INBOX", 22)
	w.complete()
	w.same()
}

func TestASourceThatShowsNothingDeletesNothing(t *testing.T) {
	w := newWorld(t, storetest.Personality{})
	for i := 1; i <= 5; i++ {
		w.source.Put("INBOX", body(i), day)
	}
	w.complete()
	for i := 1; i <= 5; i++ {
		w.source.Expunge("INBOX", mailsync.UID(i))
	}
	r := w.pass()
	if r.Refusal == "" || r.Complete || len(uids(w.target, "INBOX")) != 5 {
		t.Fatalf("%+v", r)
	}
}

func TestAFolderMissingFromOnePassIsNotGone(t *testing.T) {
	w := newWorld(t, storetest.Personality{})
	w.fill()
	w.complete()
	before := contents(w.target)
	w.source.Hide("Clients/Grands", true)
	if r := w.pass(); r.Complete {
		t.Fatal("a pass that misses a folder says it is complete")
	}
	w.source.Hide("Clients/Grands", false)
	w.complete()
	if after := contents(w.target); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Fatal("the target changed")
	}
	w.quiet()
	w.source.Delete("Clients/Grands")
	w.pass()
	if len(uids(w.target, "Clients/Grands")) == 0 {
		t.Fatal("deleted after one pass only")
	}
	w.pass()
	if left := uids(w.target, "Clients/Grands"); len(left) != 0 {
		t.Fatalf("still there: %v", left)
	}
}

func TestAnEnumerationThatDisagreesProvesNothing(t *testing.T) {
	w := newWorld(t, storetest.Personality{})
	w.fill()
	w.complete()
	before := contents(w.target)
	w.source.Expunge("INBOX", 1)
	w.source.Miscount("INBOX", 1)
	if r := w.pass(); r.Complete || r.Deleted > 0 {
		t.Fatalf("%+v", r)
	}
	if after := contents(w.target); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Fatal("the target changed")
	}
	w.source.Miscount("INBOX", 0)
	w.complete()
	w.same()
}

func TestARenamedFolderIsMovedAndNotCopied(t *testing.T) {
	w := newWorld(t, storetest.Personality{})
	w.fill()
	w.complete()
	w.source.Rename("Clients/Grands", "Grands comptes")
	w.target.Writes()
	w.end()
	for _, m := range w.source.Snapshot()["Grands comptes"] {
		w.expect("Grands comptes", string(m.Body), 1)
		w.expect("Clients/Grands", string(m.Body), 0)
	}
}

func TestAHalfCopiedMailboxIsAdoptedAndNotDoubled(t *testing.T) {
	w := newWorld(t, storetest.Personality{})
	w.fill()
	for _, m := range w.source.Snapshot()["INBOX"] {
		w.target.Put("INBOX", string(m.Body), m.Date.Add(time.Hour)) // by a tool that lost the dates and flags
	}
	w.target.Expunge("INBOX", 10) // one of two identical messages
	r := w.complete()
	if r.Totals[mailsync.Adopted] != 12 || len(uids(w.target, "INBOX")) != 13 {
		t.Fatalf("%+v, %d messages", r.Totals, len(uids(w.target, "INBOX")))
	}
	w.expect("INBOX", body(1001), 2)
	if got := flagsAt(w.target, "INBOX", 8); got != `$Forwarded \Flagged \Seen projet` {
		t.Fatalf("flags of an adopted message are %q", got)
	}
	w.quiet()
}

func TestALostLedgerCostsNoMail(t *testing.T) {
	for name, p := range personalities() {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, p)
			w.fill()
			w.complete()
			w.ledger = ledgertest.NewMemory("second")
			w.source.Put("INBOX", body(3000), day)
			r := w.complete()
			w.same()
			if r.Totals[mailsync.Adopted] != 35 || r.Totals[mailsync.Copied] != 1 {
				t.Fatal(r.Totals)
			}
			w.quiet()
		})
	}
}

func TestASimilarMessageIsAskedAbout(t *testing.T) {
	for name, c := range map[string]struct {
		how      mailsync.Similar
		n        int
		complete bool
	}{"ask": {mailsync.AskSimilar, 1, false}, "adopt": {mailsync.AdoptSimilar, 1, true}, "keep both": {mailsync.KeepBoth, 2, true}} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, storetest.Personality{})
			w.source.Put("INBOX", "a\r\r\nb\x00\r\n", day)
			w.target.Put("INBOX", "a\r\nb\x80\r\n", day)
			w.o.OnSimilar = c.how
			r := w.pass()
			if r.Complete != c.complete || len(uids(w.target, "INBOX")) != c.n {
				t.Fatalf("%d messages, %+v", len(uids(w.target, "INBOX")), r)
			}
		})
	}
}

func TestOneBadMessageNeverStopsTheRest(t *testing.T) {
	w := newWorld(t, storetest.Personality{Refuse: refuseMarked})
	w.fill()
	w.source.Put("INBOX", "virus", day, "$Junk")
	w.source.Put("INBOX", "after", day)
	r := w.pass()
	if len(r.Failures) != 1 || r.Failures[0].UID != 14 || !strings.Contains(r.Failures[0].Text, "message contains a virus") || r.Complete {
		t.Fatalf("%+v", r.Failures)
	}
	w.expect("INBOX", "after", 1)
	if r.Totals[mailsync.Rejected] != 1 {
		t.Fatal(r.Totals)
	}
	w.quiet()
	w.target.P.Refuse = nil
	w.o.RetryRejected = true // where nothing else changed
	w.complete()
	w.same()
}

func TestAnUnreadableMessageIsNamed(t *testing.T) {
	w := newWorld(t, storetest.Personality{})
	w.fill()
	w.source.Spoil("INBOX", 4)
	for range 2 {
		r := w.pass()
		if len(r.Failures) != 1 || r.Failures[0].UID != 4 || r.Complete {
			t.Fatalf("%+v", r.Failures)
		}
	}
	if n := len(uids(w.target, "INBOX")); n != 12 {
		t.Fatalf("%d messages", n)
	}
}

func TestAMessageExpungedWhileItIsReadIsNoFailure(t *testing.T) {
	w := newWorld(t, storetest.Personality{})
	w.fill()
	w.source.Before = func(command string) error {
		if command == "FETCH" {
			w.source.Before = nil
			w.source.Expunge("INBOX", 2)
		}
		return nil
	}
	if r := w.complete(); r.VanishedMeanwhile != 1 {
		t.Fatalf("%+v", r)
	}
	w.same()
}

func TestAMessageThatEndsConnectionsIsNamedAndTheRestGoesOn(t *testing.T) {
	w := newWorld(t, storetest.Personality{})
	w.fill()
	w.source.Poison("INBOX", 3)
	r := w.pass()
	if len(r.Failures) != 1 || r.Failures[0].UID != 3 {
		t.Fatalf("%+v", r.Failures)
	}
	if n := len(uids(w.target, "INBOX")); n != 12 {
		t.Fatalf("%d messages", n)
	}
}

func TestWhatTheTargetCannotKeepIsCountedAndNamed(t *testing.T) {
	w := newWorld(t, storetest.Personality{FixedKeywords: []string{"$Forwarded"}, FutureIsNow: true, DropFlagged: true, Now: day})
	w.fill()
	w.source.Put("INBOX", body(77), day.AddDate(20, 0, 0))
	r := w.complete()
	if r.FlagsNotKept["projet"] != 1 || len(r.FlagsNotKept) != 1 {
		t.Fatal(r.FlagsNotKept)
	}
	if got := flagsAt(w.target, "INBOX", 8); got != `$Forwarded \Flagged \Seen` {
		t.Fatalf("flags are %q", got)
	}
	if r.DatesNotKept == 0 {
		t.Fatal("a date that was not kept was not counted")
	}
	w.quiet()
}

func TestExcludedFoldersHaveAnOutcomeToo(t *testing.T) {
	w := newWorld(t, storetest.Personality{})
	w.fill()
	w.o.Rules.Exclude = []string{"Clients/**"}
	r := w.complete()
	if r.Totals[mailsync.Excluded] != 7 {
		t.Fatal(r.Totals)
	}
	w.quiet()
	w.o.Rules.Exclude = nil
	w.complete()
	w.same()
	w.o.Rules.Exclude = []string{"Clients"}
	w.source.Put("Clients", "late", day)
	w.complete()
	w.expect("Clients", "late", 0)
	w.quiet()
}

func TestASecondPassIsRefused(t *testing.T) {
	w := newWorld(t, storetest.Personality{})
	release, err := w.ledger.Lease(t.Context(), "somebody else")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.try(); err == nil || !strings.Contains(err.Error(), "somebody else") {
		t.Fatal(err)
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
	w.complete()
}

func TestSilenceIsMeasuredOnInboundMail(t *testing.T) {
	w := newWorld(t, storetest.Personality{})
	w.source.Make("Junk", `\Junk`)
	w.source.Make("Sent", `\Sent`)
	w.source.Put("INBOX", "a", day)
	w.source.Put("Junk", "b", day.Add(time.Hour))
	w.source.Put("Sent", "c", day.Add(2*time.Hour))
	w.source.Put("INBOX", "from the future", day.AddDate(1, 0, 0))
	for range 2 {
		r := w.complete()
		if !r.LastArrival.Equal(day) || r.Looked.IsZero() {
			t.Fatalf("last arrival %v, looked %v", r.LastArrival, r.Looked)
		}
	}
}
