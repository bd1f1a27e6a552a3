package planner

import (
	"fmt"
	"time"

	"bascule/migration"
	"bascule/state"
)

// resting is why the next pass over a mailbox waits, and until when; zero when
// it does not. What a server asked for is obeyed always. Our own politeness
// never holds back what keeps two sides together: it ends with the switch, and
// quiet hours with the first complete pass.
func resting(in Input, m migration.Mailbox) (until time.Time, why string) {
	if p := in.mailbox(m.Address).Paused; p != nil && in.Now.Before(p.Until) && binding(in, m, p.Why) {
		return p.Until, p.Why
	}
	if !firstCopy(in, m) {
		return time.Time{}, ""
	}
	if ends, quiet := in.Desired.Settings.Limits.Quiet.Within(in.Now, in.zone()); quiet {
		return ends, "quiet hours"
	}
	return time.Time{}, ""
}

// binding reports whether a pause that was recorded holds back a pass of now.
func binding(in Input, m migration.Mailbox, why string) bool {
	switch why {
	case "server asked":
		return true
	case "quiet hours":
		_, quiet := in.Desired.Settings.Limits.Quiet.Within(in.Now, in.zone())
		return quiet && firstCopy(in, m)
	}
	return !in.State.Switched()
}

// firstCopy reports whether no pass over a mailbox was ever complete.
func firstCopy(in Input, m migration.Mailbox) bool {
	p := in.mailbox(m.Address).Pass
	return !in.State.Switched() && (p == nil || p.LastComplete.IsZero())
}

// QuietFrom is when quiet hours next stop the first copy of a mailbox, and
// when it may go on; zero when they do not.
func QuietFrom(s migration.Settings, b *state.Mailbox, switched bool, now time.Time) (begins, ends time.Time) {
	zone, err := time.LoadLocation(s.Timezone)
	if err != nil || switched || b.Pass != nil && !b.Pass.LastComplete.IsZero() {
		return time.Time{}, time.Time{}
	}
	return s.Limits.Quiet.Next(now, zone)
}

// averageMessage is what a message counts in a forecast made before its size
// is known, in octets.
const averageMessage = 75_000

// allowances say how many days a first copy takes where a service bears only
// so much in one.
func allowances(in Input) []Note {
	var out []Note
	for _, m := range in.Desired.Mailboxes {
		daily, words := int64(0), ""
		for _, side := range []struct {
			server migration.Server
			words  string
		}{{in.source(m.Source.Server), "read"}, {in.target(m.Target.Server), "written"}} {
			if d := side.server.Daily; d > 0 && (daily == 0 || d < daily) {
				daily, words = d, side.words
			}
		}
		left, about := leftToCopy(in, m)
		if daily == 0 || left == 0 || !firstCopy(in, m) {
			continue
		}
		days := (left + daily - 1) / daily
		text := fmt.Sprintf("%s%s in %s %s per day: %s", about, size(left), size(daily), words, counted(days, "day"))
		out = append(out, Note{Address: m.Address, Text: text})
	}
	return out
}

// leftToCopy is how many octets are still to be carried; about says that they
// were never counted.
func leftToCopy(in Input, m migration.Mailbox) (octets int64, about string) {
	if p := in.mailbox(m.Address).Pass; p != nil && (p.Left > 0 || !p.LastComplete.IsZero()) {
		return p.Left, ""
	}
	return int64(in.Observed.Mailboxes[m.Address].Source.Messages) * averageMessage, "about "
}

func size(octets int64) string {
	switch {
	case octets >= 1_000_000_000:
		return fmt.Sprintf("%.1f GB", float64(octets)/1e9)
	case octets >= 1_000_000:
		return fmt.Sprintf("%d MB", octets/1_000_000)
	}
	return fmt.Sprintf("%d kB", octets/1000)
}

func counted(n int64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
