package planner

import (
	"fmt"
	"slices"

	"bascule/migration"
)

// progress derives where the migration stands: the first unfinished phase on
// the path of its objects, and a line for each.
func progress(in Input, p *Plan) (lines []PhaseStatus, current migration.Phase, finished bool) {
	for _, phase := range migration.Phases() {
		l := PhaseStatus{Phase: phase, Status: phaseStatus(in, p, phase)}
		l.Text = phaseText(in, p, phase, l.Status)
		if l.Status != "done" && current == 0 {
			current = phase
			if l.Status == "later" {
				l.Status = "waiting"
			}
		}
		lines = append(lines, l)
	}
	if current == 0 {
		return lines, migration.Decommission, true
	}
	return lines, current, false
}

func phaseStatus(in Input, p *Plan, phase migration.Phase) string {
	if phaseDone(in, p, phase) {
		return "done"
	}
	status := "later"
	if phase <= migration.LowerTTL && unseen(in, p) {
		status = "blocked"
	}
	for _, s := range p.Steps {
		if s.Phase != phase && !(phase == migration.Sync && s.Name == "sync") {
			continue
		}
		switch s.Status {
		case Ready:
			return "running"
		case Stopped:
			status = "blocked"
		case Gated, Waiting:
			if status == "later" && s.Status == Gated {
				status = "waiting"
			}
		}
	}
	return status
}

func phaseDone(in Input, p *Plan, phase migration.Phase) bool {
	none := func(of migration.Phase) bool {
		return !slices.ContainsFunc(p.Steps, func(s Step) bool { return s.Phase == of && !in.givenUp(s) })
	}
	domains := len(in.Desired.Domains) > 0
	switch phase {
	case migration.Sync:
		return !slices.ContainsFunc(in.Desired.Mailboxes, func(m migration.Mailbox) bool {
			return !synced(in, m) && !in.acceptedFor("mailbox", m.Address)
		})
	case migration.Verify:
		return in.switchedOver() && domains || verifiedOnce(in)
	case migration.Cutover:
		return !domains || in.switchedOver() && !in.mustIntend() && none(phase)
	case migration.DoubleReception:
		return !domains || in.done(in.root(), "proof") || p.open(GateSoak) && p.open(GateSilence) && !in.mustIntend()
	case migration.Prepare:
		return none(phase) && !unseen(in, p)
	case migration.LowerTTL:
		return none(phase) && none(migration.Prepare) && !unseen(in, p)
	default:
		return none(phase)
	}
}

// unseen reports whether a zone or a target could not be looked at before the
// switch: then nobody knows what is left to do.
func unseen(in Input, p *Plan) bool {
	return !in.switchedOver() && slices.ContainsFunc(p.Blocked, func(b Blocked) bool { return b.Address.Kind() != "mailbox" })
}

// verifiedOnce reports whether every check passed or is accepted, however old.
func verifiedOnce(in Input) bool {
	for _, m := range in.Desired.Mailboxes {
		for _, check := range mailboxChecks() {
			if !passedOnce(in, m.Address, check) && !in.acceptedFor("mailbox", m.Address) {
				return false
			}
		}
	}
	for _, d := range in.Desired.Domains {
		for _, check := range []string{"rcpt", "spf", "dkim"} {
			if !passedOnce(in, d.Address, check) {
				return false
			}
		}
	}
	return true
}

func passedOnce(in Input, a migration.Address, check string) bool {
	if !slices.Contains(in.Desired.Settings.Verify.Require, check) || in.acceptedFor(check, a) {
		return true
	}
	e, ok := in.evidence(a, check)
	return ok && Settled(in, a, check, e)
}

// phaseText says what a phase is about just now.
func phaseText(in Input, p *Plan, phase migration.Phase, status string) string {
	if status == "done" {
		return doneText(in, phase)
	}
	for _, g := range p.Gates {
		if g.Phase == phase && g.Status != Open {
			return g.Because
		}
	}
	var left []string
	for _, s := range p.Steps {
		if s.Phase == phase && !(s.Name == "sync" && s.Status == Waiting) {
			left = append(left, s.Key())
		}
	}
	switch {
	case phase == migration.Sync:
		return syncText(in)
	case len(left) == 0:
		return ""
	case len(left) == 1:
		return "left: " + left[0]
	default:
		return fmt.Sprintf("left: %d steps, first %s", len(left), left[0])
	}
}

func doneText(in Input, phase migration.Phase) string {
	switch {
	case len(in.Desired.Domains) == 0 && (phase == migration.LowerTTL || phase == migration.Cutover || phase == migration.DoubleReception):
		return "nothing to do without a domain"
	case phase == migration.Sync:
		return syncText(in)
	case phase == migration.Cutover:
		if at, ok := cutoverAt(in); ok {
			return "MX moved, observed " + local(at, in.zone())
		}
	}
	return ""
}

func syncText(in Input) string {
	complete, messages := 0, int64(0)
	for _, m := range in.Desired.Mailboxes {
		if synced(in, m) {
			complete++
		}
		messages += in.mailbox(m.Address).Totals.Source
	}
	return fmt.Sprintf("%d of %d mailboxes complete, %d messages", complete, len(in.Desired.Mailboxes), messages)
}
