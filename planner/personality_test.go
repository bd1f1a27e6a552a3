package planner

import (
	"slices"
	"strings"
	"testing"

	"bascule/migration"
	"bascule/state"
)

func personalityWorld() *world {
	w := company()
	w.st.Object(alice).Done = map[string]state.Done{"pin": {}, "create": {}, "probe": {}}
	w.st.MailboxOf(alice).Personality = &state.Personality{
		Class: "normalised", Server: map[string]string{"name": "Dovecot", "version": "2.3", "remote-host": "a"}, Text: []string{"normalised: it alters line ends", "keywords: by STORE"},
	}
	return w
}

func TestThePersonalityIsShown(t *testing.T) {
	w := company()
	p := w.plan(t)
	i := slices.IndexFunc(p.Steps, func(s Step) bool { return s.Key() == StepKey(alice, "probe") })
	if i < 0 || !strings.HasSuffix(p.Steps[i].After.Lines[0], "known after probe") || !slices.Contains(p.Steps[i].DependsOn, StepKey(alice, "pin")) {
		t.Fatalf("no probe: %+v", p.Steps)
	}
	j := slices.IndexFunc(p.Steps, func(s Step) bool { return s.Key() == StepKey(alice, "sync") })
	if j < 0 || !slices.Contains(p.Steps[j].DependsOn, StepKey(alice, "probe")) {
		t.Fatal("mail is copied before the target is probed")
	}
	p = personalityWorld().plan(t)
	if hasStep(p, StepKey(alice, "probe")) {
		t.Fatal("probed twice")
	}
	if !slices.ContainsFunc(p.Notes, func(n Note) bool { return strings.Contains(n.Text, "alters line ends; keywords: by STORE") }) {
		t.Fatalf("notes: %v", p.Notes)
	}
}

func TestAnotherServerIsProbedAnew(t *testing.T) {
	for name, c := range map[string]struct {
		id   map[string]string
		want bool
	}{
		"nothing is known of it":      {nil, false},
		"the same":                    {map[string]string{"name": "Dovecot", "version": "2.3", "remote-host": "b"}, false},
		"another version":             {map[string]string{"name": "Dovecot", "version": "2.4"}, true},
		"another program":             {map[string]string{"name": "Cyrus", "version": "2.3"}, true},
		"another version, after all":  {map[string]string{"name": "Dovecot", "version": "2.4"}, false},
		"another version, but broken": {map[string]string{"name": "Dovecot", "version": "2.4"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := personalityWorld()
			in := w.look()
			seen := migration.MailboxSeen{Target: migration.SideSeen{Looked: true, ServerID: c.id}}
			switch {
			case strings.HasSuffix(name, "after all"):
				in.State.Switch = &state.Switch{}
			case strings.HasSuffix(name, "broken"):
				seen.Target.Err = "login refused"
			}
			in.Observed.Mailboxes = map[migration.Address]migration.MailboxSeen{alice: seen}
			m, _ := in.mailboxAt(alice)
			steps := probeStep(in, m, nil)
			if len(steps) > 0 != c.want {
				t.Fatalf("%v", steps)
			}
			if c.want && !strings.Contains(steps[0].Before.Lines[0], "alters line ends") {
				t.Fatalf("before: %v", steps[0].Before)
			}
		})
	}
}

func TestSimilarMessagesAreShownAndAsked(t *testing.T) {
	w := personalityWorld()
	w.st.MailboxOf(alice).Similar = []state.Similar{{Folder: "Sent", Messages: 12}}
	if p := w.plan(t); !slices.ContainsFunc(p.Notes, func(n Note) bool {
		return n.Address == alice && strings.Contains(n.Text, "12 messages") && strings.Contains(n.Text, "on_similar")
	}) {
		t.Fatalf("%v", p.Notes)
	}
}
