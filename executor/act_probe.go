package executor

import (
	"context"
	"fmt"
	"strings"
	"time"

	"bascule/internal/safetext"
	"bascule/mailsync"
	"bascule/mailsync/folders"
	"bascule/planner"
	"bascule/state"
)

// probeTarget learns how the target keeps messages, in a scratch folder that
// it removes again, and records it.
func (t *tick) probeTarget(ctx context.Context, in planner.Input, s planner.Step) (outcome, error) {
	m, err := mailbox(in, s.Action.Mailbox)
	if err != nil {
		return outcome{}, err
	}
	from, err := server(in.Desired.Sources, m.Source.Server)
	if err != nil {
		return outcome{}, err
	}
	to, err := server(in.Desired.Targets, m.Target.Server)
	if err != nil {
		return outcome{}, err
	}
	known := t.session.st.MailboxOf(m.Address)
	learnt, err := mailsync.Probe(ctx, mailsync.ProbeOptions{
		OpenSource: func(ctx context.Context) (mailsync.Source, error) {
			return t.World.OpenSource(ctx, from, m, known.Source)
		},
		OpenTarget: func(ctx context.Context) (mailsync.Target, error) {
			return t.World.OpenTarget(ctx, to, m, known.Target)
		},
		Clock: t.World.Clock, Random: t.World.Random, Tap: t.World.Tap,
	})
	if err != nil {
		return outcome{}, err
	}
	p := personalityState(learnt)
	return outcome{
		done: true, clearsFailure: true, before: linesImage(s.Before), after: linesImage(planner.Lines(p.Text...)),
		text:   fmt.Sprintf("personality of %s: %s", m.Target.Server, strings.Join(p.Text, "; ")),
		change: func(st *state.State, _ time.Time) { st.MailboxOf(m.Address).Personality = p },
	}, nil
}

// maxWords bounds a server's words in the state.
const maxWords = 300

func personalityState(p mailsync.Personality) *state.Personality {
	out := &state.Personality{
		At: p.At, Server: p.Server, Class: string(p.Class), Why: safetext.Shorten(p.Why, maxWords), Added: p.Added, DropNUL: p.DropNUL,
		Unrecognised: p.Unrecognised, Flagged: string(p.Flagged), Keywords: string(p.Keywords), LongKeywords: string(p.LongKeywords),
		FutureDates: string(p.FutureDates), OldDates: string(p.OldDates), Source: string(p.Source), SourceMessages: p.SourceMessages,
	}
	for _, a := range p.Alters {
		out.Alters = append(out.Alters, string(a))
	}
	for _, r := range p.Refuses {
		out.Refuses = append(out.Refuses, state.RefusedKind{Kind: r.Kind, Text: safetext.Shorten(r.Text, maxWords)})
	}
	for _, line := range p.Describe() {
		out.Text = append(out.Text, safetext.Shorten(line, maxWords))
	}
	return out
}

// personalityOf is what passes and comparisons are told.
func personalityOf(p *state.Personality) mailsync.Personality {
	if p == nil {
		return mailsync.Personality{}
	}
	out := mailsync.Personality{
		At: p.At, Server: p.Server, Class: mailsync.Class(p.Class), Why: p.Why, Added: p.Added, DropNUL: p.DropNUL, Unrecognised: p.Unrecognised,
		Flagged: mailsync.Kept(p.Flagged), Keywords: mailsync.Kept(p.Keywords), LongKeywords: mailsync.Kept(p.LongKeywords),
		FutureDates: mailsync.Kept(p.FutureDates), OldDates: mailsync.Kept(p.OldDates), Source: mailsync.Class(p.Source), SourceMessages: p.SourceMessages,
	}
	for _, a := range p.Alters {
		out.Alters = append(out.Alters, mailsync.Alteration(a))
	}
	for _, r := range p.Refuses {
		out.Refuses = append(out.Refuses, mailsync.RefusedKind{Kind: r.Kind, Text: r.Text})
	}
	return out
}

// similarTo says what a person decides about similar messages.
func similarTo(onSimilar string) mailsync.Similar {
	switch onSimilar {
	case "adopt":
		return mailsync.AdoptSimilar
	case "keep_both":
		return mailsync.KeepBoth
	}
	return mailsync.AskSimilar
}

// similarIn counts what a person must decide about.
func similarIn(r mailsync.Report, before []state.Similar) []state.Similar {
	opened := map[string]bool{}
	var out []state.Similar
	for _, f := range r.Folders {
		name := folders.Show(f.Source)
		opened[name] = f.Opened
		if f.Similar > 0 {
			out = append(out, state.Similar{Folder: name, Messages: f.Similar})
		}
	}
	for _, s := range before {
		if looked, listed := opened[s.Folder]; listed && !looked {
			out = append(out, s) // not opened, so nothing changed
		}
	}
	return out
}

// addExceptions adds what a pass found to what those before it did.
func addExceptions(have []state.Exception, found []mailsync.Exception) []state.Exception {
	for _, x := range exceptionsState(found) {
		i := 0
		for i < len(have) && (have[i].Kind != x.Kind || have[i].What != x.What) {
			i++
		}
		if i == len(have) {
			have = append(have, x)
			continue
		}
		have[i].Count += x.Count
	}
	return have
}

// maxExceptions bounds the kinds that the state keeps, maxExamples the messages each names.
const (
	maxExceptions = 50
	maxExamples   = 5
)

func exceptionsState(found []mailsync.Exception) []state.Exception {
	var out []state.Exception
	for _, x := range found[:min(len(found), maxExceptions)] {
		e := state.Exception{Kind: string(x.Kind), What: safetext.Shorten(x.What, maxWords), Count: x.Count, Text: safetext.Shorten(x.Text, maxWords)}
		for _, m := range x.Examples[:min(len(x.Examples), maxExamples)] {
			where := folders.Show(m.Folder)
			if m.UID != 0 {
				where += fmt.Sprintf(" UID %d", m.UID)
			}
			e.Examples = append(e.Examples, where)
		}
		out = append(out, e)
	}
	return out
}

// exceptionsText names them in a line.
func exceptionsText(found []mailsync.Exception) string {
	var out []string
	for _, x := range exceptionsState(found) {
		out = append(out, fmt.Sprintf("%s (%s): %d", x.Kind, x.What, x.Count))
	}
	return strings.Join(out, ", ")
}
