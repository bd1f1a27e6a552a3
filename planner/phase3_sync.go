package planner

import (
	"fmt"
	"strings"
	"time"

	"bascule/migration"
)

// freshness is how old a complete pass may be for a mailbox to count as converged.
const freshness = 15 * time.Minute

// syncMail: every message is on the target with its folder, date and flags.
// Before the switch the target mirrors the source; from the durable intent to
// switch on, mail is only added. The passes go on until the last delta.
func syncMail(in Input, before []Step) part {
	var p part
	for _, m := range in.Desired.Mailboxes {
		if in.done(m.Address, "final") || len(in.Desired.Domains) > 0 && in.done(in.root(), "proof") {
			continue
		}
		p.steps = append(p.steps, syncStep(in, m, before))
	}
	p.notes = allowances(in)
	return p
}

func syncStep(in Input, m migration.Mailbox, before []Step) Step {
	addOnly := m.AddOnly || in.State.Switched()
	s := Step{
		Name: "sync", Address: m.Address, Phase: migration.Sync, Progress: true,
		Action: Action{Kind: SyncMailbox, Mailbox: m.Address, Sync: &SyncParams{AddOnly: addOnly}},
		After:  Lines("every message of the source"), Reason: "the target mirrors the source",
		NotBefore: passDue(in, m),
		DependsOn: keysOf(before, func(b Step) bool {
			return b.Address == m.Address && (b.Name == "pin" || b.Name == "create" || b.Name == "probe")
		}),
	}
	if addOnly {
		s.Reason = "late mail of the old side is added; nothing is deleted, moved or unmarked"
	}
	if in.State.Switched() {
		s.Phase = migration.DoubleReception
	}
	if until, why := resting(in, m); until.After(s.NotBefore) {
		s.NotBefore, s.Reason = until, fmt.Sprintf("paused until %s (%s)", local(until, in.zone()), why)
	}
	if seen := in.Observed.Mailboxes[m.Address]; blockedNow(seen) {
		s.Status = Stopped
	}
	return s
}

// blockedNow reports whether a look at the mailbox failed just now.
func blockedNow(seen migration.MailboxSeen) bool {
	return seen.Source.Looked && seen.Source.Err != "" || seen.Target.Looked && seen.Target.Err != ""
}

// passDue is when the next pass is due; zero for at once.
func passDue(in Input, m migration.Mailbox) time.Time {
	last := in.mailbox(m.Address).Pass
	if last == nil {
		return time.Time{}
	}
	every := in.Desired.Settings.Sync.Every
	// Shortly before the switch a pass must be fresh, however rarely a person
	// wants them otherwise.
	if every > freshness && cutoverNear(in) {
		every = freshness
	}
	return last.Ended.Add(every)
}

// cutoverNear reports whether the window is open, or opens within an hour, and
// the MX has not moved.
func cutoverNear(in Input) bool {
	if in.State.Switched() || len(in.Desired.Domains) == 0 {
		return false
	}
	s, ok := nextOpening(in.Desired.Settings.Cutover.Window, in.zone(), in.Now)
	return ok && s.opens.Sub(in.Now) < time.Hour
}

// synced reports whether the last pass left nothing behind.
func synced(in Input, m migration.Mailbox) bool {
	b := in.mailbox(m.Address)
	if b.Pass == nil || b.Pass.LastComplete.IsZero() {
		return false
	}
	return in.open(m.Address) <= 0 || in.acceptedFor("messages", m.Address)
}

// converged is synced, less than a quarter of an hour ago.
func converged(in Input, m migration.Mailbox) bool {
	return synced(in, m) && in.Now.Sub(in.mailbox(m.Address).Pass.LastComplete) < freshness
}

// unsynced explains why a mailbox is not converged.
func unsynced(in Input, m migration.Mailbox) string {
	o := in.State.Objects[m.Address]
	if o != nil && o.Failure != nil {
		first, _, _ := strings.Cut(o.Failure.Text, "\n")
		return fmt.Sprintf("%s: %s", m.Address, first)
	}
	switch b := in.mailbox(m.Address); {
	case b.Pass == nil || b.Pass.LastComplete.IsZero():
		return fmt.Sprintf("%s: no complete pass yet", m.Address)
	case in.open(m.Address) > 0:
		return fmt.Sprintf("%s: %d messages or folders failed in the last pass", m.Address, in.open(m.Address))
	default:
		return fmt.Sprintf("%s: the last complete pass ended %s ago", m.Address, in.Now.Sub(b.Pass.LastComplete).Round(time.Second))
	}
}
