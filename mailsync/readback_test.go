package mailsync_test

import (
	"testing"
	"time"

	"bascule/mailsync"
	"bascule/mailsync/storetest"
)

// TestAFutureDateIsReadBack: a target that keeps octets and old dates is asked
// for flags alone, but where a message has a date that it may not keep.
func TestAFutureDateIsReadBack(t *testing.T) {
	for name, c := range map[string]struct {
		date time.Time
		kept bool
	}{"past": {day.Add(-time.Hour), true}, "future": {day.AddDate(1, 0, 0), false}} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, storetest.Personality{FutureIsNow: true, Now: day})
			w.o.Personality = w.probe()
			w.source.Put("INBOX", body(1), c.date, `\Seen`)
			if r := w.complete(); (r.DatesNotKept == 0) != c.kept || r.Altered != 0 {
				t.Fatalf("%d dates not kept, %d altered", r.DatesNotKept, r.Altered)
			}
			w.quiet()
		})
	}
	w := newWorld(t, storetest.Personality{DropFlagged: true})
	w.o.Personality = mailsync.Personality{Class: mailsync.Exact, OldDates: mailsync.KeptAtAppend, FutureDates: mailsync.KeptAtAppend}
	w.source.Put("INBOX", body(1), day, `\Flagged`)
	w.complete()
	if m := w.target.Snapshot()["INBOX"]; len(m) != 1 || len(m[0].Flags) != 1 {
		t.Fatalf("a flag that was lost at APPEND was not set: %v", m)
	}
}
