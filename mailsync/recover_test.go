package mailsync_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"bascule/mailsync"
	"bascule/mailsync/storetest"
)

const nameless = "From: a@example.com\r\n\r\nno name\r\n"

// killed runs a pass that dies once the target has taken a batch, or just
// before it is sent.
func (w *world) killed(point string) {
	w.t.Helper()
	before := w.o.Tap
	defer func() {
		w.o.Tap = before
		if v := recover(); v != errKilled {
			w.t.Fatalf("the pass was not killed: %v", v)
		}
	}()
	w.o.Tap = func(at string) {
		if at == point {
			panic(errKilled)
		}
	}
	w.pass()
}

// inDoubt lists the messages that are neither claimed nor sent again.
func (w *world) inDoubt() (out []string) {
	w.t.Helper()
	err := mailsync.RefusedIn(w.t.Context(), w.ledger, func(m mailsync.RefusedMessage) error {
		if m.Reason == mailsync.InDoubt {
			out = append(out, m.Name())
		}
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

// reasons are those of all rows.
func (w *world) reasons() (out []string) {
	w.t.Helper()
	pairs, err := w.ledger.Pairs(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	for _, p := range pairs {
		if err := w.ledger.Rows(w.t.Context(), p.ID, func(r mailsync.Row) error { out = append(out, r.Reason); return nil }); err != nil {
			w.t.Fatal(err)
		}
	}
	return out
}

func altered(r mailsync.Report) (n int) {
	for _, x := range r.Exceptions {
		if x.Kind == mailsync.OctetsAltered {
			n += x.Count
		}
	}
	return n
}

// TestWhatNobodyProbedIsRecognised after an interruption, in what it is and not
// in what it became; the exception is counted once.
func TestWhatNobodyProbedIsRecognised(t *testing.T) {
	for name, p := range map[string]storetest.Personality{
		"fields are added":                    {Alter: put("X-UID: 7\r\n")},
		"octets are replaced":                 {Alter: blot},
		"octets are replaced, no UIDs":        {Alter: blot, NoUIDPlus: true},
		"fields are added, single appends":    {Alter: put("X-UID: 7\r\n"), SingleAppend: true},
		"fields are added, no UIDs, plain":    {Alter: put("X-UID: 7\r\n"), NoUIDPlus: true, Plain: true},
		"octets are replaced, dates are lost": {Alter: blot, FutureIsNow: true, Now: day.Add(-time.Hour)},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, p)
			w.fillNamed()
			w.killed("after APPEND")
			if total(w.target) == 0 {
				t.Fatal("nothing had arrived")
			}
			r := w.complete()
			if total(w.target) != 22 || r.Totals[mailsync.Copied] != 22 || len(w.inDoubt()) > 0 {
				t.Fatalf("%d on the target, %v, in doubt %v", total(w.target), r.Totals, w.inDoubt())
			}
			if !slices.ContainsFunc(w.reasons(), func(why string) bool { return strings.Contains(why, "known by date, size or Message-ID") }) {
				t.Error("the ledger does not say how they were known")
			}
			if n := altered(r); n == 0 || n > 22 || n != r.Altered {
				t.Errorf("%d exceptions, %d altered: %+v", n, r.Altered, r.Exceptions)
			}
			w.quiet()
		})
	}
}

// TestWhatIsRecognisedIsOurs: a mirror takes it away when the source does.
func TestWhatIsRecognisedIsOurs(t *testing.T) {
	w := newWorld(t, storetest.Personality{Alter: blot})
	w.o.Connections = 1
	for i := range 6 {
		w.source.Put("INBOX", body(i), day)
	}
	w.source.Put("Sent", body(9), day)
	w.killed("after APPEND")
	if len(w.target.Snapshot()["INBOX"]) != 6 {
		t.Fatal("nothing had arrived")
	}
	w.target.Put("INBOX", blotted("<another@example.com>"), day) // a person's, with the date of ours
	w.complete()
	for _, m := range w.source.Snapshot()["INBOX"] {
		w.source.Expunge("INBOX", m.UID)
	}
	w.complete()
	w.complete()
	if got := w.target.Snapshot()["INBOX"]; len(got) != 1 || string(got[0].Body) != blotted("<another@example.com>") {
		t.Fatalf("%d messages stay", len(got))
	}
}

func blotted(id string) string { return "From: X@example.com\r\nMessage-ID: " + id + "\r\n\r\n\r\n" }

// TestInDoubtNothingIsClaimedAndNothingSent until a person says so; a wish
// from before the doubt is none.
func TestInDoubtNothingIsClaimedAndNothingSent(t *testing.T) {
	for _, noUIDs := range []bool{false, true} {
		w := newWorld(t, storetest.Personality{Alter: put("X-UID: 7\r\n"), NoUIDPlus: noUIDs})
		w.source.Put("INBOX", nameless, day)
		w.source.Put("INBOX", body(1), day)
		w.killed("after APPEND")
		w.o.RetryRejected = true
		r := w.pass()
		if total(w.target) != 2 || len(r.Failures) != 1 || r.Failures[0].UID != 1 || r.Failures[0].Text != mailsync.InDoubt || r.Complete {
			t.Fatalf("%d on the target, %+v", total(w.target), r.Failures)
		}
		if r.Totals[mailsync.Rejected] != 1 || r.Totals[mailsync.Copied] != 1 || len(w.inDoubt()) != 1 {
			t.Fatal(r.Totals, w.inDoubt())
		}
		w.o.RetryRejected = false
		w.quiet()
		w.o.RetryRejected = true
		w.complete()
		if total(w.target) != 3 || len(w.inDoubt()) > 0 {
			t.Fatalf("%d on the target, in doubt %v", total(w.target), w.inDoubt())
		}
		w.quiet()
	}
}

// TestWithoutUIDsWhatWasAcceptedIsKnownByItsPlace, unless something else came
// with it: then it is not sent again by the pass that sent it, nor later.
func TestWithoutUIDsWhatWasAcceptedIsKnownByItsPlace(t *testing.T) {
	for _, alone := range []bool{true, false} {
		w := newWorld(t, storetest.Personality{Alter: put("X-UID: 7\r\n"), NoUIDPlus: true})
		w.source.Put("INBOX", body(1), day)
		w.source.Put("INBOX", nameless, day)
		w.o.Tap = func(at string) {
			if at == "after APPEND" && !alone {
				w.target.Put("INBOX", "another", day)
			}
		}
		r := w.pass()
		w.o.Tap = nil
		switch doubts := len(w.inDoubt()); {
		case len(r.Warnings) > 0 || r.Complete != alone:
			t.Fatalf("alone %v: %+v", alone, r)
		case alone && (doubts != 0 || total(w.target) != 2 || r.Totals[mailsync.Copied] != 2):
			t.Fatalf("%d on the target, %v", total(w.target), r.Totals)
		case !alone && (doubts != 1 || total(w.target) != 3 || r.Totals[mailsync.Copied] != 1):
			t.Fatalf("%d on the target, %v", total(w.target), r.Totals)
		}
		if pairs, err := w.ledger.Pairs(t.Context()); err != nil || pairs[0].Pending != 0 {
			t.Fatalf("%+v, %v", pairs, err)
		}
		w.quiet()
	}
}

// TestARefusalPutsNothingElseInDoubt: what a batch has besides what was
// accepted is sent again, and was not sent yet.
func TestARefusalPutsNothingElseInDoubt(t *testing.T) {
	p := storetest.Personality{Alter: put("X-UID: 7\r\n"), NoUIDPlus: true, SingleAppend: true, Refuse: refuseMarked}
	w := newWorld(t, p)
	for _, text := range []string{nameless, "virus", nameless + "more\r\n"} {
		w.source.Put("INBOX", text, day)
	}
	r := w.pass()
	if total(w.target) != 2 || r.Totals[mailsync.Copied] != 2 || r.Totals[mailsync.Rejected] != 1 || len(w.inDoubt()) > 0 {
		t.Fatalf("%d on the target, %v, in doubt %v", total(w.target), r.Totals, w.inDoubt())
	}
	w.quiet()
}

// TestStrangersAreNotClaimed: what arrived in the meantime and is not what was
// announced stays somebody's, and ours is sent.
func TestStrangersAreNotClaimed(t *testing.T) {
	for name, stranger := range map[string]string{
		"another Message-ID": strings.Replace(body(1), "<1@", "<2@", 1),
		"delivered by a server": "Received: from far.example by mx.new.example; Mon, 4 Jan 2027 11:00:05 +0000\r\n" +
			"From: a@example.com\r\nMessage-ID: <1@example.com>\r\n\r\nanother\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, storetest.Personality{Alter: blot})
			w.source.Put("INBOX", body(1), day)
			w.source.Put("Sent", body(9), day)
			w.killed("before APPEND")
			w.target.Put("INBOX", stranger, day)
			w.complete()
			if total(w.target) != 3 {
				t.Fatalf("%d on the target", total(w.target))
			}
			w.source.Expunge("INBOX", 1)
			w.complete()
			if got := w.target.Snapshot()["INBOX"]; len(got) != 1 || string(got[0].Body) != stranger {
				t.Fatalf("%d messages stay", len(got))
			}
		})
	}
}

// TestWhatVanishedIsNotTakenForWhatStays: the target has the copy of a message
// that is no longer on the source, and not of the one that is like it.
func TestWhatVanishedIsNotTakenForWhatStays(t *testing.T) {
	for name, texts := range map[string][2]string{
		"no Message-ID":       {nameless, strings.Replace(nameless, "no", "my", 1)},
		"the same Message-ID": {body(1), "List-Id: <l>\r\n" + body(1)},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, storetest.Personality{})
			gone := w.source.Put("INBOX", texts[0], day)
			w.source.Put("INBOX", texts[1], day)
			w.killed("before APPEND")
			w.target.Put("INBOX", texts[0], day) // so far it had come
			w.source.Expunge("INBOX", gone)
			w.pass()
			if sent := count(w.target, "INBOX", texts[1]) == 1; sent == (len(w.inDoubt()) > 0) || !sent && name == "no Message-ID" {
				t.Fatalf("sent %v, in doubt %v", sent, w.inDoubt())
			}
		})
	}
}

// TestWhatTheTargetWithholdsIsOurs: listed, and never delivered.
func TestWhatTheTargetWithholdsIsOurs(t *testing.T) {
	w := newWorld(t, storetest.Personality{})
	w.fillNamed()
	w.killed("after APPEND")
	for folder, list := range w.target.Snapshot() {
		for _, m := range list {
			if m.UID%2 == 0 {
				w.target.Spoil(folder, m.UID)
			}
		}
	}
	r := w.pass()
	if n := total(w.target); n != 22 || r.Totals[mailsync.Copied] != 22 || altered(r) == 0 {
		t.Fatalf("%d on the target, %v, %+v", n, r.Totals, r.Exceptions)
	}
}

// TestTheForwardDecidesWhatItBrought, not an interrupted batch of the same message.
func TestTheForwardDecidesWhatItBrought(t *testing.T) {
	w := forwarding(t)
	early := forwardNoon.Add(-time.Hour)
	before := len(w.target.Snapshot()["INBOX"])
	w.source.Put("INBOX", arrived(1, "A"), early)
	w.killed("before APPEND")
	w.target.Put("INBOX", forwarded(1, "A"), early)
	r := w.complete()
	if got := len(w.target.Snapshot()["INBOX"]); got != before+1 || r.Totals[mailsync.Delivered] != 1 {
		t.Fatalf("%d messages, had %d: %v", got, before, r.Totals)
	}
}

// TestAnInterruptedMoveIsRecognised though the copy has other octets.
func TestAnInterruptedMoveIsRecognised(t *testing.T) {
	w := newWorld(t, storetest.Personality{Alter: blot})
	w.fillNamed()
	uid := w.source.Put("INBOX", arrived(7, "A"), day)
	w.complete()
	w.source.Move("INBOX", uid, "Clients")
	w.killed("after MOVE")
	w.complete()
	if n := total(w.target); n != 23 {
		t.Fatalf("%d on the target", n)
	}
	if !slices.ContainsFunc(w.target.Snapshot()["Clients"], func(m storetest.Message) bool { return strings.Contains(string(m.Body), "<7@") }) {
		t.Fatal("not where it was moved to")
	}
	w.quiet()
}
