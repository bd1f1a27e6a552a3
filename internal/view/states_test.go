package view_test

import (
	"encoding/json"
	"fmt"
	"time"

	"bascule/migration"
	"bascule/state"
)

func passed(at time.Time, summary string) state.Evidence {
	return state.Evidence{At: at, Verdict: state.Passed, Summary: summary}
}

// someState is a migration on its way, with every kind of trouble.
func someState() *state.State {
	st := state.New("0d6c-lineage", "0.1.0", now)
	st.Serial, st.Revision = 41, 12
	st.Hold = &state.Hold{Since: day(5, 8, 0), By: "marc@office", Reason: "the invoices go out today " + hostile}
	st.InFlight = []state.Mark{{Key: "domain.main/mx.ttl", At: day(5, 9, 0)}}
	st.Executions = []state.Execution{
		{PlanID: "sha256:9c1e03ab44de0011", Began: day(4, 9, 0), Ended: day(4, 9, 20), Who: "ci@runner", From: 3, To: 11, ExitCode: 0},
		{PlanID: "sha256:9c1e03ab44de0011", Began: day(5, 7, 0), Who: "ci@runner", From: 11, To: 11},
		{PlanID: "sha256:9c1e03ab44de0011", Began: day(5, 9, 4), Ended: day(5, 9, 8), Who: hostile, From: 11, To: 12, ExitCode: 9},
	}
	alice := st.MailboxOf(mailbox("alice"))
	alice.Source = &state.Pin{At: day(1, 9, 0), Endpoint: "imap.old-host.example:993"}
	alice.Target = &state.Pin{At: day(1, 9, 0), Endpoint: "imap.new-host.example:993"}
	alice.Totals = state.Totals{Source: 48214, Target: 48211, Bytes: 9_123_456_789, ByOutcome: map[string]int64{"copied": 48209, "adopted": 2}}
	alice.Pass = &state.Pass{Started: day(5, 9, 5), Ended: day(5, 9, 7), Complete: true, Open: 3, LastComplete: day(5, 9, 7)}
	alice.Refused = []state.Refused{{Folder: hostile, UID: 77, Reason: "552 5.3.4 message too big"}}
	alice.Silence = state.Silence{LastLook: day(5, 9, 7), Quiet: 26*time.Hour + 5*time.Minute}
	o := st.Object(mailbox("alice"))
	o.Done = map[string]state.Done{
		"create": {At: day(1, 9, 0), Before: json.RawMessage(`null`), After: json.RawMessage(`{"login":"alice@example.ch"}`)},
		"pin":    {At: day(1, 9, 1)},
	}
	o.Evidence = map[string]state.Evidence{
		"messages": {At: day(5, 9, 8), Verdict: state.Failed, Summary: "3 of 48214 messages are missing", Items: []string{"INBOX UID 7 " + hostile, "Sent UID 9"}},
		"flags":    passed(day(5, 9, 8), "48,211 messages have the same flags"), "dates": passed(day(5, 9, 8), "48,211 dates are the same"),
	}
	bob := st.MailboxOf(mailbox("bob"))
	bob.Totals = state.Totals{Source: 12, Target: 4, Bytes: 900}
	bob.Pass = &state.Pass{Started: day(5, 9, 5), Ended: day(5, 9, 6)}
	st.Object(mailbox("bob")).Failure = &state.Failure{At: day(5, 9, 6), Step: "sync", Text: "LOGIN: NO [AUTHENTICATIONFAILED] " + hostile, Temporary: true}
	bob.Silence.LastLook, bob.Pass.Behind = day(5, 9, 6), 2
	carol := st.MailboxOf(mailbox("carol"))
	carol.Paused = &state.Pause{Since: day(5, 9, 0), Until: day(5, 23, 30), Why: "server asked", Words: "NO Request is throttled. " + hostile}
	st.Object("domain.main").Evidence = map[string]state.Evidence{
		"rcpt": {At: day(5, 8, 0), Verdict: state.Inconclusive, Summary: "port 25 is closed from here"},
		"spf":  passed(day(5, 8, 0), "one record, 4 lookups"),
	}
	st.Object("domain.main").Done = map[string]state.Done{"mx.ttl": {At: day(3, 9, 0), Before: json.RawMessage(`{"ttl":86400}`)}}
	return st
}

func manyMailboxes() *state.State {
	st := someState()
	for i := range 200 {
		b := st.MailboxOf(mailbox(fmt.Sprintf("person%03d", i)))
		b.Totals = state.Totals{Source: 1000, Target: 1000}
		b.Pass = &state.Pass{Ended: day(5, 9, 0), Complete: true}
	}
	return st
}

func outputs() []migration.Output {
	return []migration.Output{
		{Name: "mx", Value: `["5 mx.new-host.example."]`}, {Name: "name", Value: `"example.ch"`}, {Name: "count", Value: `3`},
		{Name: "password", Value: `"never shown"`, Sensitive: true}, {Name: "later", Unknown: true}, {Name: "broken", Value: hostile},
	}
}
