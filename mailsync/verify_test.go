package mailsync_test

import (
	"context"
	"testing"

	"bascule/mailsync"
	"bascule/mailsync/storetest"
)

func (w *world) verify(depth mailsync.Depth) mailsync.Verification {
	w.t.Helper()
	v, err := mailsync.Verify(context.Background(), mailsync.VerifyOptions{OpenSource: w.source.OpenSource, OpenTarget: w.target.OpenSource,
		Ledger: w.ledger, Depth: depth, Now: day})
	if err != nil {
		w.t.Fatal(err)
	}
	return v
}

func TestVerifyIsCleanAfterAPass(t *testing.T) {
	w := newWorld(t, storetest.Personality{})
	w.fill()
	w.complete()
	w.target.Put("INBOX", "received by the target", day)
	w.target.Writes()
	w.source.Writes()
	for _, depth := range []mailsync.Depth{mailsync.Quick, mailsync.Full} {
		v := w.verify(depth)
		if err := v.Err(); err != nil || v.Matched != 35 || v.NotOurs != 1 {
			t.Fatalf("%v %+v", err, v)
		}
	}
	if wrote := append(w.target.Writes(), w.source.Writes()...); len(wrote) > 0 {
		t.Fatalf("verification wrote: %v", wrote)
	}
}

func TestVerifySeesWhatIsPlanted(t *testing.T) {
	cases := map[string]struct {
		plant       func(w *world)
		quick, want mailsync.Kind
	}{
		"a lost message":             {func(w *world) { w.target.Expunge("INBOX", 3) }, mailsync.Missing, mailsync.Missing},
		"a lost copy of a double":    {func(w *world) { w.target.Expunge("INBOX", 10) }, mailsync.Missing, mailsync.Missing},
		"a doubled message":          {func(w *world) { w.target.Put("INBOX", string(w.source.Snapshot()["INBOX"][2].Body), day) }, "", mailsync.Doubled},
		"an altered message":         {func(w *world) { w.target.Alter("INBOX", 3, "other octets") }, mailsync.Altered, mailsync.Altered},
		"altered at the same length": {func(w *world) { w.target.Alter("INBOX", 3, flip(w.target, "INBOX", 2)) }, "", mailsync.Altered},
		"a misplaced message":        {func(w *world) { w.target.Move("INBOX", 3, "Sent") }, mailsync.Missing, mailsync.Misplaced},
		"a lost flag":                {func(w *world) { w.target.Flag("INBOX", 9, `-\Flagged`) }, mailsync.FlagsDiffer, mailsync.FlagsDiffer},
		"a new source message":       {func(w *world) { w.source.Put("INBOX", "new", day) }, mailsync.Unaccounted, mailsync.Unaccounted},
		"a new source folder":        {func(w *world) { w.source.Put("Neuf", "new", day) }, mailsync.Unaccounted, mailsync.Unaccounted},
		"a renumbered folder":        {func(w *world) { w.target.Renumber("Sent") }, mailsync.Missing, mailsync.Misplaced},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, storetest.Personality{})
			w.fill()
			w.complete()
			c.plant(w)
			for depth, want := range map[mailsync.Depth]mailsync.Kind{mailsync.Quick: c.quick, mailsync.Full: c.want} {
				v := w.verify(depth)
				if want == "" && len(v.Differences) == 0 {
					continue
				}
				if len(v.Differences) == 0 || v.Differences[0].Kind != want {
					t.Fatalf("depth %d: %+v, want %s", depth, v.Differences, want)
				}
			}
		})
	}
}

// flip returns the octets of the i-th message with one bit changed.
func flip(s *storetest.Server, folder string, i int) string {
	b := []byte(string(s.Snapshot()[folder][i].Body))
	b[len(b)/2] ^= 1
	return string(b)
}

func TestVerifyNamesRefusedMessagesAndLostDates(t *testing.T) {
	w := newWorld(t, storetest.Personality{Refuse: refuseMarked, FutureIsNow: true, Now: day, FixedKeywords: []string{}})
	w.source.Put("INBOX", "virus", day)
	w.source.Put("INBOX", "future", day.AddDate(1, 0, 0))
	w.source.Put("INBOX", "keyword", day, "projet")
	w.pass()
	v := w.verify(mailsync.Full)
	kinds := map[mailsync.Kind]int{}
	for _, d := range v.Differences {
		kinds[d.Kind]++
	}
	if len(v.Differences) != 3 || kinds[mailsync.Refused] != 1 || kinds[mailsync.DateDiffers] != 1 || kinds[mailsync.FlagsDiffer] != 1 {
		t.Fatalf("%+v", v.Differences)
	}
}
