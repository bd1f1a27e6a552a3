package executor

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"bascule/mailsync"
	"bascule/migration"
	"bascule/planner"
	"bascule/state"
)

// verifyMailbox compares both sides and turns the differences into evidence.
func (t *tick) verifyMailbox(ctx context.Context, j job, ledger mailsync.Ledger) (outcome, error) {
	depth := mailsync.Full
	if j.step.Action.Depth == "quick" {
		depth = mailsync.Quick
	}
	v, err := mailsync.Verify(ctx, mailsync.VerifyOptions{
		OpenSource: func(ctx context.Context) (mailsync.Source, error) {
			return t.World.OpenSource(ctx, j.from, j.mailbox, j.known.Source)
		},
		OpenTarget: func(ctx context.Context) (mailsync.Source, error) {
			return t.World.OpenTarget(ctx, j.to, j.mailbox, j.known.Target)
		},
		Ledger: ledger, Depth: depth, Personality: personalityOf(j.known.Personality), Now: t.World.Clock.Now(),
	})
	if err != nil {
		return outcome{}, err
	}
	found := mailboxEvidence(v)
	out := outcome{text: verificationText(v), change: func(st *state.State, now time.Time) {
		o := st.Object(j.mailbox.Address)
		if o.Evidence == nil {
			o.Evidence = map[string]state.Evidence{}
		}
		for check, e := range found {
			e.At = now
			o.Evidence[check] = e
		}
		if depth == mailsync.Full { // it looked at everything
			st.MailboxOf(j.mailbox.Address).Exceptions = exceptionsState(v.Exceptions)
		}
	}}
	if j.step.Name != "compare" {
		return out, nil
	}
	e := found["messages"]
	out.done = j.settles(e)
	if !out.done {
		out.failed = fmt.Errorf("the last comparison found differences: %s", e.Summary)
	}
	return out, nil
}

// mailboxEvidence sorts differences into the three checks of a mailbox.
func mailboxEvidence(v mailsync.Verification) map[string]state.Evidence {
	items := map[string][]string{"messages": nil, "flags": nil, "dates": nil}
	refused := map[string]int64{}
	for _, d := range v.Differences {
		check := "messages"
		switch d.Kind {
		case mailsync.FlagsDiffer:
			check = "flags"
		case mailsync.DateDiffers:
			check = "dates"
		case mailsync.Refused:
			refused[check]++
		}
		items[check] = append(items[check], differenceText(d))
	}
	out := map[string]state.Evidence{}
	for check, list := range items {
		known := exceptionsOf(check, v.Exceptions)
		e := state.Evidence{Verdict: state.Passed, Summary: fmt.Sprintf("%d messages compared, no difference", v.Matched) + orNothing("; known and named: ", exceptionsText(known))}
		if len(list) > 0 {
			e.Verdict, e.Items = state.Failed, firstItems(list)
			e.Summary = fmt.Sprintf("%d of %d messages differ", len(list), v.Matched+len(list))
		}
		e.Counts = map[string]int64{
			"matched": int64(v.Matched), "differences": int64(len(list)), "not_ours": int64(v.NotOurs),
			"released": int64(v.Released), "excluded": int64(v.Excluded), "octets_read": v.Octets, "refused": refused[check],
		}
		out[check] = e
	}
	return out
}

// exceptionsOf are those that concern one check.
func exceptionsOf(check string, all []mailsync.Exception) (out []mailsync.Exception) {
	of := map[mailsync.ExceptionKind]string{mailsync.FlagNotKept: "flags", mailsync.DateNotKept: "dates"}
	for _, x := range all {
		if cmp.Or(of[x.Kind], "messages") == check {
			out = append(out, x)
		}
	}
	return out
}

// orNothing joins a text to what introduces it, unless there is none.
func orNothing(lead, text string) string {
	if text == "" {
		return ""
	}
	return lead + text
}

// maxItems bounds what one piece of evidence names; the count says the rest.
const maxItems = 50

func firstItems(list []string) []string {
	if len(list) > maxItems {
		return append(list[:maxItems:maxItems], fmt.Sprintf("… and %d more", len(list)-maxItems))
	}
	return list
}

func differenceText(d mailsync.Difference) string {
	text := string(d.Kind)
	if d.Folder != nil {
		text += fmt.Sprintf(": %s UID %d", strings.Join(d.Folder, "/"), d.UID)
	}
	if d.TargetFolder != nil {
		text += fmt.Sprintf(", on the target %s UID %d", strings.Join(d.TargetFolder, "/"), d.TargetUID)
	}
	if d.Detail != "" {
		text += ": " + d.Detail
	}
	return text
}

func verificationText(v mailsync.Verification) string {
	if len(v.Differences) == 0 {
		return fmt.Sprintf("%d messages compared, no difference", v.Matched) + orNothing("; known and named: ", exceptionsText(v.Exceptions))
	}
	return fmt.Sprintf("%d messages compared, %d differences, first: %s", v.Matched, len(v.Differences), differenceText(v.Differences[0]))
}

// Verify gathers all evidence anew, whatever the gates say: every mailbox, and
// every check of every domain. It raises no revision.
func (e *Executor) Verify(ctx context.Context, depth string) Result {
	t := &tick{Executor: e, tried: map[string]bool{}}
	defer func() { _ = t.session.release() }()
	err := t.verifyAll(ctx, depth)
	if e := t.session.release(); err == nil && e != nil {
		err = e
	}
	t.result.State = t.session.st
	t.result.Err = err
	t.result.conclude(nil, err)
	return t.result
}

func (t *tick) verifyAll(ctx context.Context, depth string) error {
	t.session = t.newSession("verify")
	locked, err := t.session.acquire(ctx)
	if err != nil {
		return err
	}
	in, diags, err := t.World.Look(locked, t.session.st)
	if t.result.Diags = diags; err != nil {
		return err
	}
	var boxes []planner.Step
	for _, m := range in.Desired.Mailboxes {
		boxes = append(boxes, planner.Step{
			Name: "verify", Address: m.Address, Phase: migration.Verify, Progress: true,
			Action: planner.Action{Kind: planner.VerifyMailbox, Mailbox: m.Address, Depth: depth},
		})
	}
	if len(boxes) > 0 {
		if locked, err = t.passes(ctx, locked, in, boxes); err != nil {
			return err
		}
	}
	for _, d := range in.Desired.Domains {
		for _, check := range []string{"rcpt", "spf", "dkim"} {
			s := planner.Step{Name: check, Address: d.Address, Progress: true, Action: planner.Action{Kind: planner.CheckDomain, Domain: d.Address, Check: check}}
			if err := t.one(locked, in, s); err != nil {
				return err
			}
		}
	}
	return nil
}

// Pull runs only the add-only passes that were approved at the switch. It is
// what a tick does when the configuration cannot even be read.
func (e *Executor) Pull(ctx context.Context) Result {
	t := &tick{Executor: e, tried: map[string]bool{}}
	defer func() { _ = t.session.release() }()
	t.session = t.newSession("")
	locked, err := t.session.acquire(ctx)
	if err == nil {
		_, err = t.pull(ctx, locked)
	}
	if e := t.session.release(); err == nil && e != nil {
		err = e
	}
	t.result.State = t.session.st
	t.result.Err = err
	t.result.conclude(nil, err)
	return t.result
}
