package view_test

import (
	"fmt"
	"strings"
	"time"

	"bascule/migration"
	"bascule/planner"
)

// hostile is what a server may call a folder.
const hostile = "Sent\x1b[2J\x1b]0;owned\x07 \u202egnp.exe\r\n\u009b31m\xff"

func day(d, hour, minute int) time.Time { return time.Date(2027, 3, d, hour, minute, 0, 0, time.UTC) }

func numbered(steps []planner.Step) []planner.Step {
	for i := range steps {
		steps[i].ID = fmt.Sprintf("s%02d", i+1)
	}
	return steps
}

func mailbox(name string) migration.Address {
	return migration.Address(fmt.Sprintf("mailbox.team[%q]", name))
}

func phases(current migration.Phase, status, text string) []planner.PhaseStatus {
	var out []planner.PhaseStatus
	for _, p := range migration.Phases() {
		switch {
		case p < current:
			out = append(out, planner.PhaseStatus{Phase: p, Status: "done"})
		case p == current:
			out = append(out, planner.PhaseStatus{Phase: p, Status: status, Text: text})
		default:
			out = append(out, planner.PhaseStatus{Phase: p, Status: "later"})
		}
	}
	return out
}

func createStep(name string) planner.Step {
	return planner.Step{
		Name: "create", Address: mailbox(name), Phase: migration.Prepare, Status: planner.Ready,
		Action: planner.Action{Kind: planner.CreateAccount},
		Before: planner.Lines("no account"), After: planner.Lines("account " + name + "@example.ch, with the password given"),
		Reason: "mail needs a place to go", Undo: "the account stays, empty; nothing points to it",
	}
}

func pinStep(name string) planner.Step {
	return planner.Step{
		Name: "pin", Address: mailbox(name), Phase: migration.Prepare, Status: planner.Waiting,
		Action: planner.Action{Kind: planner.PinIdentity}, After: planner.Lines("both sides reachable, identity recorded"),
		Reason:    "every later connection is checked against it: a host name may come to point elsewhere",
		DependsOn: []string{planner.StepKey(mailbox(name), "create")},
	}
}

func syncStep(name string) planner.Step {
	return planner.Step{
		Name: "sync", Address: mailbox(name), Phase: migration.Sync, Status: planner.Waiting, Progress: true,
		Action: planner.Action{Kind: planner.SyncMailbox}, After: planner.Lines("every message of the source"),
		Reason: "the target mirrors the source", DependsOn: []string{planner.StepKey(mailbox(name), "pin")},
	}
}

func mxEdit(before, after []string) *planner.RRsetEdit {
	return &planner.RRsetEdit{DNS: "dns.zone", Zone: "example.ch.", Name: "example.ch.", Type: "MX", Whole: true, Before: before, After: after, TTLBefore: 300, TTLAfter: 300}
}

// domainSteps are the steps of one domain from the TTL to the end.
func domainSteps() []planner.Step {
	old, both, fresh := []string{"10 mx.old-host.example."}, []string{"10 mx.old-host.example.", "5 mx.new-host.example."}, []string{"5 mx.new-host.example."}
	lower := mxEdit(old, old)
	lower.TTLBefore, lower.TTLAfter = 86400, 300
	spf := &planner.RRsetEdit{Name: "example.ch.", Type: "TXT", TTLBefore: 3600, TTLAfter: 3600,
		Before: []string{"v=spf1 include:spf.old-host.example ip4:192.0.2.25 -all"},
		After:  []string{"v=spf1 include:spf.old-host.example ip4:192.0.2.25 include:spf.new-host.example include:_spf.a-newsletter-service.example -all"}}
	return []planner.Step{
		{Name: "serve", Address: "domain.main", Phase: migration.Prepare, Status: planner.Ready, Action: planner.Action{Kind: planner.ServeDomain},
			Before: planner.Lines("not served"), After: planner.Lines("served by target.new"), Reason: "the new service must know the domain before it can take its mail", Undo: "none needed: the MX still points elsewhere"},
		{Name: "spf.union", Address: "domain.main", Phase: migration.Prepare, Status: planner.Ready, Action: planner.Action{Kind: planner.EditRRset, RRset: spf},
			Before: planner.Lines("a"), After: planner.Lines("b"), Reason: "both services send during the migration", Undo: "put the record of before back"},
		{Name: "dkim", Address: "domain.main", Phase: migration.Prepare, Status: planner.Waiting, Action: planner.Action{Kind: planner.EditRRset},
			Before: planner.Lines("DKIM as it is"), After: planner.Value{KnownAfter: "domain.main/serve"}, DependsOn: []string{"domain.main/serve"},
			Reason: "what the new service signs must be verifiable before it sends"},
		{Name: "mx.ttl", Address: "domain.main", Phase: migration.LowerTTL, Status: planner.Waiting, Action: planner.Action{Kind: planner.EditRRset, RRset: lower},
			Reason: "so that the switch is seen within 5m0s instead of 24h0m0s", Undo: "set the TTL to 86400 again", DependsOn: []string{"domain.main/spf.union", "domain.main/serve"}},
		{Name: "rcpt", Address: "domain.main", Phase: migration.Verify, Status: planner.Waiting, Progress: true, NotBefore: day(5, 13, 30), Action: planner.Action{Kind: planner.CheckDomain, Check: "rcpt"},
			After: planner.Lines("the new MX accepts RCPT TO for every address of example.ch"), Reason: "evidence for the cutover"},
		{Name: "mx.add", Address: "domain.main", Phase: migration.Cutover, Status: planner.Gated, Risk: "high", Estimate: 20 * time.Second, Action: planner.Action{Kind: planner.EditRRset, RRset: mxEdit(old, both)},
			Gates: []string{"hold", "window", "ttl_expiry", "evidence"}, Reason: "the new servers are added first: there is never a moment without MX (RFC 5321 §5.1)", Undo: "remove the new servers"},
		{Name: "mx.remove", Address: "domain.main", Phase: migration.Cutover, Status: planner.Waiting, Risk: "high", Action: planner.Action{Kind: planner.EditRRset, RRset: mxEdit(both, fresh)},
			DependsOn: []string{"domain.main/mx.add"}, Gates: []string{"propagation:domain.main"}, Reason: "every authoritative server has the new MX: the old one may go", Undo: "bascule rollback; about 5m0s and stragglers"},
		{Name: "inbound", Address: "domain.main", Phase: migration.Decommission, Status: planner.Waiting, Irreversible: true, Risk: "medium",
			Action: planner.Action{Kind: planner.ManualStep, Manual: &planner.Manual{Check: "inbound_closed", Instruction: []string{
				"On the old mail service, make it stop accepting mail for example.ch: remove the domain from its",
				"mail routing, set it to remote, or answer 4xx or 5xx to RCPT TO. If it cannot be closed, accept it:",
				"  accept \"old_inbound\" { check = \"inbound\", record = \"domain.main\" }",
			}}},
			Before: planner.Lines("the old MX accepts example.ch"), After: planner.Lines("every old MX refuses RCPT TO for example.ch"),
			DependsOn: []string{"domain.main/mx.add", "domain.main/mx.remove"}, Gates: []string{"soak", "silence"},
			Reason: "mail that still went there after the last delta would be lost", Undo: "open it again"},
		{Name: "proof", Address: "migration", Phase: migration.Decommission, Status: planner.Waiting, Action: planner.Action{Kind: planner.WriteProof},
			Before: planner.Lines("no proof"), After: planner.Lines("proof.json, proof.txt"), DependsOn: []string{"domain.main/inbound"}, Reason: "what was moved, when, and what was accepted, for whoever asks"},
	}
}

func gates() []planner.Gate {
	return []planner.Gate{
		{ID: "hold", Kind: planner.GateHold, Phase: migration.Cutover, Status: planner.Open, Because: "nobody holds the migration"},
		{ID: "window", Kind: planner.GateWindow, Phase: migration.Cutover, Status: planner.Closed, OpensAt: day(13, 5, 0), ClosesAt: day(13, 8, 0), Because: "the window opens Sat 2027-03-13 06:00 CET"},
		{ID: "ttl_expiry", Kind: planner.GateTTLExpiry, Phase: migration.Cutover, Status: planner.Open, Because: "no cache holds the old TTL any more", Items: []string{"example.ch. MX was served with TTL 86400"}},
		{ID: "evidence", Kind: planner.GateEvidence, Phase: migration.Cutover, Status: planner.GateFailed, Because: "a check says no",
			Items: []string{
				`mailbox.team["alice"]: messages: 3 of 48214 messages are missing in "` + hostile + `"`, `mailbox.team["bob"]: messages not checked yet`,
				"domain.main: rcpt: 550 5.1.1 <info@example.ch>: Recipient address rejected: User unknown in local recipient table", "d", "e", "f", "g",
			}, Next: "mend it, or accept it by name in an accept block"},
		{ID: "propagation:domain.main", Kind: planner.GatePropagation, Phase: migration.Cutover, Status: planner.Closed, Because: "0 of 3 authoritative servers serve the new MX", Items: []string{"ns1.example.ch.", "ns2.example.ch.", "ns3.example.ch."}},
		{ID: "soak", Kind: planner.GateSoak, Phase: migration.Decommission, Status: planner.Closed, Because: "counts from the observed cutover, which is still to come"},
		{ID: "silence", Kind: planner.GateSilence, Phase: migration.Decommission, Status: planner.Inconclusive, Because: "counts from the cutover, which is still to come"},
	}
}

func forecast() []planner.Milestone {
	return []planner.Milestone{
		{Phase: migration.LowerTTL, At: day(5, 9, 12), Text: "TTL lowered on every authoritative server"},
		{Phase: migration.Cutover, At: day(13, 5, 0), Text: "MX moves; no cache holds the old TTL since Sat 2027-03-06 10:27 CET"},
		{Phase: migration.DoubleReception, At: day(16, 5, 0), Text: "soak of 72h and silence of 48h over, if the old side is silent at once"},
		{Phase: migration.Decommission, At: day(16, 23, 30), Text: "old side closed, TTL restored, proof written"},
	}
}

// fullPlan holds everything a plan can hold.
func fullPlan() *planner.Plan {
	var steps []planner.Step
	steps = append(steps, domainSteps()[:2]...)
	for _, name := range []string{"alice", "bob"} {
		steps = append(steps, createStep(name), pinStep(name), syncStep(name))
	}
	steps = append(steps, domainSteps()[2:]...)
	stopped := syncStep("carol")
	stopped.Status = planner.Stopped
	byHand := createStep("dan")
	byHand.Action = planner.Action{Kind: planner.ManualStep, Manual: &planner.Manual{Check: "login", Instruction: []string{
		"Create the account dan@example.ch on imap.new-host.example, with the login \"dan\"", "and the password that the configuration names for it (env:DAN_PASSWORD).",
	}}}
	byHand.Status, byHand.NotBefore = planner.Waiting, day(5, 9, 22)
	multi := planner.Step{Name: "autoconfig.switch", Address: "record.autoconfig", Phase: migration.Cutover, Status: planner.Waiting,
		Action: planner.Action{Kind: planner.EditRRset}, Before: planner.Lines("a 300 CNAME old.example.", "b 300 TXT kept"), After: planner.Lines("a 300 CNAME new.example.", "b 300 TXT kept"), DependsOn: []string{"domain.main/mx.remove"}}
	return &planner.Plan{
		ID: "sha256:9c1e03ab44de0011223344556677889900", Mode: planner.Forward, Created: now, Migration: "move-2027", Domains: []string{"example.ch", "example.org"},
		Base: planner.Base{Lineage: "0d6c", Serial: 41, Revision: 12}, Phase: migration.Prepare, Phases: phases(migration.Prepare, "running", "left: 7 steps, first domain.main/serve"),
		Steps: numbered(append(steps, stopped, byHand, multi)), Gates: gates(), Forecast: forecast(), Complete: false,
		Drift: []planner.Drift{
			{Address: "domain.main", What: "example.ch. MX", Conflict: true, Expected: []string{"example.ch. 300 MX 10 mx.old-host.example."},
				Found: []string{"example.ch. 300 MX 10 mx.somebody-else.example.", "example.ch. 300 MX 20 " + hostile}, Next: "somebody changed the zone since: put it back, or plan again once you know why"},
			{Address: mailbox("alice"), What: "alias", Expected: []string{"a@example.ch"}, Next: "a step puts it back"},
		},
		Blocked: []planner.Blocked{
			{Address: mailbox("carol"), Side: "source", Why: "LOGIN: NO [AUTHENTICATIONFAILED] " + hostile, Next: "check the login \"carol\" and its password"},
			{Address: mailbox("eve"), Side: "target", Why: "dial tcp 192.0.2.7:993: connection refused", Temporary: true, Next: "it is tried again at the next plan or apply"},
		},
		Accepted: []migration.Accept{
			{Address: "accept.dead_box", Check: "mailbox", Mailbox: mailbox("frank"), Reason: "left the company in 2019; nobody has the password", Until: day(31, 22, 0)},
			{Address: "accept.spammer", Check: "silence", Sender: hostile + "@spam.example", Reason: "a spammer on the old MX"},
		},
		Plaintext: []migration.Address{"source.old"},
		Notes: []planner.Note{
			{Address: mailbox("alice"), Text: `folder "Éléments envoyés" becomes "Sent": special use \Sent`},
			{Address: mailbox("bob"), Text: `folder "Éléments envoyés" becomes "Sent": special use \Sent`},
			{Address: mailbox("bob"), Text: "folder \"" + hostile + "\" becomes \"Sent_2J\": the target refuses control characters"},
			{Address: mailbox("bob"), Text: "folder \"経理部/請求書\" becomes \"経理部.請求書\": the target's separator is \".\""},
		},
	}
}

// bigPlan moves two hundred mailboxes.
func bigPlan() *planner.Plan {
	var steps []planner.Step
	for i := range 200 {
		name := fmt.Sprintf("person%03d", i)
		steps = append(steps, createStep(name), pinStep(name), syncStep(name))
	}
	steps = append(steps, domainSteps()...)
	p := &planner.Plan{
		ID: "sha256:ffeeddccbbaa99887766", Mode: planner.Forward, Created: now, Domains: strings.Fields("a.example b.example c.example d.example e.example f.example g.example"),
		Phase: migration.Prepare, Phases: phases(migration.Prepare, "running", ""), Steps: numbered(steps), Gates: gates()[:2], Forecast: forecast(), Complete: true,
	}
	for i := range 50 {
		p.Blocked = append(p.Blocked, planner.Blocked{Address: mailbox(fmt.Sprintf("gone%02d", i)), Side: "source", Why: "connection refused", Next: "mend it and plan again; the other mailboxes go on"})
	}
	for i := range 60 {
		p.Notes = append(p.Notes, planner.Note{Address: mailbox("person000"), Text: fmt.Sprintf("folder \"f%d\" becomes \"g%d\": separator", i, i)})
	}
	for i := range 120 {
		p.Notes = append(p.Notes, planner.Note{Address: mailbox(fmt.Sprintf("person%03d", i)), Text: "folder \"Sent Items\" becomes \"Sent\": special use"})
	}
	return p
}

// waitingPlan has nothing to do before the window.
func waitingPlan() *planner.Plan {
	s := domainSteps()[5:7]
	sync := syncStep("alice")
	sync.DependsOn, sync.NotBefore = nil, day(5, 9, 20)
	g := gates()
	g[3] = planner.Gate{ID: "evidence", Kind: planner.GateEvidence, Phase: migration.Cutover, Status: planner.Open, Because: "everything required has passed"}
	return &planner.Plan{
		ID: "sha256:00112233445566778899", Mode: planner.Forward, Created: now, Migration: "move-2027", Domains: []string{"example.ch"},
		Phase: migration.Cutover, Phases: phases(migration.Cutover, "waiting", "the window opens Sat 2027-03-13 06:00 CET"),
		Steps: numbered(append([]planner.Step{sync}, s...)), Gates: g, Forecast: forecast()[1:], Complete: true,
	}
}

func finishedPlan() *planner.Plan {
	return &planner.Plan{
		ID: "sha256:00112233445566778899", Mode: planner.Forward, Created: now, Migration: "move-2027", Domains: []string{"example.ch"},
		Phase: migration.Decommission, Phases: phases(migration.Decommission+1, "", ""), Complete: true, Finished: true,
	}
}
