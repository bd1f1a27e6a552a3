package planner

import (
	"fmt"
	"time"

	"bascule/internal/diag"
	"bascule/maildns"
	"bascule/migration"
	"bascule/state"
)

// MakeRollback computes the way back of the MX: hold first, then make sure
// that the old side still takes mail, then old added, observed, new removed —
// from the half-swapped state too. The sync stays add-only: mirroring again
// takes a reviewed step.
func MakeRollback(in Input) (*Plan, diag.List) {
	in.loc = in.zone()
	var all part
	if in.State.Hold == nil {
		all.steps = append(all.steps, Step{
			Name: "hold", Address: in.root(), Phase: migration.Cutover, Revises: false,
			Action: Action{Kind: HoldMigration}, Before: Lines("not held"), After: Lines("held"),
			Reason: "the way forward stops before the way back begins", Undo: "bascule gate release",
		})
	}
	for _, m := range movers(in) {
		all.add(wayBack(in, m))
	}
	if in.State.Switch != nil && in.State.Switch.Back == nil {
		all.steps = append(all.steps, Step{
			Name: "led_back", Address: in.root(), Phase: migration.Cutover, Revises: true,
			Action: Action{Kind: LeadBack}, Before: Lines("the target is the truth"), After: Lines("the source receives again; the sync goes on adding only"),
			Reason: "the forward plan is superseded", DependsOn: keysOf(all.steps, func(s Step) bool { return s.Address != in.root() || s.Name == "hold" }),
			Clears: []string{"switch", "proof"},
		})
	}
	p := assemble(in, Rollback, all)
	// Where the migration stands is the way forward's to say: this plan has no
	// steps of its later phases, which does not make them done.
	forward, _ := Make(in)
	p.Phases, p.Phase = forward.Phases, migration.Verify
	p.Finished = len(p.Steps) == 0
	p.ID = identify(p)
	return p, all.diags
}

// wayBack leads one record set back to what it was before the cutover.
func wayBack(in Input, m mover) part {
	if !m.known {
		b, _ := zoneBlocked(in, m.domain, m.key)
		return part{blocked: []Blocked{b}}
	}
	old := m.first(in).WithTTL(m.have.TTL)
	if m.have.SameValues(old) && !touched(in, m) {
		return part{}
	}
	if m.key.Type == "MX" {
		return mxBack(in, m, old)
	}
	e := zoneEdit{address: m.address, domain: m.domain, name: m.prefix + ".back", phase: migration.Cutover, whole: true,
		before: in.before(m.address, m.prefix+".back", m.have), after: old, reason: "it follows the MX back", undo: "plan the cutover again", event: "record_led_back"}
	s := e.step(in)
	s.Clears = cleared(in, m)
	s.DependsOn = []string{StepKey(in.root(), "hold"), StepKey(m.domain.Address, "mx.back_remove")}
	return part{steps: []Step{s}}
}

// touched reports whether a step of the cutover was done or begun.
func touched(in Input, m mover) bool {
	for _, step := range []string{".add", ".remove", ".switch", ".back_add", ".back_remove"} {
		if in.done(m.address, m.prefix+step) || begunAt(in, m.address, m.prefix+step) {
			return true
		}
	}
	return false
}

// mxBack is add, observe, remove, in the other direction.
func mxBack(in Input, m mover, old maildns.RRset) part {
	if old.IsEmpty() {
		return part{notes: []Note{{m.address, "there was no MX before the cutover: nothing to lead back to"}}}
	}
	p := part{gates: []Gate{oldAcceptsGate(in, m.domain), backGate(in, m, old)}}
	have := in.before(m.address, "mx.back_add", m.have)
	both := in.before(m.address, "mx.back_remove", have.With(old.Values...))
	check := Step{
		Name: "old_rcpt", Address: m.address, Phase: migration.Cutover, Progress: true,
		Action: Action{Kind: CheckDomain, Domain: m.domain.Address, Check: "old_rcpt"},
		After:  Lines("the old MX still accepts every address"), Reason: "mail must not be led to a side that refuses it",
		DependsOn: []string{StepKey(in.root(), "hold")},
	}
	if e, ok := in.evidence(m.address, "old_rcpt"); !ok || e.Verdict != state.Passed || in.Now.Sub(e.At) > freshness {
		p.steps = append(p.steps, check)
	}
	if !have.With(old.Values...).SameValues(have) {
		e := zoneEdit{address: m.address, domain: m.domain, name: "mx.back_add", phase: migration.Cutover, whole: true, before: have, after: both,
			reason: "the old servers are added first: there is never a moment without MX", risk: "high", undo: "remove them", event: "mx_back_added"}
		s := e.step(in)
		s.DependsOn, s.Gates = []string{StepKey(in.root(), "hold")}, []string{oldGateID(m.domain)}
		p.steps = append(p.steps, s)
	}
	e := zoneEdit{address: m.address, domain: m.domain, name: "mx.back_remove", phase: migration.Cutover, whole: true, before: both, after: old,
		reason: "every authoritative server has the old MX: the new one may go", risk: "high",
		undo: "plan the cutover again", event: "mx_led_back"}
	s := e.step(in)
	s.Clears = cleared(in, m)
	s.DependsOn = []string{StepKey(in.root(), "hold"), StepKey(m.address, "mx.back_add")}
	s.Gates = []string{oldGateID(m.domain), backGateID(m)}
	p.steps = append(p.steps, s)
	return p
}

// cleared are the records that end with the way back, its own among them. When
// the TTL served now is not the lowered one, its lowering is to be done anew.
func cleared(in Input, m mover) []string {
	out := []string{".add", ".remove", ".switch", ".back", ".back_add", ".back_remove", ".ttl_restore"}
	d, lowered := in.State.DoneAt(m.address, m.prefix+".ttl")
	if rr, ok := image(d.After); lowered && ok && rr.TTL != m.have.TTL {
		out = append(out, ".ttl")
	}
	for i, suffix := range out {
		out[i] = m.prefix + suffix
	}
	return out
}

func oldGateID(d migration.Domain) string { return GateEvidence + ":old_rcpt:" + string(d.Address) }
func backGateID(m mover) string           { return GatePropagation + ":back:" + string(m.address) }

// oldAcceptsGate opens when the old side was just seen to take mail.
func oldAcceptsGate(in Input, d migration.Domain) Gate {
	g := Gate{ID: oldGateID(d), Kind: GateEvidence, Phase: migration.Cutover, Status: Open, Because: "the old MX accepts every address"}
	if in.acceptedFor("old_rcpt", d.Address) {
		g.Because = "accepted by name"
		return g
	}
	e, ok := in.evidence(d.Address, "old_rcpt")
	switch {
	case !ok || in.Now.Sub(e.At) > freshness:
		g.Status, g.Because = Inconclusive, "the old MX has not been asked yet"
	case e.Verdict == state.Failed:
		g.Status, g.Because, g.Items = GateFailed, e.Summary, e.Items
		g.Next = "make the old side accept the domain again, or accept it by name (check = \"old_rcpt\")"
	case e.Verdict != state.Passed:
		g.Status, g.Because, g.Items = Inconclusive, e.Summary, e.Items
		g.Next = "find out, or accept it by name (check = \"old_rcpt\")"
	}
	return g
}

// backGate opens when every authoritative server serves both sides.
func backGate(in Input, m mover, old maildns.RRset) Gate {
	g := Gate{ID: backGateID(m), Kind: GatePropagation, Phase: migration.Cutover, Status: Closed, Because: "the old MX is not on every authoritative server yet"}
	if m.have.With(old.Values...).SameValues(m.have) {
		g.Status, g.Because = Open, "every authoritative server serves the old MX"
	}
	return g
}

// RollbackText says until when the way back is open and what it costs.
func RollbackText(in Input) string {
	sw := in.State.Switch
	switch {
	case len(in.Desired.Domains) == 0:
		return "nothing to lead back: no domain moves"
	case sw == nil:
		return "not needed yet: the MX has not moved"
	case sw.Back != nil:
		return "done " + local(*sw.Back, in.zone())
	}
	ttl := time.Duration(0)
	for _, m := range movers(in) {
		ttl = max(ttl, maildns.Seconds(servedTTL(in, m)))
	}
	when := "possible until the old side is closed"
	for _, d := range in.Desired.Domains {
		if in.done(d.Address, "inbound") {
			when = "possible only if the old side is opened again"
		}
	}
	return fmt.Sprintf("%s; about %s and stragglers", when, text(ttl))
}

// servedTTL is the TTL a record set is served with; where nobody looked, the
// one that was last written.
func servedTTL(in Input, m mover) uint32 {
	if m.known {
		return m.have.TTL
	}
	way := desiredAt(m, in)
	return way[reached(way, m, in)].want.TTL
}
