package executor

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode"

	"bascule/migration"
	"bascule/state"
)

const hostile = "x\x1b[2J\r\n\u202eevil\u0085\x00"

func TestTheTextOfAProofHoldsNoControlCharacter(t *testing.T) {
	p := Proof{
		Migration: hostile, Lineage: hostile, Totals: map[string]int64{}, Plaintext: []migration.Address{hostile},
		Accepted: []migration.Accept{{Address: hostile, Check: hostile, Mailbox: hostile, Record: hostile, Sender: hostile, Reason: hostile}},
		Ignored:  []migration.Ignore{{Address: hostile, Emails: []string{hostile}, Reason: hostile}},
		Timeline: []state.Event{{Name: hostile, Address: hostile, Text: hostile}},
		Domains:  []ProofDomain{{Name: hostile, MXBefore: []string{hostile}, MXAfter: []string{hostile}}},
		Mailboxes: []ProofMailbox{{
			Email: hostile, Outcomes: map[string]int64{hostile: 1}, Refused: []ProofRefused{{Refused: state.Refused{Name: hostile, Folder: hostile, Reason: hostile}, Because: hostile}},
			Evidence: []ProofCheck{{Check: hostile, Verdict: state.Failed, Summary: hostile, Items: []string{hostile}}},
		}},
	}
	text := p.Text()
	for i, r := range text {
		if r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r)) {
			t.Fatalf("%q at %d: %q", r, i, text[max(0, i-40):i+1])
		}
	}
	if strings.Contains(text, "\nevil") {
		t.Error("a name began a line")
	}
}

func TestAProofSaysWhatWasMovedAndWhatWasNot(t *testing.T) {
	w := company(t)
	w.desired.Accepts = []migration.Accept{{Address: "accept.one", Check: "dates", Mailbox: bob, Reason: "old server"}}
	w.desired.Sources[0].Endpoint.AllowPlaintext = true
	st := w.state()
	st.AddEvent(monday, "mx_added", dom, "there")
	st.MailboxOf(alice).Totals = state.Totals{Source: 5, ByOutcome: map[string]int64{"copied": 4, "rejected": 1}}
	st.MailboxOf(alice).Refused = []state.Refused{{Name: "INBOX 9/4", Folder: "INBOX", UID: 4, Reason: "too large"}}
	st.Object(alice).Evidence = map[string]state.Evidence{
		"messages": {Verdict: state.Passed}, "dates": {Verdict: state.Failed, Items: []string{"INBOX UID 3"}},
	}
	before, _ := json.Marshal(set("MX", 86400, "10 mx.old.example."))
	st.Object(dom).Done = map[string]state.Done{"mx.ttl": {Before: before}, "inbound": {At: saturday}}
	in, _, _ := w.look(t.Context(), st)
	p := proofOf(in, saturday)
	if p.Totals["messages"] != 5 || p.Totals["copied"] != 4 || p.Totals["rejected"] != 1 {
		t.Errorf("totals %v", p.Totals)
	}
	if d := p.Domains[0]; len(d.MXBefore) != 1 || d.MXBefore[0] != "10 mx.old.example." || !strings.Contains(d.Inbound, "closed") {
		t.Errorf("domain %+v", d)
	}
	if got := p.Mailboxes[0].Evidence; len(got) != 2 || got[0].Check != "dates" {
		t.Errorf("evidence %+v", got)
	}
	for _, want := range []string{"2 mailboxes, 5 messages on the source, 1 checks with differences", "not carried: INBOX 9/4 (0001-01-01, 0 octets): too large; accepted by nobody", "accept.one: dates", "source.imap.old: spoken to without TLS", "mx_added"} {
		if !strings.Contains(p.Text(), want) {
			t.Errorf("no %q in:\n%s", want, p.Text())
		}
	}
	delete(st.Object(dom).Done, "inbound")
	if d := proofDomain(in, in.Desired.Domains[0]); !strings.Contains(d.Inbound, "still accepts") {
		t.Errorf("an old side that was not closed: %q", d.Inbound)
	}
}
