package mailsync_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"bascule/mailsync"
	"bascule/mailsync/storetest"
)

func (w *world) verifyAs(depth mailsync.Depth, p mailsync.Personality) mailsync.Verification {
	w.t.Helper()
	v, err := mailsync.Verify(context.Background(), mailsync.VerifyOptions{OpenSource: w.source.OpenSource, OpenTarget: w.target.OpenSource,
		Ledger: w.ledger, Depth: depth, Personality: p, Now: day.AddDate(0, 0, 2)})
	if err != nil {
		w.t.Fatal(err)
	}
	return v
}

func kinds(list []mailsync.Exception) (out []string) {
	for _, x := range list {
		out = append(out, string(x.Kind)+": "+x.What)
	}
	return out
}

func TestVerifyJudgesByClass(t *testing.T) {
	for name, p := range altering() {
		t.Run(name, func(t *testing.T) {
			w := probed(t, p)
			w.fill()
			w.source.Put("Clients", odd(), day)
			w.complete()
			learnt := w.o.Personality
			for _, depth := range []mailsync.Depth{mailsync.Quick, mailsync.Full} {
				v := w.verifyAs(depth, learnt)
				if v.Err() != nil || v.Matched != 36 {
					t.Fatalf("%v: %+v", v.Err(), v)
				}
				if depth == mailsync.Full && !slices.ContainsFunc(v.Exceptions, func(x mailsync.Exception) bool {
					return x.Kind == mailsync.OctetsAltered && x.Count > 0 && len(x.Examples) > 0 && len(x.Examples) <= 10
				}) {
					t.Fatalf("nothing is named: %+v", v.Exceptions)
				}
			}
			exact := learnt
			exact.Class, exact.Source = mailsync.Exact, mailsync.Exact
			if v := w.verifyAs(mailsync.Full, exact); v.Err() == nil || v.Differences[0].Kind != mailsync.Altered {
				t.Fatalf("on an exact target: %+v", v.Differences)
			}
		})
	}
}

// TestVerifySeesWhatIsPlantedWhateverTheClass: no class excuses a lost, a
// doubled, an altered or a misplaced message.
func TestVerifySeesWhatIsPlantedWhateverTheClass(t *testing.T) {
	plants := map[string]struct {
		plant func(w *world, uid mailsync.UID)
		want  mailsync.Kind
	}{
		"lost":    {func(w *world, uid mailsync.UID) { w.target.Expunge("Clients", uid) }, mailsync.Missing},
		"altered": {func(w *world, uid mailsync.UID) { w.target.Alter("Clients", uid, "From: b@example.com\r\n\r\nother") }, mailsync.Altered},
		"one letter": {func(w *world, uid mailsync.UID) {
			w.target.Alter("Clients", uid, strings.Replace(stored(w.target, "Clients", uid), "lines", "limes", 1))
		}, mailsync.Altered},
		"misplaced": {func(w *world, uid mailsync.UID) { w.target.Move("Clients", uid, "Sent") }, mailsync.Misplaced},
		"doubled":   {func(w *world, uid mailsync.UID) { w.target.Put("Sent", stored(w.target, "Clients", uid), day) }, mailsync.Doubled},
	}
	for name, p := range altering() {
		for what, c := range plants {
			t.Run(name+", "+what, func(t *testing.T) {
				w := probed(t, p)
				w.fill()
				w.source.Put("Clients", odd(), day)
				w.complete()
				list := w.target.Snapshot()["Clients"]
				c.plant(w, list[len(list)-1].UID)
				v := w.verifyAs(mailsync.Full, w.o.Personality)
				if len(v.Differences) != 1 || v.Differences[0].Kind != c.want {
					t.Fatalf("%+v", v.Differences)
				}
			})
		}
	}
}

func stored(s *storetest.Server, folder string, uid mailsync.UID) string {
	list := s.Snapshot()[folder]
	return string(list[slices.IndexFunc(list, func(m storetest.Message) bool { return m.UID == uid })].Body)
}

func TestWhatATargetCannotHoldIsNamed(t *testing.T) {
	far := day.AddDate(3, 0, 0)
	long := strings.Repeat("k", 80)
	for name, c := range map[string]struct {
		p    storetest.Personality
		want []string
	}{
		"a future date": {storetest.Personality{FutureIsNow: true, Now: day.AddDate(0, 0, 1)}, []string{"date not kept: in the future"}},
		"keywords":      {storetest.Personality{FixedKeywords: []string{"$Forwarded"}}, []string{"flag not kept: " + long, "flag not kept: projet"}},
		"line ends":     {storetest.Personality{EatCR: true}, []string{"octets altered: line ends"}},
		"flagged":       {storetest.Personality{DropFlagged: true}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			w := probed(t, c.p)
			w.source.Put("INBOX", body(1), far)
			w.source.Put("INBOX", body(2), day, `\Flagged`, "projet", "$Forwarded", long)
			w.source.Put("INBOX", odd(), day)
			r := w.complete()
			if got := kinds(r.Exceptions); !slices.Equal(got, c.want) {
				t.Fatalf("the pass names %v", r.Exceptions)
			}
			v := w.verifyAs(mailsync.Full, w.o.Personality)
			if got := kinds(v.Exceptions); v.Err() != nil || !slices.Equal(got, c.want) || v.Matched != 3 {
				t.Fatalf("verify names %v, %v", got, v.Err())
			}
			if len(c.want) > 0 {
				if v := w.verifyAs(mailsync.Full, mailsync.Personality{}); v.Err() == nil {
					t.Fatal("what no probe has shown was excused")
				}
			}
		})
	}
}

func TestADateThatIsWrongForAnotherReasonIsADifference(t *testing.T) {
	w := probed(t, storetest.Personality{FutureIsNow: true, Now: day.AddDate(0, 0, 1)})
	w.source.Put("INBOX", body(1), day)
	w.complete()
	w.source.P.Now = time.Time{}
	m := w.target.Snapshot()["INBOX"][0]
	w.target.Expunge("INBOX", m.UID)
	moved := w.target.Put("INBOX", string(m.Body), day.AddDate(0, -1, 0))
	pairs, err := w.ledger.Pairs(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	var row mailsync.Row
	for _, p := range pairs {
		if err := w.ledger.Rows(context.Background(), p.ID, func(r mailsync.Row) error { row = r; return nil }); err != nil {
			t.Fatal(err)
		}
	}
	row.TargetUID = moved
	if err := w.ledger.Commit(context.Background(), mailsync.Change{Rows: []*mailsync.Row{&row}}); err != nil {
		t.Fatal(err)
	}
	if v := w.verifyAs(mailsync.Full, w.o.Personality); len(v.Differences) != 1 || v.Differences[0].Kind != mailsync.DateDiffers {
		t.Fatalf("%+v", v)
	}
}
