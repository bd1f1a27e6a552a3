package planner

import (
	"fmt"

	"bascule/maildns"
	"bascule/migration"
)

// cutover: the intent is made durable, then the MX moves: new added, observed
// on every authoritative server, old removed; what follows the MX comes after.
func cutover(in Input, before []Step) part {
	var p part
	if len(in.Desired.Domains) == 0 {
		return p
	}
	if !in.switchedOver() {
		p.gates = append(p.gates, windowGate(in), ttlGate(in), evidenceGate(in))
	}
	if in.mustIntend() {
		p.steps = append(p.steps, intentStep(in, before))
	}
	for _, m := range movers(in) {
		p.add(cutoverSteps(in, m, before))
	}
	for _, d := range in.Desired.Domains {
		p.add(unknownClients(in, d))
	}
	return p
}

// cutoverGates hold back whatever begins the switch.
func cutoverGates() []string { return []string{GateHold, GateWindow, GateTTLExpiry, GateEvidence} }

// mustIntend reports whether the intent to switch is still to be recorded;
// after a rollback it is to be recorded anew.
func (in Input) mustIntend() bool {
	return in.State.Switch == nil || in.State.Switch.Back != nil
}

// intentStep makes the intent durable before the first write: from then on the
// sync only adds, and the fences of the switch are known.
func intentStep(in Input, before []Step) Step {
	s := Step{
		Name: "switch", Address: in.root(), Phase: migration.Cutover, Revises: true, Risk: "medium",
		Action: Action{Kind: SwitchIntent}, Before: Lines("the target mirrors the source"),
		After:  Lines("the sync only adds: late mail comes, nothing is deleted, moved or unmarked"),
		Reason: "it must be on record before the first new MX is written", Undo: "bascule rollback",
		Gates: cutoverGates(),
	}
	s.DependsOn = keysOf(before, func(b Step) bool {
		switch b.Phase {
		case migration.Prepare, migration.LowerTTL:
			return !in.givenUp(b)
		case migration.Sync:
			return !b.NotBefore.After(in.Now) && !in.givenUp(b)
		}
		return false
	})
	return s
}

func cutoverSteps(in Input, m mover, before []Step) part {
	p := stageSteps(in, m, migration.Cutover, before)
	for i := range p.steps {
		s := &p.steps[i]
		if s.Name == m.prefix+".remove" {
			g := propagationGate(in, m)
			p.gates = append(p.gates, g)
			s.Gates = append(s.Gates, GateHold, g.ID)
		}
		in.guardSwitch(m, s)
	}
	if m.key.Type == "MX" && m.known && !m.unknown {
		p.add(mxHazards(in, m))
	}
	return p
}

// guardSwitch holds a step of the switch back: whatever comes first for a
// domain waits for the intent and for every gate of the cutover, what follows
// the MX waits for the MX alone, however short the window was.
func (in Input) guardSwitch(m mover, s *Step) {
	lead := m.domain.Address
	first := in.firstSwitch(m.domain)
	if first == "" {
		first = s.Name // nothing of the MX is to change: each is the first
	}
	if s.Name == first {
		s.Gates = append(without(s.Gates, GateHold), cutoverGates()...)
		if in.mustIntend() {
			s.DependsOn = append(s.DependsOn, StepKey(in.root(), "switch"))
		}
		return
	}
	if m.key.Type == "MX" && m.address == lead {
		return
	}
	s.DependsOn = append(s.DependsOn, StepKey(lead, "mx.add"), StepKey(lead, "mx.remove"))
	s.Gates = append(s.Gates, GateHold)
}

// firstSwitch names the step that begins the switch of a domain's MX; empty
// when the MX is the new one already.
func (in Input) firstSwitch(d migration.Domain) string {
	m := domainMX(in, d)
	for _, s := range desiredAt(m, in) {
		if s.phase == migration.Cutover {
			return s.step
		}
	}
	return ""
}

// domainMX is the MX of a domain. Once the intent to switch is on record, what
// the MX becomes is known even while the target cannot be asked.
func domainMX(in Input, d migration.Domain) mover {
	to := d.MXTo
	if sw := in.State.Switch; to.Unknown && sw != nil {
		for _, was := range sw.Approved.Domains {
			if was.Address == d.Address {
				to = was.MXTo
			}
		}
	}
	return newMover(in, d, d.Address, "mx", maildns.KeyOf(d.Name, "MX"), to)
}

// propagationGate opens when every authoritative server serves what comes
// before the removal: the old and the new MX.
func propagationGate(in Input, m mover) Gate {
	g := Gate{ID: GatePropagation + ":" + string(m.address), Kind: GatePropagation, Phase: migration.Cutover, Status: Closed}
	way := desiredAt(m, in)
	for i, s := range way {
		if s.step != m.prefix+".remove" {
			continue
		}
		if in.Zones[m.domain.Address].Everywhere(s.want) {
			g.Status, g.Because = Open, "every authoritative server serves the new MX alone"
			return g // it was removed, and not recorded
		}
		v := maildns.Propagated(in.Zones[m.domain.Address], way[i-1].want)
		if v.Reach == maildns.ReachedAll {
			g.Status, g.Because = Open, fmt.Sprintf("all %d authoritative servers serve the old and the new MX", len(v.Serving))
			return g
		}
		g.Because = fmt.Sprintf("%d of %d authoritative servers serve the new MX", len(v.Serving), len(v.Serving)+len(v.Lagging)+len(v.Silent))
		g.Items = append(v.Lagging, v.Silent...)
	}
	return g
}

// mxHazards refuses an MX that would lose mail.
func mxHazards(in Input, m mover) part {
	var p part
	if in.done(m.address, "mx.remove") {
		return p
	}
	want := maildns.RRset{Name: m.key.Name, Type: "MX", TTL: 300, Values: m.to}
	for _, h := range maildns.CheckMX(in.zoneName(m.domain), want) {
		if h.Fatal {
			p.diags.Errorf(string(m.address), "The new MX would lose mail", "%s", h)
		} else {
			p.diags.Warnf(string(m.address), "The new MX is doubtful", "%s", h)
		}
	}
	if _, err := maildns.SwitchSteps(m.first(in), want); err != nil && !p.diags.HasErrors() {
		p.diags.Errorf(string(m.address), "The MX cannot be switched", "%v", err)
	}
	for _, host := range maildns.MXHosts(want) {
		seen, looked := in.Observed.Hosts[host]
		switch {
		case !looked:
		case seen.Absent:
			p.diags.Errorf(string(m.address), "The new MX does not exist", "%s resolves to no address. Check the name: a service's documentation on the web is often wrong; ask the service itself.", host)
		case seen.CNAME != "":
			p.diags.Errorf(string(m.address), "The new MX is an alias", "%s is a CNAME to %s, which an MX must not name (RFC 2181 §10.3). Name %s instead.", host, seen.CNAME, seen.CNAME)
		}
	}
	return p
}

// pendingCutover lists the MX that have not moved yet.
func (in Input) pendingCutover() []mover {
	var out []mover
	for _, m := range movers(in) {
		way := desiredAt(m, in)
		for i := reached(way, m, in) + 1; i < len(way); i++ {
			if way[i].phase == migration.Cutover && m.key.Type == "MX" {
				out = append(out, m)
				break
			}
		}
	}
	return out
}
