package config

import (
	"slices"
	"time"

	"github.com/hashicorp/hcl/v2"

	"bascule/internal/diag"
	"bascule/migration"
)

// SummaryWindowPast is the summary of the warning about a window whose first
// day is over. It is a warning because a migration that moved is at that point
// too; a command that begins one may refuse.
const SummaryWindowPast = "The window begins in the past"

// horizon bounds the search for an opening of the window.
const horizon = 800

func (ev *evaluator) checkDates() {
	if ev.broken[ev.migration()] {
		return
	}
	s := ev.out.Settings
	loc, err := time.LoadLocation(s.Timezone)
	if err != nil {
		return
	}
	now := ev.c.opts.Now
	w := s.Cutover.Window
	ev.checkPast(w, now)
	opening, ok := nextOpening(w, laterOf(w.NotBefore, now), loc)
	if !ok {
		ev.f.errorAt(ev.window(), ev.migration(), "The window can never open", "No day of the next two years is open: days, not_before and blackout leave none.")
		return
	}
	for _, source := range ev.out.Sources {
		ev.checkContract(source, opening, loc)
	}
}

func laterOf(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func (ev *evaluator) migration() migration.Address {
	if blocks := ev.blocksOf("migration"); len(blocks) > 0 {
		return blocks[0].addr
	}
	return ""
}

func (ev *evaluator) window() hcl.Range { return ev.where(ev.migration(), "cutover.window") }

func (ev *evaluator) checkPast(w migration.Window, now time.Time) {
	if now.IsZero() || w.NotBefore.IsZero() || !w.NotBefore.Before(now) {
		return
	}
	ev.f.warnAt(ev.where(ev.migration(), "cutover.window.not_before"), ev.migration(), SummaryWindowPast,
		"not_before was %s; the cutover may begin at any opening from now on. Before the migration has moved, give a day to come; afterwards this says nothing new.", w.NotBefore.Format("2006-01-02 15:04 MST"))
}

// checkContract wants soak and silence to end before the old contract does.
// With a day given in not_before it is a mistake in the text; otherwise the
// clock makes it one, and a clock only ever warns.
func (ev *evaluator) checkContract(source migration.Server, opening time.Time, loc *time.Location) {
	if source.AvailableUntil.IsZero() || opening.IsZero() {
		return
	}
	s := ev.out.Settings
	need := s.DoubleReception.Soak + s.Decommission.Silence
	// The last day counts whole when only a day was written.
	end := source.AvailableUntil
	if h, m, sec := end.In(loc).Clock(); h+m+sec == 0 {
		end = end.In(loc).AddDate(0, 0, 1)
	}
	fixed, ok := nextOpening(s.Cutover.Window, s.Cutover.Window.NotBefore, loc)
	severity := diag.Warning
	if ok && !s.Cutover.Window.NotBefore.IsZero() && fixed.Add(need).After(end) {
		severity, opening = diag.Error, fixed
	}
	if opening.Add(need).After(end) {
		ev.f.at(severity, ev.where(source.Address, "available_until"), source.Address, "The old contract ends too early",
			"The window opens on "+opening.In(loc).Format("2006-01-02 15:04")+" at the earliest, and soak ("+inWords(s.DoubleReception.Soak)+") and silence ("+inWords(s.Decommission.Silence)+") last until "+
				opening.Add(need).In(loc).Format("2006-01-02 15:04")+". Move the window forward or keep the old service longer.")
	}
}

// inWords writes a duration as in configuration.
func inWords(d time.Duration) string {
	s := d.String()
	for _, tail := range []string{"m0s", "h0m"} {
		if len(s) > len(tail) && s[len(s)-len(tail):] == tail {
			s = s[:len(s)-len(tail)+1]
		}
	}
	return s
}

// windowLength is how long one opening lasts.
func windowLength(w migration.Window) time.Duration {
	minutes := w.End - w.Start
	if minutes <= 0 {
		minutes += 24 * 60
	}
	return time.Duration(minutes) * time.Minute
}

// nextOpening returns the first moment from a time on at which the window is
// open. The zero time is returned for a window without a day to begin at.
func nextOpening(w migration.Window, from time.Time, loc *time.Location) (time.Time, bool) {
	if from.IsZero() {
		from = time.Date(2000, 1, 1, 0, 0, 0, 0, loc)
		_, ok := search(w, from, loc)
		return time.Time{}, ok
	}
	return search(w, from.In(loc), loc)
}

// search looks day by day. The opening that began the day before counts: it
// may have crossed midnight.
func search(w migration.Window, from time.Time, loc *time.Location) (time.Time, bool) {
	for i := -1; i < horizon; i++ {
		y, m, d := from.Date()
		opens := time.Date(y, m, d+i, w.Start/60, w.Start%60, 0, 0, loc)
		closes := time.Date(y, m, d+i, w.Start/60, w.Start%60, 0, 0, loc).Add(windowLength(w))
		if !dayAllowed(w, opens) || !closes.After(from) {
			continue
		}
		at := laterOf(opens, from)
		if closes.Sub(at) >= w.MinRemaining && !blackedOut(w, at) {
			return at, true
		}
	}
	return time.Time{}, false
}

func dayAllowed(w migration.Window, t time.Time) bool {
	return len(w.Days) == 0 || slices.Contains(w.Days, t.Weekday())
}

func blackedOut(w migration.Window, t time.Time) bool {
	day := t.Format(dayLayout)
	return slices.ContainsFunc(w.Blackout, func(r migration.DateRange) bool { return r.First <= day && day <= r.Last })
}
