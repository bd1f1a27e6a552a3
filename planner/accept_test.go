package planner

import (
	"strings"
	"testing"
	"time"

	"bascule/migration"
	"bascule/state"
)

var acceptNow = time.Date(2027, 3, 20, 8, 0, 0, 0, time.UTC)

const anna = migration.Address("mailbox.anna")

// refusing is a migration in which two messages of anna were refused.
func refusing(accepts ...migration.Accept) Input {
	in := Input{Desired: &migration.Desired{Mailboxes: []migration.Mailbox{{Address: anna}}, Accepts: accepts}, State: state.New("l", "t", acceptNow), Now: acceptNow}
	b := in.State.MailboxOf(anna)
	b.Pass = &state.Pass{Complete: true, Open: 2, LastComplete: acceptNow}
	b.Refused = []state.Refused{
		{Name: "INBOX 9/4", Digest: strings.Repeat("ab", 32), Reason: "too large"},
		{Name: `Odd "${x} 9/1`, Reason: "a virus"},
	}
	return in
}

func message(name string) migration.Accept {
	return migration.Accept{Address: "accept.x", Check: "messages", Mailbox: anna, Message: name, Reason: "r"}
}

func TestRefusedMessagesAreAcceptedOneByOne(t *testing.T) {
	over := message("INBOX 9/4")
	over.Until = acceptNow
	other := message("INBOX 9/4")
	other.Mailbox = "mailbox.bea"
	for name, tt := range map[string]struct {
		accepts []migration.Accept
		open    int
	}{
		"nobody accepts":           {nil, 2},
		"one by its name":          {[]migration.Accept{message("INBOX 9/4")}, 1},
		"one by its digest":        {[]migration.Accept{message("sha256:abababababab")}, 1},
		"both":                     {[]migration.Accept{message("INBOX 9/4"), message(`Odd "${x} 9/1`)}, 0},
		"twice the same":           {[]migration.Accept{message("INBOX 9/4"), message("sha256:abababababab")}, 1},
		"a name with a mistake":    {[]migration.Accept{message("INBOX 9/5")}, 2},
		"of another mailbox":       {[]migration.Accept{other}, 2},
		"until now":                {[]migration.Accept{over}, 2},
		"no digest was ever taken": {[]migration.Accept{message("sha256:" + strings.Repeat("00", 32))}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			in := refusing(tt.accepts...)
			e := state.Evidence{Verdict: state.Failed, Counts: map[string]int64{"differences": 2, "refused": 2}}
			if in.open(anna) != tt.open || Settled(in, anna, "messages", e) != (tt.open == 0) || len(in.refusedItems(anna)) != tt.open {
				t.Errorf("%d open, settled %v, %v", in.open(anna), Settled(in, anna, "messages", e), in.refusedItems(anna))
			}
			if synced(in, in.Desired.Mailboxes[0]) != (tt.open == 0) || (len(Unaccepted(in)) == 0) != (tt.open == 0) {
				t.Errorf("synced %v, %v", synced(in, in.Desired.Mailboxes[0]), Unaccepted(in))
			}
			e.Counts["differences"] = 3
			if Settled(in, anna, "messages", e) {
				t.Error("another difference is accepted along with the refused ones")
			}
		})
	}
}

func TestTheLineToCopyIsWhatTheConfigurationWants(t *testing.T) {
	items := strings.Join(refusing().refusedItems(anna), "\n")
	for _, want := range []string{`message = "INBOX 9/4"`, `message = "Odd \"$${x} 9/1"`, "too large"} {
		if !strings.Contains(items, want) {
			t.Errorf("%s is not in:\n%s", want, items)
		}
	}
}

func TestAnAcceptThatNamesNothingIsToldWhatThereIs(t *testing.T) {
	if got := idleAccepts(refusing(message("INBOX 9/4"))); len(got) > 0 {
		t.Errorf("%v", got)
	}
	got := idleAccepts(refusing(message("INBOX 9/5")))
	if len(got) != 1 || got.HasErrors() || got[0].Address != "accept.x" || !strings.Contains(got[0].Detail, `Refused there: "INBOX 9/4"`) {
		t.Errorf("%+v", got)
	}
}

func TestSendersAreAcceptedOneByOne(t *testing.T) {
	sender := func(name string) migration.Accept {
		return migration.Accept{Address: "accept.s", Check: "silence", Sender: name, Reason: "r"}
	}
	for name, tt := range map[string]struct {
		accepts []migration.Accept
		quiet   time.Duration
	}{
		"nobody is accepted":             {nil, time.Hour},
		"the last who wrote":             {[]migration.Accept{sender("scanner@office.example")}, 5 * time.Hour},
		"both by name":                   {[]migration.Accept{sender("scanner@office.example"), sender("list@news.example")}, 9 * time.Hour},
		"a domain":                       {[]migration.Accept{sender("@office.example"), sender("@news.example")}, 9 * time.Hour},
		"a domain that ends alike":       {[]migration.Accept{sender("@fice.example")}, time.Hour},
		"somebody who has never written": {[]migration.Accept{sender("x@example.org")}, time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			in := refusing(tt.accepts...)
			in.State.MailboxOf(anna).Silence = state.Silence{Quiet: time.Hour, Covered: 9 * time.Hour, Senders: []state.Sender{
				{Address: "list@news.example", Quiet: 5 * time.Hour, Messages: 2}, {Address: "scanner@office.example", Quiet: time.Hour, Messages: 1},
			}}
			if got := quietOf(in, in.Desired.Mailboxes[0]); got != tt.quiet {
				t.Errorf("quiet for %s, want %s", got, tt.quiet)
			}
			in.State.MailboxOf(anna).Silence.Senders = append(in.State.MailboxOf(anna).Silence.Senders, state.Sender{Quiet: 0})
			if got := quietOf(in, in.Desired.Mailboxes[0]); got > time.Hour {
				t.Errorf("somebody who cannot be named was accepted: quiet for %s", got)
			}
		})
	}
}
