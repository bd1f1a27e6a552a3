package mailsync_test

import (
	"testing"

	"bascule/mailsync/storetest"
)

// TestAFlagChangedAfterAnInterruptedCopyIsTheSources: which flags the batch was
// sent with, the ledger does not know; none of them is a person's on the target.
func TestAFlagChangedAfterAnInterruptedCopyIsTheSources(t *testing.T) {
	for n := 1; ; n++ {
		w := newWorld(t, storetest.Personality{})
		read := w.source.Put("INBOX", body(1), day, `\Seen`)
		unread := w.source.Put("INBOX", body(2), day)
		killed := w.killAt(n)
		w.source.Flag("INBOX", read, `-\Seen`)
		w.source.Flag("INBOX", unread, `+\Seen`)
		r := w.complete()
		w.same()
		if len(r.Exceptions) > 0 {
			t.Fatalf("killed at step %d: nothing was lost, and yet: %+v", n, r.Exceptions)
		}
		w.quiet()
		if !killed {
			return
		}
	}
}

// TestATwinThatTakesOverAnInterruptedCopyHasItsOwnFlags: the message that was
// sent is elsewhere by the next pass, and another with its octets comes first.
func TestATwinThatTakesOverAnInterruptedCopyHasItsOwnFlags(t *testing.T) {
	for n := 1; ; n++ {
		w := newWorld(t, storetest.Personality{})
		labelled := w.source.Put("INBOX", body(1), day, "projet")
		killed := w.killAt(n)
		w.source.Put("INBOX", body(1), day)
		w.source.Move("INBOX", labelled, "INBOX")
		w.pass()
		w.complete()
		w.same()
		w.quiet()
		if !killed {
			return
		}
	}
}
