package executor

import (
	"context"
	"fmt"
	"path"
	"time"

	"bascule/migration"
	"bascule/planner"
	"bascule/state"
)

// switchIntent makes the target the truth, on record before the first new MX
// is written: the sync only adds from here on, with the parameters reviewed,
// the fences stand, and the silence of the old side begins to count.
func (t *tick) switchIntent(in planner.Input) outcome {
	approved := state.Approved{
		Sources: in.Desired.Sources, Targets: in.Desired.Targets, Mailboxes: in.Desired.Mailboxes, Domains: in.Desired.Domains,
		Sync: in.Desired.Settings.Sync, Limits: in.Desired.Settings.Limits,
	}
	return outcome{done: true, text: "the sync only adds from now on", change: func(st *state.State, now time.Time) {
		st.Switch = &state.Switch{Intent: now, PlanID: t.session.planID, Approved: approved}
		for _, m := range in.Desired.Mailboxes {
			st.MailboxOf(m.Address).Silence = state.Silence{}
		}
		st.AddEvent(now, "cutover_intent", planner.Root, "the target is the truth from here on")
	}}
}

func (t *tick) hold() outcome {
	return outcome{done: false, text: "every gate is closed until the hold is released", change: func(st *state.State, now time.Time) {
		if st.Hold == nil {
			st.Hold = &state.Hold{Since: now, By: t.Holder.Who, Reason: "rollback"}
			st.AddEvent(now, "held", planner.Root, "rollback")
		}
	}}
}

// leadBack records that the MX points to the old side again. What the way
// forward had done at its end is to be done anew.
func (t *tick) leadBack() outcome {
	return outcome{done: false, text: "the old side receives again", change: func(st *state.State, now time.Time) {
		st.Switch.Back = &now
		for _, o := range st.Objects {
			for _, name := range []string{"final", "compare", "inbound", "switch", "proof"} {
				delete(o.Done, name)
			}
			for _, check := range []string{"clients", "compare", "manual:inbound"} {
				delete(o.Evidence, check)
			}
		}
		st.Revision++
		st.AddEvent(now, "rolled_back", planner.Root, "the MX points to the old side again; the migration is held")
	}}
}

// manual looks whether a person has done what was asked.
func (t *tick) manual(ctx context.Context, in planner.Input, s planner.Step) (outcome, error) {
	var e state.Evidence
	switch check := s.Action.Manual.Check; check {
	case "rrset":
		return t.manualRRset(ctx, in, s)
	case "login":
		e = t.loginWorks(ctx, in, s.Action.Mailbox)
	case "rcpt":
		e = t.aliasAccepted(ctx, in, s)
	case "inbound_closed":
		d, ok := domain(in, s.Action.Domain)
		if !ok {
			return outcome{}, fmt.Errorf("bug: %s is not in the configuration", s.Action.Domain)
		}
		q := oldQuery(in, d)
		e = refusal(t.World.Recipients(ctx, q), q.Recipients)
		e = lasting(e, in.State.Object(s.Address).Evidence["manual:"+s.Name], t.World.Clock.Now())
	default:
		return outcome{}, fmt.Errorf("bug: no check is called %q", check)
	}
	out := evidence(s.Address, "manual:"+s.Name, e)
	out.done = e.Verdict == state.Passed
	out.before, out.after = linesImage(s.Before), linesImage(s.After)
	if !out.done {
		out.text = "waits for a person: " + e.Summary
	} else if s.Name == "inbound" {
		out.change = also(out.change, func(st *state.State, now time.Time) {
			st.AddEvent(now, "inbound_closed", s.Address, e.Summary)
		})
	}
	return out, nil
}

func also(f, g func(*state.State, time.Time)) func(*state.State, time.Time) {
	return func(st *state.State, now time.Time) { f(st, now); g(st, now) }
}

// manualRRset looks whether the servers serve what a person was asked to enter.
func (t *tick) manualRRset(ctx context.Context, in planner.Input, s planner.Step) (outcome, error) {
	d, ok := domain(in, s.Action.Domain)
	edit := s.Action.RRset
	if !ok || edit == nil {
		return outcome{}, fmt.Errorf("bug: %s has nothing to look for", s.Key())
	}
	have, err := t.agreed(ctx, d, *edit)
	if err != nil {
		return outcome{}, err
	}
	waits := "waits for a person to change the zone"
	want, err := wanted(have, *edit)
	if err != nil {
		waits = err.Error() // half done, or done otherwise: nothing of ours is at stake
	}
	out := evidence(s.Address, "manual:"+s.Name, state.Evidence{Verdict: state.Failed, Summary: waits, Items: s.Action.Manual.Instruction})
	if have.Equal(want) {
		out = evidence(s.Address, "manual:"+s.Name, state.Evidence{Verdict: state.Passed, Summary: describeSet(want)})
		out.done, out.before, out.after = true, rrsetImage(have), rrsetImage(want)
		if edit.Event != "" {
			out.change = also(out.change, func(st *state.State, now time.Time) { st.AddEvent(now, edit.Event, s.Address, describeSet(want)) })
		}
	}
	return out, nil
}

func (t *tick) loginWorks(ctx context.Context, in planner.Input, a migration.Address) state.Evidence {
	m, err := mailbox(in, a)
	if err != nil {
		return state.Evidence{Verdict: state.Inconclusive, Summary: err.Error()}
	}
	to, err := server(in.Desired.Targets, m.Target.Server)
	if err != nil {
		return state.Evidence{Verdict: state.Inconclusive, Summary: err.Error()}
	}
	target, err := t.World.OpenTarget(ctx, to, m, nil)
	if err != nil {
		return state.Evidence{Verdict: state.Failed, Summary: err.Error()}
	}
	defer target.Close()
	return state.Evidence{Verdict: state.Passed, Summary: "login " + m.Target.Login + " works"}
}

func (t *tick) aliasAccepted(ctx context.Context, in planner.Input, s planner.Step) state.Evidence {
	if d, ok := domainOf(in, s.Action.Email); ok {
		return t.newAccepts(ctx, in, d, []string{s.Action.Email})
	}
	return state.Evidence{Verdict: state.Inconclusive, Summary: "no domain says where mail for " + s.Action.Email + " arrives"}
}

// sheetPath is where a person's sheet goes.
func sheetPath(in planner.Input, m migration.Mailbox) string {
	return path.Join(in.Desired.Settings.Clients.Dir, planner.SheetName(m.Email))
}
