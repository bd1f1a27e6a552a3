package planner

import (
	"fmt"
	"time"

	"bascule/maildns"
	"bascule/migration"
)

// lowerTTL: the TTL of every record set that will move goes down, so that the
// switch is seen within minutes. Old values are kept in the state.
func lowerTTL(in Input, before []Step) part {
	p := part{gates: []Gate{leadGate(in)}}
	if in.Desired.Settings.LowerTTL.Lead == 0 || len(in.Desired.Domains) == 0 {
		p.gates = nil
	}
	for _, m := range movers(in) {
		p.add(stageSteps(in, m, migration.LowerTTL, before))
	}
	return p
}

// stageSteps are the steps of one phase on the way of a record set.
func stageSteps(in Input, m mover, phase migration.Phase, before []Step) part {
	if !m.known {
		b, _ := zoneBlocked(in, m.domain, m.key)
		if phase == migration.LowerTTL {
			return part{blocked: []Blocked{b}}
		}
		return part{}
	}
	var p part
	way := desiredAt(m, in)
	at := reached(way, m, in)
	for i := at + 1; i < len(way); i++ {
		if way[i].phase == phase {
			p.steps = append(p.steps, stageStep(in, m, way, i, at, before))
		}
	}
	if phase == migration.LowerTTL && !m.unknown {
		p.drift = moverDrift(in, m, way, at)
	}
	return p
}

// stageStep leads from the stage before to stage i.
func stageStep(in Input, m mover, way []stage, i, at int, before []Step) Step {
	e := zoneEdit{
		address: m.address, domain: m.domain, name: way[i].step, phase: way[i].phase, whole: true,
		before: way[i-1].want, after: way[i].want,
	}
	describeStage(&e, m, way, i)
	s := e.step(in)
	if i > at+1 {
		s.DependsOn = append(s.DependsOn, StepKey(m.address, way[i-1].step))
	}
	if m.unknown && way[i].phase >= migration.Cutover {
		s.After, s.Action.RRset = Value{KnownAfter: StepKey(m.domain.Address, "serve")}, nil
	}
	if way[i].phase == migration.LowerTTL {
		s.DependsOn = append(s.DependsOn, keysOf(before, func(b Step) bool {
			return b.Phase == migration.Prepare && b.Address == m.domain.Address
		})...)
		if in.Desired.Settings.LowerTTL.Lead > 0 {
			s.Gates = append(s.Gates, GateLead)
		}
		s.Gates = append(s.Gates, GateHold)
	}
	return s
}

// describeStage says why, with what risk, and how to go back.
func describeStage(e *zoneEdit, m mover, way []stage, i int) {
	first := way[0].want
	switch {
	case way[i].phase == migration.LowerTTL:
		e.reason = fmt.Sprintf("so that the switch is seen within %s instead of %s", text(maildns.Seconds(way[i].want.TTL)), text(maildns.Seconds(first.TTL)))
		e.undo, e.event = fmt.Sprintf("set the TTL to %d again", first.TTL), "ttl_lowered"
	case way[i].phase == migration.Decommission:
		e.reason = "the short TTL has served its purpose"
		e.undo, e.event = "lower it again; a rollback after this costs the old TTL", "ttl_restored"
	case way[i].step == m.prefix+".add":
		e.reason = "the new servers are added first: there is never a moment without MX (RFC 5321 §5.1)"
		e.risk, e.undo, e.event = "high", "remove the new servers", "mx_added"
	case way[i].step == m.prefix+".remove":
		e.reason = "every authoritative server has the new MX: the old one may go"
		e.risk, e.undo, e.event = "high", fmt.Sprintf("bascule rollback; about %s and stragglers", text(maildns.Seconds(way[i].want.TTL))), "mx_switched"
	default:
		e.reason, e.undo, e.event = "it follows the MX", "put the values of before back", "record_switched"
	}
}

// moverDrift compares what is served with the stage that was reached. What
// the next step would bring is no drift: it may have been done and not recorded.
func moverDrift(in Input, m mover, way []stage, at int) []Drift {
	want := way[at].want
	d := Drift{
		Address: m.address, What: m.key.String(), Conflict: true,
		Expected: recordLines(want), Found: recordLines(m.have), Wanted: recordLines(way[min(at+1, len(way)-1)].want),
		Next: "somebody changed the zone since: put it back, or plan again once you know why",
	}
	switch {
	case in.done(m.address, "unset") || begunAt(in, m.address, "unset"):
		return nil // its time is over, or ends just now
	case goingBack(in, m):
		d.Next = "a rollback has begun: end it with bascule rollback"
	case here(m.have, want) || at == 0:
		return nil
	case at+1 < len(way) && (here(m.have, way[at+1].want) || begunAt(in, m.address, way[at+1].step)):
		return nil
	}
	return []Drift{d}
}

// goingBack reports whether a rollback has written, or may have written, to a
// record set and is not over.
func goingBack(in Input, m mover) bool {
	for _, step := range []string{".back_add", ".back_remove", ".back"} {
		if begunAt(in, m.address, m.prefix+step) || in.done(m.address, m.prefix+step) {
			return true
		}
	}
	return false
}

// leadGate keeps the TTL up until shortly before the window.
func leadGate(in Input) Gate {
	g := Gate{ID: GateLead, Kind: GateLead, Phase: migration.LowerTTL, Status: Open}
	s, ok := nextOpening(in.Desired.Settings.Cutover.Window, in.zone(), in.Now)
	opens := s.opens.Add(-in.Desired.Settings.LowerTTL.Lead)
	if !ok || !opens.After(in.Now) {
		g.Because = "the window is near enough"
		return g
	}
	g.Status, g.OpensAt = Closed, opens.UTC()
	g.Because = fmt.Sprintf("the TTL stays up until %s before the window: %s", in.Desired.Settings.LowerTTL.Lead, local(opens, in.zone()))
	return g
}

// ttlGate opens when no cache can hold what was served before the lowering.
func ttlGate(in Input) Gate {
	g := Gate{ID: GateTTLExpiry, Kind: GateTTLExpiry, Phase: migration.Cutover, Status: Open, Because: "no record set had to be lowered"}
	for _, m := range movers(in) {
		opens, why := expiry(in, m)
		switch {
		case why == "" && !m.known:
			g.worsen(Inconclusive, fmt.Sprintf("%s: its TTL could not be seen on every server", m.key))
		case why == "":
		case opens.IsZero():
			g.worsen(Closed, why)
		default:
			g.Items = append(g.Items, why)
			if opens.After(g.OpensAt) {
				g.OpensAt = opens
			}
		}
	}
	switch {
	case g.Status == Inconclusive:
		g.OpensAt, g.Because = time.Time{}, "not every TTL could be seen"
	case g.Status == Closed:
		g.OpensAt = time.Time{}
		g.Because = "the TTL has not been lowered everywhere"
	case g.OpensAt.After(in.Now):
		g.Status = Closed
		g.Because = "caches may hold the old records until " + local(g.OpensAt, in.zone())
	case len(g.Items) > 0:
		g.Because = "no cache holds the old TTL any more"
	}
	return g
}

// expiry is when the last cache has forgotten a record set as it was served
// before; why is empty when it needs no lowering, and opens is zero while the
// lowering is still to come.
func expiry(in Input, m mover) (opens time.Time, why string) {
	way := desiredAt(m, in)
	lower := m.prefix + ".ttl"
	for i, s := range way {
		if i == 0 || s.step != lower {
			continue
		}
		d, ok := in.State.DoneAt(m.address, lower)
		if !ok {
			return time.Time{}, fmt.Sprintf("%s is still served with TTL %d", m.key, way[0].want.TTL)
		}
		l := in.Desired.Settings.LowerTTL
		opens = maildns.WaitUntil(d.At, way[0].want.TTL, l.Margin)
		if at := d.At.Add(l.Wait); at.After(opens) {
			opens = at
		}
		return opens, fmt.Sprintf("%s was served with TTL %d until %s", m.key, way[0].want.TTL, local(d.At, in.zone()))
	}
	return time.Time{}, ""
}
