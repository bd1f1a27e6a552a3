package mailsync_test

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"bascule/mailsync"
	"bascule/mailsync/folders"
	"bascule/mailsync/storetest"
)

// newLabelled is a world whose source has labels.
func newLabelled(t testing.TB, source, target storetest.Personality) *world {
	w := newWorld(t, target)
	source.Labels = true
	w.source = storetest.New(source)
	w.fillLabels()
	return w
}

func (w *world) fillLabels() {
	s := w.source
	s.Make(storetest.AllMail, `\All`)
	s.Make("[Gmail]/Starred", `\Flagged`)
	s.Make("[Gmail]/Important", `\Important`)
	s.Make("[Gmail]/Bin", `\Trash`)
	s.Make("[Gmail]/Sent Mail", `\Sent`)
	for i := range 24 {
		at := day.Add(time.Duration(i) * time.Minute)
		folder := []string{"INBOX", "Clients", "Clients/Grands", "[Gmail]/Sent Mail", storetest.AllMail, "[Gmail]/Bin"}[i%6]
		uid := s.Put(folder, body(i), at, `\Seen`)
		if i%5 == 0 && i%6 != 5 {
			s.Label(folder, uid, "Projets")
		}
		if i%4 == 0 && i%6 != 5 {
			s.Label(folder, uid, "[Gmail]/Starred")
			s.Label(folder, uid, "[Gmail]/Important")
		}
	}
	s.Put("INBOX", body(1000), day)
	s.Put(storetest.AllMail, body(1000), day) // the same octets, another message
}

// labelled is what a target is to hold: each folder as it is, and of all mail
// what no other folder has.
func labelled(s *storetest.Server, sent string) []string {
	var out []string
	filed := map[mailsync.ObjectID]bool{}
	all := s.Snapshot()
	names := map[string]string{storetest.AllMail: "Archive", "[Gmail]/Bin": "[Gmail]/Bin", "[Gmail]/Sent Mail": sent}
	for folder, list := range all {
		for _, m := range list {
			filed[m.Object] = filed[m.Object] || !strings.HasPrefix(folder, "[Gmail]") || folder == "[Gmail]/Sent Mail" || folder == "[Gmail]/Bin"
		}
	}
	for folder, list := range all {
		to := names[folder]
		if to == "" && strings.HasPrefix(folder, "[Gmail]") {
			continue
		}
		if to == "" {
			to = folder
		}
		for _, m := range list {
			if folder != storetest.AllMail || !filed[m.Object] {
				out = append(out, fmt.Sprintf("%s %x %s %s", to, sha256.Sum256(m.Body), m.Date.UTC().Format(time.RFC3339), strings.Join(m.Flags, " ")))
			}
		}
	}
	slices.Sort(out)
	return out
}

func (w *world) sameLabels() {
	w.t.Helper()
	if d := cmp.Diff(labelled(w.source, "[Gmail]/Sent Mail"), contents(w.target)); d != "" {
		w.t.Fatalf("(-source, each message of all mail once, +target):\n%s", d)
	}
}

// verified is a full verification that finds nothing.
func (w *world) verified() mailsync.Verification {
	w.t.Helper()
	v := w.verify(mailsync.Full)
	if err := v.Err(); err != nil {
		w.t.Fatal(err)
	}
	return v
}

func TestOfAllMailOnlyWhatNoOtherFolderHasIsCopied(t *testing.T) {
	for name, p := range map[string]storetest.Personality{"complete": {}, "no CONDSTORE": {NoCondStore: true}, "labels are not told": {MuteLabels: true}, "one command after the other": {Plain: true}} {
		t.Run(name, func(t *testing.T) {
			w := newLabelled(t, p, storetest.Personality{})
			r := w.complete()
			w.sameLabels()
			if r.Elsewhere != 18 || r.Avoided == 0 || r.Totals[mailsync.Excluded] != 18+12 || len(r.Warnings) > 0 {
				t.Fatalf("%d elsewhere, %d octets, totals %v, warnings %q", r.Elsewhere, r.Avoided, r.Totals, r.Warnings)
			}
			sum := 0
			for _, n := range r.Totals {
				sum += n
			}
			if sum != r.SourceMessages {
				t.Fatalf("%d messages have an outcome, the source lists %d", sum, r.SourceMessages)
			}
			w.quiet()
			if again := w.complete(); again.Elsewhere != 18 || again.Totals[mailsync.Excluded] != 30 {
				t.Fatalf("a pass that finds nothing changed counts %d elsewhere, %v", again.Elsewhere, again.Totals)
			}
			if v := w.verified(); v.Excluded != 30 {
				t.Fatalf("verified: %d excluded", v.Excluded)
			}
		})
	}
}

// lastIn is the newest message of a folder.
func lastIn(s *storetest.Server, folder string) storetest.Message {
	list := s.Snapshot()[folder]
	return list[len(list)-1]
}

func TestTheCopyOfAMessageFollowsItsLabels(t *testing.T) {
	all := storetest.AllMail
	cases := map[string]struct {
		change        func(s *storetest.Server)
		moves, copies int
		deleted       int
	}{
		"the last label is removed":    {func(s *storetest.Server) { s.Expunge("INBOX", 1); s.Expunge("Projets", 1) }, 1, 0, 1},
		"one of two labels is removed": {func(s *storetest.Server) { s.Expunge("Projets", 1) }, 0, 0, 1},
		"archived mail is labelled":    {func(s *storetest.Server) { s.Label(all, lastIn(s, all).UID, "Clients") }, 1, 0, 0},
		"archived mail gets two labels": {func(s *storetest.Server) {
			u := lastIn(s, all).UID
			s.Label(all, u, "Clients")
			s.Label(all, u, "Projets")
		}, 1, 1, 0},
		"archived mail gets a new label": {func(s *storetest.Server) { s.Label(all, lastIn(s, all).UID, "Neuf") }, 1, 0, 0},
		"one label becomes another":      {func(s *storetest.Server) { s.Label("Clients", 2, "Neuf"); s.Expunge("Clients", 2) }, 1, 0, 0},
		"archived mail is thrown away":   {func(s *storetest.Server) { s.Move(all, lastIn(s, all).UID, "[Gmail]/Bin") }, 1, 0, 0},
		"labelled mail is thrown away":   {func(s *storetest.Server) { s.Move("Clients", 1, "[Gmail]/Bin") }, 1, 0, 0},
		"new mail":                       {func(s *storetest.Server) { s.Put("INBOX", body(3000), day) }, 0, 1, 0},
		"new mail that skips the inbox":  {func(s *storetest.Server) { s.Put(all, body(3000), day) }, 0, 1, 0},
		"a flag":                         {func(s *storetest.Server) { s.Flag("INBOX", 1, `-\Seen`) }, 0, 0, 0},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := newLabelled(t, storetest.Personality{}, storetest.Personality{})
			w.complete()
			c.change(w.source)
			r := w.complete()
			w.complete()
			w.sameLabels()
			if r.MovedOnTarget != c.moves || r.Outcomes[mailsync.Copied] != c.copies || r.Deleted != c.deleted {
				t.Errorf("%d moved, %d copied, %d deleted", r.MovedOnTarget, r.Outcomes[mailsync.Copied], r.Deleted)
			}
			w.quiet()
			w.verified()
		})
	}
}

// A label says that a message is in a folder; the folder may not show it.
func TestWhatAFolderHidesIsCopiedFromAllMail(t *testing.T) {
	w := newLabelled(t, storetest.Personality{Newest: 2}, storetest.Personality{})
	w.complete()
	have := multisets(w.target)
	for _, m := range w.source.Snapshot()[storetest.AllMail] {
		if have[string(m.Body)] == 0 {
			t.Errorf("%.60q is nowhere", m.Body)
		}
	}
	w.quiet()
	w.source.P.Newest = 0
	w.complete()
	w.complete()
	w.sameLabels()
}

// Nor is a label believed whose folder has fewer messages than bear it.
func TestALabelThatItsFolderDoesNotShowHoldsNothingBack(t *testing.T) {
	w := newLabelled(t, storetest.Personality{}, storetest.Personality{})
	w.complete()
	w.source.Claim(storetest.AllMail, w.source.Put(storetest.AllMail, body(3000), day), "Clients")
	w.complete()
	w.expect("Archive", body(3000), 1)
	w.complete()
	w.quiet()
}

func TestAFolderThatARuleLeavesBehindHoldsNothingBack(t *testing.T) {
	w := newLabelled(t, storetest.Personality{}, storetest.Personality{})
	w.o.Rules = folders.Rules{Exclude: []string{"Projets", "Clients"}}
	w.complete()
	for _, m := range w.source.Snapshot()["Clients"] {
		w.expect("Archive", string(m.Body), 1)
	}
	w.quiet()
	w.o.Rules = folders.Rules{Exclude: []string{storetest.AllMail}}
	w2 := newLabelled(t, storetest.Personality{}, storetest.Personality{})
	w2.o.Rules = w.o.Rules
	w2.complete()
	w2.quiet()
	// What is starred and archived is in no other folder that is carried.
	for folder, list := range w2.target.Snapshot() {
		for _, m := range list {
			if folder == "[Gmail]/Starred" && len(m.Body) > 0 && count(w2.target, "INBOX", string(m.Body)) > 0 {
				t.Errorf("%s holds what INBOX has: %.40q", folder, m.Body)
			}
		}
	}
}

func TestAfterTheSwitchLabelsOnlyAdd(t *testing.T) {
	w := newLabelled(t, storetest.Personality{}, storetest.Personality{})
	w.complete()
	before := contents(w.target)
	w.o.Policy = mailsync.AddOnly
	w.source.Archive("INBOX", 1)
	w.source.Label(storetest.AllMail, lastIn(w.source, storetest.AllMail).UID, "Clients")
	w.source.Move("Clients", 1, "[Gmail]/Bin")
	w.source.Put("INBOX", body(3000), day)
	w.complete()
	got := contents(w.target)
	if added := len(got) - len(before); added != 1 {
		t.Fatalf("%d messages were added:\n%s", added, cmp.Diff(before, got))
	}
	w.quiet()
}

// A copy that somebody changed in the archive is not deleted for a label.
func TestALabelDeletesNoCopyThatSomebodyChanged(t *testing.T) {
	w := newLabelled(t, storetest.Personality{}, storetest.Personality{NoMove: true})
	w.complete()
	m := lastIn(w.source, storetest.AllMail)
	in := w.target.Snapshot()["Archive"]
	w.target.Flag("Archive", in[len(in)-1].UID, `+\Flagged`)
	w.source.Label(storetest.AllMail, m.UID, "Clients")
	for range 3 {
		w.pass()
	}
	w.expect("Archive", string(m.Body), 1)
	w.expect("Clients", string(m.Body), 1)
	w.quiet()
}

// Nor for one under which the message cannot be read: it would be nowhere. That
// another message of the same octets is there does not help.
func TestALabelUnderWhichAMessageCannotBeReadDeletesNothing(t *testing.T) {
	w := newLabelled(t, storetest.Personality{}, storetest.Personality{})
	w.complete()
	m := lastIn(w.source, storetest.AllMail)
	w.source.Put("INBOX", body(3000), day)
	w.source.Spoil("Clients", w.source.Label(storetest.AllMail, m.UID, "Clients"))
	for range 3 {
		w.pass()
		w.expect("Archive", string(m.Body), 1)
		w.expect("INBOX", string(m.Body), 1)
	}
}

func TestVerificationFindsWhatAllMailAloneHas(t *testing.T) {
	w := newLabelled(t, storetest.Personality{}, storetest.Personality{})
	w.complete()
	w.source.Archive("INBOX", 1)
	var got []string
	for _, d := range w.verify(mailsync.Full).Differences {
		got = append(got, fmt.Sprintf("%s %v", d.Kind, d.Folder))
	}
	if !slices.Contains(got, "unaccounted [[Gmail] All Mail]") {
		t.Fatalf("found %q", got)
	}
}

// relabel does one thing with the labels of a message, or brings one.
func (w *world) relabel(rt *rapid.T, seq int) {
	s, all := w.source, storetest.AllMail
	folder := rapid.SampledFrom([]string{"INBOX", "Clients", "Projets", all}).Draw(rt, "folder")
	list := s.Snapshot()[folder]
	action := rapid.SampledFrom([]string{"put", "label", "label", "unlabel", "archive", "flag", "throw away"}).Draw(rt, "action")
	if len(list) == 0 || action == "put" {
		s.Put(folder, fmt.Sprintf("%d of %s, %d", seq, folder, len(list)), day)
		return
	}
	m := list[rapid.IntRange(0, len(list)-1).Draw(rt, "message")]
	switch to := rapid.SampledFrom([]string{"INBOX", "Clients", "Projets", "Neuf"}).Draw(rt, "to"); {
	case action == "label":
		s.Label(folder, m.UID, to)
	case action == "unlabel" && folder != all:
		s.Expunge(folder, m.UID)
	case action == "archive" && folder != all:
		s.Archive(folder, m.UID)
	case action == "flag":
		s.Flag(folder, m.UID, rapid.SampledFrom([]string{`+\Seen`, `-\Seen`, `+\Flagged`}).Draw(rt, "flag"))
	case action == "throw away":
		s.Move(folder, m.UID, "[Gmail]/Bin")
	}
}

// drawn is a labelled world between servers of many kinds.
func drawn(rt *rapid.T, t *testing.T) *world {
	w := newLabelled(t, storetest.Personality{NoCondStore: rapid.Bool().Draw(rt, "source without CONDSTORE"), MuteLabels: rapid.Bool().Draw(rt, "labels are not told")},
		storetest.Personality{NoMove: rapid.Bool().Draw(rt, "no MOVE"), NoCopy: rapid.Bool().Draw(rt, "no COPY"), SingleAppend: rapid.Bool().Draw(rt, "single"),
			NoCondStore: rapid.Bool().Draw(rt, "no CONDSTORE"), NoCopyUID: rapid.Bool().Draw(rt, "copies are not named"),
			CopyLoses: rapid.SampledFrom([][]string{nil, {`\Seen`}}).Draw(rt, "copies lose")})
	w.o.BatchMessages, w.o.MaxDelete = rapid.IntRange(1, 5).Draw(rt, "batch"), 100
	return w
}

// TestEachMessageIsInTheFoldersOfItsLabels: after two passes the target is what
// the source is, all mail counted once.
func TestEachMessageIsInTheFoldersOfItsLabels(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := drawn(rt, t)
		for round := range rapid.IntRange(1, 5).Draw(rt, "rounds") {
			for range rapid.IntRange(0, 6).Draw(rt, "changes") {
				w.relabel(rt, round)
			}
			for range 3 {
				if _, err := w.try(); err != nil {
					rt.Fatal(err)
				}
			}
			if d := cmp.Diff(labelled(w.source, "[Gmail]/Sent Mail"), contents(w.target)); d != "" {
				rt.Fatalf("(-source, each message of all mail once, +target):\n%s", d)
			}
		}
	})
}

// TestAKilledPassLeavesNoLabelledMessageNowhere: what was once on the target and
// is still on the source is on the target after every pass, killed or not.
func TestAKilledPassLeavesNoLabelledMessageNowhere(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := drawn(rt, t)
		had := map[string]int{}
		check := func() {
			have, source := multisets(w.target), multisets(w.source)
			for body := range had {
				if source[body] > 0 && have[body] == 0 {
					rt.Fatalf("the target no longer has %.60q", body)
				}
			}
			had = have
		}
		for round := range rapid.IntRange(1, 6).Draw(rt, "rounds") {
			for range rapid.IntRange(0, 6).Draw(rt, "changes") {
				w.relabel(rt, round)
			}
			w.killAt(rapid.IntRange(1, 60).Draw(rt, "kill"))
			check()
		}
		for range 4 {
			if _, err := w.try(); err != nil {
				rt.Fatal(err)
			}
			check()
		}
		if missing := minus(labelled(w.source, "[Gmail]/Sent Mail"), contents(w.target)); len(missing) > 0 {
			rt.Fatalf("the target lacks %q", missing)
		}
		w.oneClaimEach(rt)
		w.target.Writes()
		if _, err := w.try(); err != nil {
			rt.Fatal(err)
		}
		if wrote := w.target.Writes(); len(wrote) > 0 {
			rt.Fatalf("passes go on writing: %v", wrote)
		}
	})
}

// minus is what of the first, a multiset, the second does not have. Flags, which
// a killed pass may have left to a person, are not compared.
func minus(a, b []string) (out []string) {
	bare := func(list []string) map[string]int {
		n := map[string]int{}
		for _, x := range list {
			n[x[:strings.Index(x, "T")]]++
		}
		return n
	}
	have := bare(b)
	for x, n := range bare(a) {
		if have[x] < n {
			out = append(out, x)
		}
	}
	return sorted(out)
}
