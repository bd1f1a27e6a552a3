package mailsync_test

import (
	"slices"
	"testing"
	"time"

	"bascule/mailsync"
	"bascule/mailsync/storetest"
)

// newNamed is a world whose source tells which messages are one: 20, of which
// 15 are in a second folder and 5 in a third.
func newNamed(t testing.TB, p storetest.Personality) *world {
	w := newWorld(t, p)
	w.source = storetest.New(storetest.Personality{Objects: true})
	for i := range 20 {
		uid := w.source.Put("INBOX", body(i), day.Add(time.Duration(i)*time.Minute), [][]string{{`\Seen`}, {`\Flagged`, "projet"}, {}}[i%3]...)
		if i%4 != 0 {
			w.source.Label("INBOX", uid, "Clients")
		}
		if i%4 == 1 {
			w.source.Label("INBOX", uid, "Projets")
		}
	}
	return w
}

func TestAMessageInSeveralFoldersIsSentOnce(t *testing.T) {
	cases := map[string]struct {
		p          storetest.Personality
		referenced int
	}{
		"a complete server":            {storetest.Personality{}, 20},
		"no MULTIAPPEND":               {storetest.Personality{SingleAppend: true}, 20},
		"no CONDSTORE":                 {storetest.Personality{NoCondStore: true}, 20},
		"copies are not named":         {storetest.Personality{NoCopyUID: true}, 20},
		"copies lose flags":            {storetest.Personality{CopyLoses: []string{`\Seen`, "projet"}}, 20},
		"copies are refused":           {storetest.Personality{NoCopy: true}, 0},
		"no UIDPLUS":                   {storetest.Personality{NoUIDPlus: true}, 0},
		"one command after another":    {storetest.Personality{Plain: true}, 0},
		"keywords are refused":         {storetest.Personality{FixedKeywords: []string{"$Forwarded"}}, 20},
		"line ends are eaten":          {storetest.Personality{EatCR: true}, 20},
		"flagged is dropped by APPEND": {storetest.Personality{DropFlagged: true}, 20},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := newNamed(t, c.p)
			r := w.complete()
			if c.p.FixedKeywords == nil {
				w.same()
			}
			tried := len(slices.DeleteFunc(w.target.Writes(), func(command string) bool { return command != "COPY" }))
			if c.referenced > 0 && tried != 2 || c.p.NoCopy && tried != 1 { // a refusal is heard once
				t.Fatalf("COPY was tried %d times", tried)
			}
			if r.Referenced != c.referenced || (r.Saved > 0) != (c.referenced > 0) || r.Outcomes[mailsync.Copied] != 40 || len(r.Warnings) > 0 {
				t.Fatalf("%d made of copies, %d octets, %v, %q", r.Referenced, r.Saved, r.Outcomes, r.Warnings)
			}
			w.quiet()
			if !c.p.EatCR && c.p.FixedKeywords == nil {
				w.verified()
			}
		})
	}
}

// RFC 3501 §6.4.7: the date SHOULD be kept.
func TestADateThatACopyLosesIsNamed(t *testing.T) {
	w := newNamed(t, storetest.Personality{CopyIsNow: true})
	w.o.Personality = mailsync.Personality{At: day, Class: mailsync.Exact, OldDates: mailsync.KeptAtAppend, FutureDates: mailsync.KeptAtAppend}
	r := w.complete()
	if r.DatesNotKept != 20 || r.Referenced != 20 {
		t.Fatalf("%d dates were not kept, %d made of copies", r.DatesNotKept, r.Referenced)
	}
	w.quiet()
}

func TestAnOriginalThatIsGoneIsSentAgain(t *testing.T) {
	w := newNamed(t, storetest.Personality{})
	once := false
	w.target.Before = func(command string) error {
		if command == "COPY" && !once {
			once = true
			w.target.Expunge("Clients", 1)
			w.target.Expunge("Clients", 2)
		}
		return nil
	}
	r := w.pass()
	if !once || r.Referenced != 17 {
		t.Fatalf("%d made of copies", r.Referenced)
	}
	for range 3 {
		w.pass()
	}
	w.same()
}

// What the source does not say the same of is not the same message.
func TestNamesAreNotBelievedAgainstSizeDateOrFlags(t *testing.T) {
	w := newNamed(t, storetest.Personality{})
	w.source.Flag("Clients", 1, `+\Answered`)
	w.source.Alter("Clients", 2, body(77)+"more")
	r := w.complete()
	w.same()
	if r.Referenced != 17 { // the first is in three folders
		t.Fatalf("%d made of copies", r.Referenced)
	}
}

// A message that a person filed in a second folder since the last pass is made
// out of its copy, as long as that is as we left it.
func TestAnOlderCopyServes(t *testing.T) {
	for name, touched := range map[string]bool{"as we left it": false, "read by a person": true} {
		t.Run(name, func(t *testing.T) {
			w := newNamed(t, storetest.Personality{})
			w.source.P.NoCondStore = true // without a history, all names are told
			w.complete()
			w.source.Label("INBOX", 1, "Neuf")
			w.source.Put("INBOX", body(500), day)
			if touched {
				w.target.Flag("INBOX", 1, `+\Answered`)
			}
			r := w.complete()
			want := map[bool]int{false: 1, true: 0}[touched]
			if r.Referenced != want || count(w.target, "Neuf", body(0)) != 1 || slices.Contains(w.target.Snapshot()["Neuf"][0].Flags, `\Answered`) {
				t.Fatalf("%d made of copies, %+v", r.Referenced, w.target.Snapshot()["Neuf"])
			}
			w.quiet()
		})
	}
}
