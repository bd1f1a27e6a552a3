package planner

import (
	"fmt"
	"time"

	"bascule/maildns"
	"bascule/migration"
)

// decommission: the old side stops accepting the domain, shown by RCPT TO;
// only then the last delta, the comparison, the TTL and SPF as they are to
// stay, and the proof. Source mail is never deleted.
func decommission(in Input, before []Step) part {
	var p part
	gates := []string{GateHold, GateSoak, GateSilence}
	if len(in.Desired.Domains) == 0 {
		return proofOnly(in, before)
	}
	for _, d := range in.Desired.Domains {
		p.add(closeInbound(in, d, gates))
	}
	closed := append(keysOf(p.steps, func(Step) bool { return true }), keysOf(before, func(b Step) bool {
		return b.Phase == migration.Cutover || b.Phase == migration.Clients
	})...)
	for _, m := range in.Desired.Mailboxes {
		p.steps = append(p.steps, lastDelta(in, m, closed, gates)...)
	}
	compared := keysOf(p.steps, func(s Step) bool { return s.Address.Kind() == "mailbox" })
	var q part
	for _, m := range movers(in) {
		q.add(stageSteps(in, m, migration.Decommission, before))
	}
	for _, d := range in.Desired.Domains {
		q.add(spfWithoutOld(in, d))
	}
	q.add(recordsFrom(in, migration.Decommission))
	q.add(recordsUntil(in, migration.Decommission))
	for i := range q.steps {
		q.steps[i].DependsOn = append(q.steps[i].DependsOn, append(append([]string(nil), compared...), closed...)...)
		q.steps[i].Gates = append(q.steps[i].Gates, gates...)
	}
	p.add(q)
	if !in.done(in.root(), "proof") {
		p.steps = append(p.steps, proofStep(in, append(closed, keysOf(p.steps, func(Step) bool { return true })...), gates))
	}
	return p
}

// proofOnly ends a migration of mailboxes without a domain, once each is
// converged and compared, or accepted: nothing is closed, so the passes go on
// at every later apply.
func proofOnly(in Input, before []Step) part {
	if in.done(in.root(), "proof") {
		return part{}
	}
	g := evidenceGate(in)
	g.Phase = migration.Decommission
	return part{gates: []Gate{g}, steps: []Step{proofStep(in, keysOf(before, func(b Step) bool {
		m, ok := in.mailboxAt(b.Address)
		return !in.givenUp(b) && (b.Phase != migration.Sync || ok && !synced(in, m) || !b.NotBefore.After(in.Now))
	}), []string{GateHold, GateEvidence})}}
}

// closeInbound asks a person to close the old side for the domain. It is done
// when every old MX refuses RCPT TO for it.
func closeInbound(in Input, d migration.Domain, gates []string) part {
	if in.done(d.Address, "inbound") {
		return part{}
	}
	if in.acceptedFor("inbound", d.Address) {
		return part{notes: []Note{{d.Address, "the old side goes on accepting the domain: accepted by name, and named in the proof"}}}
	}
	s := Step{
		Name: "inbound", Address: d.Address, Phase: migration.Decommission, Revises: true, Irreversible: true, Risk: "medium",
		Action: Action{Kind: ManualStep, Domain: d.Address, Manual: &Manual{Check: "inbound_closed", Instruction: []string{
			fmt.Sprintf("On the old mail service, make it stop accepting mail for %s: remove the domain from its", d.Name),
			"mail routing, set it to remote, or answer 4xx or 5xx to RCPT TO. Leave the mailboxes readable:",
			"the last delta is still to come. If the old side cannot be closed, accept it by name:",
			fmt.Sprintf("  accept \"old_inbound\" { check = \"inbound\", record = %q, reason = \"…\" } (one argument a line)", d.Address),
		}}},
		Before: Lines("the old MX accepts " + d.Name), After: Lines("every old MX refuses RCPT TO for " + d.Name),
		Reason: "mail that still went there after the last delta would be lost", Undo: "open it again",
		Gates: gates, NotBefore: in.retryAt(d.Address, "inbound"),
	}
	for _, m := range in.pendingCutover() {
		s.DependsOn = append(s.DependsOn, StepKey(m.address, "mx.add"), StepKey(m.address, "mx.remove"))
	}
	return part{steps: []Step{s}}
}

// lastDelta carries what came until the old side was closed, drafts included,
// then compares everything once more.
func lastDelta(in Input, m migration.Mailbox, closed, gates []string) []Step {
	var out []Step
	if in.acceptedFor("mailbox", m.Address) {
		return nil
	}
	if !in.done(m.Address, "final") {
		out = append(out, Step{
			Name: "final", Address: m.Address, Phase: migration.Decommission, Revises: true,
			Action: Action{Kind: SyncMailbox, Mailbox: m.Address, Sync: &SyncParams{AddOnly: true, Final: true}},
			Before: Lines("pulled until now"), After: Lines("the last delta, drafts included"), Reason: "the old side is closed: nothing comes after this",
			DependsOn: closed, Gates: gates, NotBefore: failedAt(in, m.Address, "final"),
		})
	}
	if !in.done(m.Address, "compare") {
		out = append(out, Step{
			Name: "compare", Address: m.Address, Phase: migration.Decommission, Revises: true,
			Action: Action{Kind: VerifyMailbox, Mailbox: m.Address, Depth: "full"},
			Before: Lines("not compared since the switch"), After: Lines("every source message accounted for"), Reason: "the proof rests on it",
			DependsOn: append([]string{StepKey(m.Address, "final")}, closed...), Gates: gates, NotBefore: failedAt(in, m.Address, "compare"),
		})
	}
	return out
}

// failedAt keeps a step that failed back for one sync interval.
func failedAt(in Input, a migration.Address, step string) time.Time {
	o := in.State.Objects[a]
	if o == nil || o.Failure == nil || o.Failure.Step != step {
		return time.Time{}
	}
	return o.Failure.At.Add(in.Desired.Settings.Sync.Every)
}

// spfWithoutOld removes only the terms attributed to the old mail service.
func spfWithoutOld(in Input, d migration.Domain) part {
	if !d.SPF.Manage || in.done(d.Address, "spf.minus") {
		return part{}
	}
	if d.SPF.Add.Unknown && !in.done(d.Address, "spf.union") {
		q := unknownEdit(in, d, "spf.minus", "SPF", "the old mail service sends no more; every other sender stays")
		q.steps[0].Phase = migration.Decommission
		return q
	}
	have, known := in.Zones[d.Address].Agreed(d.Name, "TXT")
	txt := in.before(d.Address, "spf.minus", have)
	if !in.done(d.Address, "spf.union") {
		_, merged, err := mergedSPF(in, d)
		if err != nil {
			return part{} // said in prepare
		}
		txt = merged
	}
	records := txt.SPFRecords()
	if !known || len(records) != 1 {
		return part{}
	}
	record, err := maildns.ParseSPF(records[0])
	if err != nil {
		return refusedEdit(d, "The SPF record does not parse", err)
	}
	terms, err := oldTerms(in, d, record)
	if err != nil {
		return refusedEdit(d, "The old SPF terms do not parse", err)
	}
	less := maildns.Minus(record, terms)
	if less.String() == record.String() && !begunAt(in, d.Address, "spf.minus") {
		return part{}
	}
	before := spfOnly(txt)
	after := before
	after.Values = []string{less.String()}
	e := zoneEdit{
		address: d.Address, domain: d, name: "spf.minus", phase: migration.Decommission, before: before, after: after,
		reason: "the old mail service sends no more; every other sender stays", undo: "put the record of before back",
	}
	return part{steps: []Step{e.step(in)}}
}

// oldTerms are the terms attributed to the old service: those the
// configuration names, or else those that name its MX hosts and nothing else.
// What the new service needs is never among them; a bare mx means the old hosts.
func oldTerms(in Input, d migration.Domain, record maildns.SPF) ([]maildns.SPFTerm, error) {
	named, err := maildns.ParseSPF(spfText(d.SPF.DropOld))
	if err != nil {
		return nil, fmt.Errorf("drop_old: %w", err)
	}
	added, err := maildns.ParseSPF(spfText(d.SPF.Add.Values))
	if err != nil {
		return nil, err
	}
	c := spfContext(in, d)
	if len(named.Terms) > 0 {
		return maildns.OldOnly(named, added, c), nil
	}
	return maildns.Attribute(maildns.Minus(record, added.Terms).Terms, maildns.OldService{Domains: c.OldMX}), nil
}

func proofStep(in Input, after, gates []string) Step {
	return Step{
		Name: "proof", Address: in.root(), Phase: migration.Decommission, Revises: true,
		Action: Action{Kind: WriteProof}, Before: Lines("no proof"), After: Lines("proof.json, proof.txt"),
		Reason: "what was moved, when, and what was accepted, for whoever asks", DependsOn: after, Gates: gates,
	}
}
