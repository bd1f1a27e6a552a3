package planner

import (
	"fmt"
	"strings"

	"bascule/migration"
	"bascule/state"
)

// probeStep learns how the target keeps messages, once, and again when the
// target says it is another server or version. After the switch nothing is
// tried out on the side where mail arrives.
func probeStep(in Input, m migration.Mailbox, before []Step) []Step {
	known := in.mailbox(m.Address).Personality
	done := in.done(m.Address, "probe") && known != nil
	if in.State.Switched() || done && !otherServer(known, in.Observed.Mailboxes[m.Address].Target) {
		return nil
	}
	s := Step{
		Name: "probe", Address: m.Address, Phase: migration.Prepare, Revises: true,
		Action: Action{Kind: ProbeTarget, Mailbox: m.Address},
		Before: Lines(fmt.Sprintf("personality of %s: not known", m.Target.Server)),
		After:  Lines(fmt.Sprintf("personality of %s: known after probe", m.Target.Server)),
		Reason: "what a server alters must be known before messages are compared",
		Undo:   "none needed: it works in a folder of its own and removes it",
	}
	if done {
		s.Before = Lines(personalityLines(m, known)...)
		s.Reason = "the target says it is another version than the one that was probed"
	}
	for _, b := range before {
		s.DependsOn = append(s.DependsOn, b.Key())
	}
	return []Step{s}
}

// otherServer compares what tells versions apart; servers say other things of
// themselves that change from one connection to the next.
func otherServer(known *state.Personality, seen migration.SideSeen) bool {
	if !seen.OK() || len(seen.ServerID) == 0 {
		return false
	}
	for _, field := range []string{"name", "version", "vendor"} {
		if known.Server[field] != seen.ServerID[field] {
			return true
		}
	}
	return false
}

func personalityLines(m migration.Mailbox, p *state.Personality) []string {
	var out []string
	for _, line := range p.Text {
		out = append(out, fmt.Sprintf("personality of %s: %s", m.Target.Server, line))
	}
	return out
}

// personalityNotes says what is known of each target, each thing once, and
// what a person is to decide about similar messages.
func personalityNotes(in Input) []Note {
	var out []Note
	said := map[Note]bool{}
	for _, m := range in.Desired.Mailboxes {
		b := in.mailbox(m.Address)
		if b.Personality != nil {
			n := Note{m.Target.Server, "personality: " + strings.Join(b.Personality.Text, "; ")}
			if !said[n] {
				said[n] = true
				out = append(out, n)
			}
		}
		for _, s := range b.Similar {
			out = append(out, Note{m.Address, fmt.Sprintf("folder %q: %d messages seem to be on the target already, altered, and not by us; say on_similar = \"adopt\" or \"keep_both\" in its target block", s.Folder, s.Messages)})
		}
	}
	return out
}
