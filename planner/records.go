package planner

import "bascule/migration"

// recordsOf are the record blocks that appear or end with a phase. Those of
// prepare and decommission are planned there, and those that appear at the
// cutover move with the MX.
func recordsOf(in Input, phase migration.Phase, before []Step) part {
	var p part
	switch phase {
	case migration.Prepare, migration.Decommission:
		return p
	case migration.Cutover:
	default:
		p.add(recordsFrom(in, phase))
	}
	p.add(recordsUntil(in, phase))
	for i := range p.steps {
		s := &p.steps[i]
		s.Phase = phase
		s.DependsOn = append(s.DependsOn, phaseBegins(in, phase, before)...)
		s.Gates = append(s.Gates, GateHold)
	}
	return p
}

// phaseBegins are the steps that must be done before a phase has begun.
func phaseBegins(in Input, phase migration.Phase, before []Step) []string {
	keys := keysOf(before, func(s Step) bool {
		if s.Address.Kind() == "record" {
			return false
		}
		return s.Phase == migration.Prepare || s.Phase == migration.Cutover && phase >= migration.Cutover
	})
	if phase != migration.Verify {
		return keys
	}
	for _, m := range in.Desired.Mailboxes {
		if !synced(in, m) && !in.acceptedFor("mailbox", m.Address) {
			keys = append(keys, StepKey(m.Address, "sync"))
		}
	}
	return keys
}
