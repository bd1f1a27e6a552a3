package planner

import (
	"slices"
	"strings"
	"testing"
	"time"

	"bascule/migration"
	"bascule/state"
)

func TestWhatHoldsAPassBack(t *testing.T) {
	const a migration.Address = "mailbox.alice"
	now := time.Date(2027, 3, 8, 11, 0, 0, 0, time.UTC) // noon in Zurich
	evening := time.Date(2027, 3, 8, 17, 0, 0, 0, time.UTC)
	office := migration.Hours{Start: 8 * 60, End: 18 * 60}
	complete := &state.Pass{LastComplete: now.Add(-time.Hour)}
	pause := func(why string) *state.Pause { return &state.Pause{Until: now.Add(time.Hour), Why: why} }
	for _, tt := range []struct {
		name     string
		quiet    migration.Hours
		pass     *state.Pass
		paused   *state.Pause
		switched bool
		until    time.Time
		why      string
	}{
		{"nothing", migration.Hours{}, nil, nil, false, time.Time{}, ""},
		{"quiet hours hold back a first copy", office, nil, nil, false, evening, "quiet hours"},
		{"and one that was begun", office, &state.Pass{Ended: now}, nil, false, evening, "quiet hours"},
		{"but no mailbox that was complete once", office, complete, nil, false, time.Time{}, ""},
		{"and nothing after the switch", office, nil, nil, true, time.Time{}, ""},
		{"not outside of them", migration.Hours{Start: 13 * 60, End: 18 * 60}, nil, nil, false, time.Time{}, ""},
		{"a recorded pause for hours that were taken out of the configuration is void", migration.Hours{}, nil, pause("quiet hours"), false, time.Time{}, ""},
		{"a daily budget holds back until the next day", migration.Hours{}, complete, pause("daily budget"), false, now.Add(time.Hour), "daily budget"},
		{"but never the pull", migration.Hours{}, complete, pause("daily budget"), true, time.Time{}, ""},
		{"what a server asked for is obeyed before the switch", migration.Hours{}, complete, pause("server asked"), false, now.Add(time.Hour), "server asked"},
		{"and after it", migration.Hours{}, complete, pause("server asked"), true, now.Add(time.Hour), "server asked"},
		{"until it is over", migration.Hours{}, complete, &state.Pause{Until: now, Why: "server asked"}, false, time.Time{}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			settings := migration.DefaultSettings()
			settings.Timezone, settings.Limits.Quiet = "Europe/Zurich", tt.quiet
			st := state.New("l", "test", now)
			st.MailboxOf(a).Pass, st.MailboxOf(a).Paused = tt.pass, tt.paused
			if tt.switched {
				st.Switch = &state.Switch{Intent: now}
			}
			in := Input{Desired: &migration.Desired{Settings: settings}, State: st, Now: now}
			until, why := resting(in, migration.Mailbox{Address: a})
			if !until.Equal(tt.until) || why != tt.why {
				t.Errorf("until %s: %q", until, why)
			}
		})
	}
}

func TestTheForecastOfADailyAllowance(t *testing.T) {
	const a migration.Address = "mailbox.alice"
	for _, tt := range []struct {
		name          string
		read, written int64
		messages      int
		pass          *state.Pass
		want          string
	}{
		{"without allowances there is none", 0, 0, 1000, nil, ""},
		{"before the first look sizes are guessed", 2_500_000_000, 0, 1_000_000, nil, "about 75.0 GB in 2.5 GB read per day: 30 days"},
		{"afterwards they are known, and the smaller allowance counts", 2_500_000_000, 500_000_000, 1, &state.Pass{Left: 3_100_000_000}, "3.1 GB in 500 MB written per day: 7 days"},
		{"a day is a day", 0, 500_000_000, 1, &state.Pass{Left: 400_000}, "400 kB in 500 MB written per day: 1 day"},
		{"what is complete needs none", 0, 500_000_000, 9, &state.Pass{LastComplete: time.Unix(1, 0)}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			st := state.New("l", "test", time.Unix(0, 0))
			st.MailboxOf(a).Pass = tt.pass
			in := Input{State: st, Now: time.Unix(2, 0), Observed: &migration.Observed{Mailboxes: map[migration.Address]migration.MailboxSeen{a: {Source: migration.SideSeen{Looked: true, Messages: tt.messages}}}}, Desired: &migration.Desired{
				Settings: migration.DefaultSettings(),
				Sources:  []migration.Server{{Address: "source.old", Daily: tt.read}}, Targets: []migration.Server{{Address: "target.new", Daily: tt.written}},
				Mailboxes: []migration.Mailbox{{Address: a, Source: migration.SourceAccount{Server: "source.old"}, Target: migration.TargetAccount{Server: "target.new"}}},
			}}
			var got []string
			for _, n := range allowances(in) {
				got = append(got, n.Text)
			}
			if strings.Join(got, "; ") != tt.want {
				t.Errorf("%q", got)
			}
		})
	}
}

func TestAPausedPassIsWaitedForInThePlan(t *testing.T) {
	settings := migration.DefaultSettings()
	settings.Limits.Quiet = migration.Hours{Start: 8 * 60, End: 18 * 60}
	now := time.Date(2027, 3, 8, 9, 0, 0, 0, time.UTC)
	m := migration.Mailbox{Address: "mailbox.alice", Email: "alice@example.ch"}
	in := Input{
		Desired:  &migration.Desired{Settings: settings, Mailboxes: []migration.Mailbox{m}},
		Observed: &migration.Observed{Mailboxes: map[migration.Address]migration.MailboxSeen{}}, State: state.New("l", "test", now), Now: now,
	}
	p, _ := Make(in)
	i := slices.IndexFunc(p.Steps, func(s Step) bool { return s.Name == "sync" })
	s := p.Steps[i]
	if s.Status != Waiting || !s.NotBefore.Equal(now.Add(9*time.Hour)) || s.Reason != "paused until Mon 2027-03-08 18:00 UTC (quiet hours)" {
		t.Errorf("%s, not before %s: %s", s.Status, s.NotBefore, s.Reason)
	}
}
