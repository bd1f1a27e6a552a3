package planner

import (
	"slices"

	"bascule/migration"
)

// schedule decides which steps are ready: nothing before them, every gate
// open, their object seen and not in conflict.
func schedule(in Input, p *Plan) {
	pending := map[string]bool{}
	for _, s := range p.Steps {
		pending[s.Key()] = true
	}
	for i := range p.Steps {
		s := &p.Steps[i]
		switch {
		case s.Status == Stopped || stopped(p, *s):
			s.Status = Stopped
		case slices.ContainsFunc(s.DependsOn, func(k string) bool { return pending[k] && k != s.Key() }),
			s.After.Unknown(), s.NotBefore.After(in.Now):
			s.Status = Waiting
		case slices.ContainsFunc(s.Gates, func(id string) bool { return !p.open(id) }):
			s.Status = Gated
		default:
			s.Status = Ready
		}
	}
}

// open reports whether a gate passes. A gate that is not in the plan guards
// nothing any more.
func (p *Plan) open(id string) bool {
	g, ok := p.Gate(id)
	return !ok || g.Status == Open
}

// stopped reports whether a step must not be done because of what could not
// be seen. Unknown is never absent: while a zone or a target is unknown,
// nothing that follows from its records is done.
func stopped(p *Plan, s Step) bool {
	if s.Action.Kind == HoldMigration {
		return false // stopping is always possible
	}
	for _, d := range p.Drift {
		if d.Conflict && (d.Address == s.Address || d.Address == s.Action.Domain || s.Address == Root) && !s.Progress {
			return true
		}
	}
	for _, b := range p.Blocked {
		if b.Address == s.Address {
			return true
		}
		// What a silent target would say is not needed to move or restore an MX
		// whose new hosts are on record; what is still unknown waits by itself.
		if b.Address.Kind() == "target" && s.Action.RRset != nil && s.Action.Kind == EditRRset && s.Name != "spf.minus" {
			continue
		}
		if b.Address.Kind() != "mailbox" && (s.Phase == migration.Cutover || s.Phase == migration.Decommission) {
			return true
		}
	}
	return false
}
