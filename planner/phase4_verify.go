package planner

import (
	"fmt"
	"slices"
	"time"

	"bascule/migration"
	"bascule/state"
)

// verify: evidence that both sides hold the same, and that the new MX takes
// mail for every address, gathered when the mailboxes are converged.
func verify(in Input, before []Step) part {
	var p part
	if in.switchedOver() {
		return p
	}
	for _, m := range in.Desired.Mailboxes {
		p.steps = append(p.steps, verifyMailbox(in, m)...)
	}
	for _, d := range in.Desired.Domains {
		for _, check := range []string{"rcpt", "spf", "dkim"} {
			p.steps = append(p.steps, verifyDomain(in, d, check, before)...)
		}
	}
	return p
}

// switchedOver reports whether the MX of every domain has moved; from then on
// the evidence of before says nothing.
func (in Input) switchedOver() bool {
	return !in.mustIntend() && len(in.pendingCutover()) == 0
}

// mailboxChecks are the names that one comparison of a mailbox answers.
func mailboxChecks() []string { return []string{"messages", "flags", "dates"} }

func verifyMailbox(in Input, m migration.Mailbox) []Step {
	if in.acceptedFor("mailbox", m.Address) {
		return nil
	}
	var needed []string
	due := time.Time{}
	first := true
	for _, check := range mailboxChecks() {
		if !slices.Contains(in.Desired.Settings.Verify.Require, check) {
			continue
		}
		at, needs := checkDue(in, m.Address, check)
		if !needs {
			continue
		}
		needed = append(needed, check)
		if first || at.Before(due) {
			due, first = at, false
		}
	}
	if len(needed) == 0 {
		return nil
	}
	s := Step{
		Name: "verify", Address: m.Address, Phase: migration.Verify, Progress: true, NotBefore: due,
		Action: Action{Kind: VerifyMailbox, Mailbox: m.Address, Depth: "full"},
		After:  Lines("both sides hold the same"), Reason: "evidence for the cutover",
	}
	if !converged(in, m) {
		s.DependsOn = []string{StepKey(m.Address, "sync")}
	}
	return []Step{s}
}

func verifyDomain(in Input, d migration.Domain, check string, before []Step) []Step {
	if !slices.Contains(in.Desired.Settings.Verify.Require, check) {
		return nil
	}
	due, needs := checkDue(in, d.Address, check)
	if !needs {
		return nil
	}
	s := Step{
		Name: check, Address: d.Address, Phase: migration.Verify, Progress: true, NotBefore: due,
		Action: Action{Kind: CheckDomain, Domain: d.Address, Check: check},
		After:  Lines(checkGoal(check, d)), Reason: "evidence for the cutover",
	}
	s.DependsOn = keysOf(before, func(b Step) bool {
		return b.Phase == migration.Prepare && b.Address.Kind() != "record" && !in.givenUp(b)
	})
	return []Step{s}
}

func checkGoal(check string, d migration.Domain) string {
	switch check {
	case "rcpt":
		return "the new MX accepts RCPT TO for every address of " + d.Name
	case "spf":
		return "one SPF record that authorises both services within ten lookups"
	default:
		return "the new service's DKIM keys are published"
	}
}

// checkDue says whether a check is to be made, and not before when: evidence
// that passed is renewed when it is too old, what did not pass is looked at
// again after one sync interval.
func checkDue(in Input, a migration.Address, check string) (at time.Time, needs bool) {
	e, ok := in.evidence(a, check)
	switch {
	case !ok:
		return time.Time{}, true
	case Settled(in, a, check, e):
		return time.Time{}, in.Now.Sub(e.At) >= in.Desired.Settings.Verify.MaxAge
	default:
		return e.At.Add(in.Desired.Settings.Sync.Every), true
	}
}

// evidenceGate opens when everything required passed lately, and every mailbox
// is converged.
func evidenceGate(in Input) Gate {
	g := Gate{ID: GateEvidence, Kind: GateEvidence, Phase: migration.Cutover, Status: Open}
	require := in.Desired.Settings.Verify.Require
	for _, m := range in.Desired.Mailboxes {
		if in.acceptedFor("mailbox", m.Address) {
			continue
		}
		if !converged(in, m) {
			g.worsen(Closed, unsynced(in, m))
		}
		if !in.acceptedFor("messages", m.Address) {
			for _, item := range in.refusedItems(m.Address) {
				g.worsen(GateFailed, item)
			}
		}
		for _, check := range mailboxChecks() {
			if slices.Contains(require, check) {
				g.weigh(in, m.Address, check)
			}
		}
	}
	for _, d := range in.Desired.Domains {
		for _, check := range []string{"rcpt", "spf", "dkim"} {
			if slices.Contains(require, check) {
				g.weigh(in, d.Address, check)
			}
		}
	}
	g.Because = map[GateStatus]string{
		Open: "everything required has passed", Closed: "not all mailboxes are converged",
		Inconclusive: "not everything could be found out", GateFailed: "a check says no",
	}[g.Status]
	if g.Status == GateFailed {
		g.Next = "mend it, or accept it by name in an accept block"
	}
	return g
}

// weigh adds one check of one object to the verdict.
func (g *Gate) weigh(in Input, a migration.Address, check string) {
	e, ok := in.evidence(a, check)
	switch {
	case in.acceptedFor(check, a):
	case !ok:
		g.worsen(Inconclusive, fmt.Sprintf("%s: %s not checked yet", a, check))
	case e.Verdict == state.Failed && !Settled(in, a, check, e):
		g.worsen(GateFailed, fmt.Sprintf("%s: %s: %s", a, check, e.Summary))
	case !Settled(in, a, check, e):
		g.worsen(Inconclusive, fmt.Sprintf("%s: %s: %s", a, check, e.Summary))
	case in.Now.Sub(e.At) >= in.Desired.Settings.Verify.MaxAge:
		g.worsen(Inconclusive, fmt.Sprintf("%s: %s was checked %s ago", a, check, in.Now.Sub(e.At).Round(time.Minute)))
	}
}

// worsen lowers the verdict, never raises it.
func (g *Gate) worsen(to GateStatus, why string) {
	order := []GateStatus{Open, Closed, Inconclusive, Person, GateFailed}
	if slices.Index(order, to) > slices.Index(order, g.Status) {
		g.Status = to
	}
	g.Items = append(g.Items, why)
}
