package executor

import (
	"fmt"
	"testing"
	"time"

	"bascule/mailsync"
	"bascule/state"
)

func TestSendersOfLateMailAreKept(t *testing.T) {
	at := func(h int) time.Time { return saturday.Add(time.Duration(h) * time.Hour) }
	look := func(h, came int, senders ...string) seen {
		r := seen{Report: mailsync.Report{Looked: at(h), LastArrival: at(came)}, late: true}
		for _, s := range senders {
			r.arrivals = append(r.arrivals, mailsync.Arrival{Sender: s, Date: at(came)})
		}
		return r
	}
	var s state.Silence
	for _, r := range []seen{look(10, 1), look(11, 1), look(12, 11, "a@x", "b@x", "a@x"), look(13, 11), look(14, 13, "b@x", "")} {
		listen(&s, r, r.Looked)
	}
	if s.Quiet != 0 || s.Covered != 4*time.Hour || len(s.Senders) != 3 {
		t.Fatalf("%+v", s)
	}
	for i, want := range []state.Sender{{Address: "a@x", Messages: 2, Last: at(11), Quiet: 2 * time.Hour}, {Address: "b@x", Messages: 2, Last: at(13)}, {Messages: 1, Last: at(13)}} {
		if s.Senders[i] != want {
			t.Errorf("%+v, want %+v", s.Senders[i], want)
		}
	}
	for i := range 2 * maxSenders {
		heard(&s, mailsync.Arrival{Sender: fmt.Sprintf("%d@x", i)})
	}
	if len(s.Senders) > maxSenders+1 || s.Senders[2].Messages < maxSenders {
		t.Errorf("%d senders, %d without a name", len(s.Senders), s.Senders[2].Messages)
	}
}

func TestARefusedMessageCountsOnce(t *testing.T) {
	r := seen{Report: mailsync.Report{Totals: map[mailsync.Outcome]int{mailsync.Rejected: 2}, Failures: []mailsync.Failure{
		{Folder: []string{"INBOX"}, UID: 4}, {Folder: []string{"Clients"}}, {Folder: []string{"INBOX"}, UID: 9},
	}}, refused: []state.Refused{{Folder: "INBOX", UID: 4}, {Folder: "INBOX", UID: 3}}}
	if got := r.open(); got != 4 {
		t.Errorf("%d open, want two refused, a folder and another message", got)
	}
}

func TestASafetyLimitThatHeldEndsWithSeven(t *testing.T) {
	s, held := sparedBy(job{}, mailsync.Report{Refusal: "30 messages vanished", Spared: 30, SparedFirst: make([]mailsync.Failure, 30)})
	if !held || s.Count != 30 || len(s.Items) != maxSpared {
		t.Fatalf("%+v", s)
	}
	r := Result{Spared: []Spared{s}, Failed: []string{"mailbox.alice/sync"}}
	if r.conclude(nil, nil); r.ExitCode != ExitEvidence || len(r.Refusal) != 1 {
		t.Errorf("%+v", r)
	}
	r = Result{Refused: []string{"mailbox.alice: the target refused 1 messages"}}
	if r.conclude(nil, nil); r.ExitCode != ExitPartial {
		t.Errorf("%+v", r)
	}
}
