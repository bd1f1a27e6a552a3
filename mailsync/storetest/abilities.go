package storetest

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bascule/mailsync"
)

// surveyAgrees: a survey says what opening folder by folder says, names the one
// that is not there, and leaves the connection in step.
func surveyAgrees(t *testing.T, f Fixture) {
	s := f.begin(t)
	v, ok := s.target.(mailsync.Surveyor)
	if !ok {
		t.Skip("no surveys")
	}
	asks := []mailsync.Ask{{Folder: mailsync.Folder{Path: []string{"Fantome"}, Raw: "Fantome"}, Question: mailsync.AskMessages}}
	for n := range 30 {
		folder, err := s.target.Create(s.ctx, []string{fmt.Sprintf("Dossier %d", n)}, "")
		if err != nil {
			t.Fatal(err)
		}
		s.folder = folder
		for i := range n % 5 {
			s.append(mail(i), mail(n))
		}
		asks = append(asks, mailsync.Ask{Folder: folder, Question: mailsync.Question(n % 4)})
	}
	answers, err := v.Survey(s.ctx, asks)
	if err != nil || len(answers) != len(asks) {
		t.Fatalf("%d answers to %d questions, %v", len(answers), len(asks), err)
	}
	if answers[0].Err == nil {
		t.Fatal("a folder that is not there was surveyed")
	}
	for i, a := range asks[1:] {
		got, want := answers[i+1], mailsync.Surveyed{}
		if want.Status, err = s.target.Examine(s.ctx, a.Folder); err != nil {
			t.Fatal(err)
		}
		switch a.Question {
		case mailsync.AskMessages, mailsync.AskFlags:
			for _, m := range s.scan(0) {
				if m.ModSeq = 0; a.Question == mailsync.AskFlags {
					m = mailsync.Meta{UID: m.UID, Flags: m.Flags}
				}
				want.Messages = append(want.Messages, m)
			}
		case mailsync.AskUIDs:
			want.UIDs = s.uids()
		}
		if d := cmp.Diff(fmt.Sprint(want), fmt.Sprint(got)); d != "" {
			t.Fatalf("folder %v, question %d (-by itself +surveyed):\n%s", a.Folder.Path, a.Question, d)
		}
	}
}

// changesAgree: what vanished, what is there and what is new add up to the
// folder as it is; and a question about some messages is answered for those.
func changesAgree(t *testing.T, f Fixture) {
	s := f.begin(t)
	v, ok := s.target.(mailsync.Surveyor)
	if !ok || !s.target.Accepts().UIDPlus {
		t.Skip("no surveys")
	}
	s.append(mail(0), mail(1), mail(2), mail(3), mail(4), mail(5), mail(6), mail(7))
	s.selectFolder(s.folder)
	then, before := s.status, s.uids()
	if err := s.target.AddFlags(s.ctx, []mailsync.UID{before[1]}, []string{`\Flagged`}); err != nil {
		t.Fatal(err)
	}
	gone := []mailsync.UID{before[2], before[3], before[6]}
	if err := errors.Join(s.target.AddFlags(s.ctx, gone, []string{`\Deleted`}), s.target.Expunge(s.ctx, gone)); err != nil {
		t.Fatal(err)
	}
	s.append(mail(8), mail(9))
	s.selectFolder(s.folder)
	now := s.uids()
	told := map[mailsync.UID]bool{}
	answers, err := v.Survey(s.ctx, []mailsync.Ask{
		{Folder: s.folder, Question: mailsync.AskChanges, ChangedSince: max(then.HighestModSeq, 1), Message: func(m mailsync.Meta) { told[m.UID] = m.Size > 0 && !m.Date.IsZero() }},
		{Folder: s.folder, Question: mailsync.AskMessages, UIDs: []mailsync.UIDRange{{First: before[0], Last: before[4]}, {First: now[5], Last: now[5]}}},
	})
	if err != nil || errors.Join(answers[0].Err, answers[1].Err) != nil || int(answers[0].Status.Messages) != len(now) {
		t.Fatalf("%+v, %v", answers, err)
	}
	var some []mailsync.UID
	for _, m := range answers[1].Messages {
		some = append(some, m.UID)
	}
	if want := []mailsync.UID{before[0], before[1], before[4], now[5]}; !slices.Equal(some, want) {
		t.Errorf("asked about some messages, and told of %v, not %v", some, want)
	}
	c := answers[0].Changes
	if c == nil {
		if len(told) != len(now) {
			t.Errorf("%d of %d messages were told", len(told), len(now))
		}
		return
	}
	if present := expand(c.Present); !slices.Equal(present, now) {
		t.Errorf("there are %v, said to be there %v", now, present)
	}
	vanished := expand(c.Vanished)
	for _, u := range gone {
		if !slices.Contains(vanished, u) {
			t.Errorf("%d vanished, and %v are told", u, vanished)
		}
	}
	if !told[before[1]] || !told[now[5]] || !told[now[6]] || told[before[0]] {
		t.Errorf("told of %v: %d changed, %v are new", told, before[1], now[5:])
	}
}

func expand(ranges []mailsync.UIDRange) (out []mailsync.UID) {
	for _, r := range ranges {
		for u := r.First; u <= r.Last; u++ {
			out = append(out, u)
		}
	}
	slices.Sort(out)
	return out
}

// foundingAgrees: folders made at once are there, subscribed, each once.
func foundingAgrees(t *testing.T, f Fixture) {
	s := f.begin(t)
	founder, ok := s.target.(mailsync.Founder)
	if !ok {
		t.Skip("folders are made one by one")
	}
	var asked []mailsync.NewFolder
	for n := range 30 {
		asked = append(asked, mailsync.NewFolder{Path: []string{"Parent", fmt.Sprintf("Enfant %d", n)}, Subscribe: n%2 == 0})
	}
	asked = append(asked, mailsync.NewFolder{Path: []string{"Contrat"}})
	made, err := founder.CreateAll(s.ctx, asked)
	if err != nil {
		t.Fatal(err)
	}
	l, err := s.target.List(s.ctx)
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]mailsync.Folder{}
	for _, x := range l.Folders {
		listed[fmt.Sprint(x.Path)] = x
	}
	for i, m := range made {
		x, there := listed[fmt.Sprint(asked[i].Path)]
		if m.Err != nil || !there || m.Folder.Raw != x.Raw || m.Subscribed != asked[i].Subscribe || asked[i].Subscribe && !x.Subscribed {
			t.Errorf("%v: %+v, listed %+v", asked[i].Path, m, x)
		}
	}
}

// streamKeepsOrder: batches behind one another, for several folders, arrive as
// batches one by one would, and answers come in order. One that is refused
// ends nothing.
func streamKeepsOrder(t *testing.T, f Fixture) {
	s := f.begin(t)
	streamer, ok := s.target.(mailsync.Streamer)
	if !ok {
		t.Skip("no streams")
	}
	folders := []mailsync.Folder{s.folder}
	for _, name := range []string{"Contrat 2", "Contrat 3"} {
		folder, err := s.target.Create(s.ctx, []string{name}, "")
		if err != nil {
			t.Fatal(err)
		}
		folders = append(folders, folder)
	}
	sent, uids := map[string][]string{}, map[string][]mailsync.UID{}
	batches := make([]*mailsync.Batch, 40)
	for n := range batches {
		to := folders[n%3]
		var bodies []string
		for i := range n % 4 {
			bodies = append(bodies, fmt.Sprintf("Subject: %d.%d\r\n\r\n%s", n, i, mail(n)))
		}
		if n == 17 {
			to = mailsync.Folder{Path: []string{"Fantome"}, Raw: "Fantome"}
		}
		sent[to.Raw] = append(sent[to.Raw], bodies...)
		batches[n] = &mailsync.Batch{To: to, Open: n/7%2 == 1 || n == 17, Next: batchOf(bodies...)}
	}
	answers, given := 0, 0
	err := streamer.AppendStream(s.ctx, func(wait bool) (*mailsync.Batch, bool) {
		if given == len(batches) {
			return nil, false
		}
		if given%5 == 4 && !wait {
			return nil, true
		}
		given++
		return batches[given-1], true
	}, func(a mailsync.Appended, err error) {
		if (err != nil) != (answers == 17) {
			t.Errorf("batch %d: %v", answers, err)
		}
		raw := batches[answers].To.Raw
		uids[raw] = append(uids[raw], a.UIDs...)
		answers++
	})
	if err != nil || answers != len(batches) {
		t.Fatalf("%d answers to %d batches, %v", answers, len(batches), err)
	}
	for _, folder := range folders {
		s.selectFolder(folder)
		there := s.uids()
		bodies, _ := s.bodies(there)
		var got []string
		for _, u := range there {
			got = append(got, bodies[u])
		}
		if d := cmp.Diff(sent[folder.Raw], got); d != "" {
			t.Fatalf("(-sent +stored):\n%.2000s", d)
		}
		if s.target.Accepts().UIDPlus && !slices.Equal(uids[folder.Raw], there) {
			t.Fatalf("answers named %v, there are %v", uids[folder.Raw], there)
		}
	}
}

// beginnings asks for less than some messages have, and more than others.
func beginnings(t *testing.T, f Fixture) {
	s := f.begin(t)
	source, ok := s.target.(mailsync.StartFetcher)
	if !ok {
		t.Skip("the store reads whole messages only")
	}
	long := mail(1) + strings.Repeat("line\r\n", 100)
	uids := s.append(long, mail(2)).UIDs
	if uids == nil {
		uids = s.uids()
	}
	whole, _ := s.bodies(uids)
	got := map[mailsync.UID]string{}
	missing, err := source.FetchStart(s.ctx, append(uids, uids[1]+1000), 300, func(m mailsync.Meta, _ int64, body io.Reader) error {
		b, err := io.ReadAll(body)
		got[m.UID] = string(b)
		return err
	})
	if err != nil || len(missing) != 1 || missing[0] != uids[1]+1000 {
		t.Fatalf("missing %v, error %v", missing, err)
	}
	for _, u := range uids {
		if want := whole[u][:min(300, len(whole[u]))]; got[u] != want {
			t.Errorf("message %d begins with %q, not %q", u, got[u], want)
		}
	}
}

// copiesWithin: the copies have the octets, dates and flags of their originals
// (RFC 3501 §6.4.7), are where the answer says, and what is not there is left out.
func copiesWithin(t *testing.T, f Fixture) {
	s := f.begin(t)
	c, ok := s.target.(mailsync.Copier)
	if !ok || !s.target.Accepts().UIDPlus {
		t.Skip("messages are not copied within")
	}
	to, err := s.target.Create(s.ctx, []string{"Été", "Copies"}, "")
	if err != nil {
		t.Fatal(err)
	}
	s.append(mail(1), mail(2), mail(3))
	s.selectFolder(s.folder)
	from := s.uids()
	done, err := c.CopyWithin(s.ctx, []mailsync.UID{from[2], from[0], from[2] + 1000}, to)
	if err != nil || len(done.UIDs) != 2 {
		t.Fatalf("%+v, %v", done, err)
	}
	if left := s.uids(); len(left) != 3 {
		t.Fatalf("the originals are %v", left)
	}
	s.selectFolder(to)
	if done.UIDValidity != s.status.UIDValidity {
		t.Fatalf("copied into UIDVALIDITY %d, the folder has %d", done.UIDValidity, s.status.UIDValidity)
	}
	bodies, _ := s.bodies(s.uids())
	want := map[mailsync.UID]string{done.UIDs[from[0]]: mail(1), done.UIDs[from[2]]: mail(3)}
	if d := cmp.Diff(want, bodies); d != "" {
		t.Fatalf("(-said +there):\n%.2000s", d)
	}
	for _, m := range s.scan(0) {
		if !m.Date.Equal(date) || !slices.Equal(m.Flags, []string{`\Answered`, `\Seen`}) {
			t.Errorf("message %d: %v %v", m.UID, m.Date, m.Flags)
		}
	}
	// A folder that is not there is a refusal, and the connection goes on.
	s.selectFolder(s.folder)
	if _, err := c.CopyWithin(s.ctx, from[:1], mailsync.Folder{Path: []string{"Fantome"}, Raw: "Fantome"}); err == nil {
		t.Fatal("copied into a folder that is not there")
	}
	if got := s.uids(); len(got) != 3 {
		t.Fatalf("the originals are %v", got)
	}
}

// removesFolder: an open folder with messages goes; its neighbours, and a
// folder that is not there, are no matter.
func removesFolder(t *testing.T, f Fixture) {
	s := f.begin(t)
	remover, ok := s.target.(mailsync.Remover)
	if !ok {
		t.Skip("folders are not removed")
	}
	other, err := s.target.Create(s.ctx, []string{"Contrat 2"}, "")
	if err != nil {
		t.Fatal(err)
	}
	s.append(mail(1), mail(2))
	s.selectFolder(s.folder)
	before := s.folders()
	for range 2 {
		if err := remover.RemoveFolder(s.ctx, s.folder); err != nil {
			t.Fatal(err)
		}
	}
	after := s.folders()
	delete(before, fmt.Sprint(s.folder.Path))
	if d := cmp.Diff(before, after); d != "" || len(after) == 0 {
		t.Fatalf("(-wanted +left):\n%s", d)
	}
	s.selectFolder(other) // the connection goes on
}

func (s *suite) folders() map[string]bool {
	s.t.Helper()
	l, err := s.target.List(s.ctx)
	if err != nil {
		s.t.Fatal(err)
	}
	out := map[string]bool{}
	for _, x := range l.Folders {
		out[fmt.Sprint(x.Path)] = true
	}
	return out
}
