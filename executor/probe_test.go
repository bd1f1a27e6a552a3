package executor

import (
	"slices"
	"strings"
	"testing"

	"bascule/mailsync/storetest"
	"bascule/migration"
	"bascule/state"
)

func TestPrepareProbesTheTarget(t *testing.T) {
	w := company(t)
	w.targets[alice] = storetest.New(storetest.Personality{EatCR: true, FixedKeywords: []string{"$Forwarded"}})
	w.sources[alice].Put("INBOX", "Subject: x\r\n\r\na\r\r\nb\r\n", monday.AddDate(0, 0, -9), "projet")
	w.run(func(e *Executor) { e.Until = migration.Prepare })
	p := w.state().MailboxOf(alice).Personality
	if p == nil || p.Class != "normalised" || !slices.Equal(p.Alters, []string{"line ends"}) || p.Keywords != "not kept" || p.Source != "exact" {
		t.Fatalf("%+v", p)
	}
	if folders := w.targets[alice].Snapshot(); len(folders) != 1 {
		t.Fatalf("the scratch folder stayed: %v", folders)
	}
	w.run()
	box := w.state().MailboxOf(alice)
	if len(box.Exceptions) != 2 || box.Exceptions[0].Examples == nil || box.Pass == nil || !box.Pass.Complete {
		t.Fatalf("%+v", box.Exceptions)
	}
	if e := w.state().Object(alice).Evidence["messages"]; e.Verdict != state.Passed || !strings.Contains(e.Summary, "octets altered (line ends): 1") {
		t.Fatalf("%+v", w.state().Object(alice).Evidence)
	}
	if e := w.state().Object(alice).Evidence["flags"]; e.Verdict != state.Passed || !strings.Contains(e.Summary, "projet") {
		t.Fatalf("%+v", w.state().Object(alice).Evidence)
	}
}

func TestOneAccountOnBothSidesIsRefused(t *testing.T) {
	w := company(t)
	w.targets[alice] = w.sources[alice]
	before := len(w.sources[alice].Snapshot()["INBOX"])
	w.run()
	o := w.state().Object(alice)
	if o.Failure == nil || !strings.Contains(o.Failure.Text, "same") {
		t.Fatalf("failure: %+v", o.Failure)
	}
	if o.Mailbox != nil && o.Mailbox.Pass != nil || len(w.sources[alice].Snapshot()["INBOX"]) != before || len(w.sources[alice].Snapshot()) != 1 {
		t.Fatal("mail was copied onto itself")
	}
	if _, done := w.state().DoneAt(bob, "probe"); !done {
		t.Error("one bad mailbox held another")
	}
}

func TestSimilarMessagesWaitForAWord(t *testing.T) {
	w := company(t)
	odd := "Subject: x\r\n\r\na\r\r\nb\r\n"
	w.sources[alice].Put("INBOX", odd, monday.AddDate(0, 0, -9))
	w.targets[alice].Put("INBOX", strings.ReplaceAll(odd, "\r\r", "\r"), monday.AddDate(0, 0, -9))
	w.run()
	if got := w.state().MailboxOf(alice).Similar; len(got) != 1 || got[0].Messages != 1 {
		t.Fatalf("%+v", got)
	}
	w.desired.Mailboxes[0].Target.OnSimilar = "adopt"
	w.clock.Set(w.clock.Now().Add(w.desired.Settings.Sync.Every))
	w.run()
	if got := w.state().MailboxOf(alice); len(got.Similar) != 0 || !got.Pass.Complete || len(w.targets[alice].Snapshot()["INBOX"]) != 4 {
		t.Fatalf("%+v, %d messages", got, len(w.targets[alice].Snapshot()["INBOX"]))
	}
}
