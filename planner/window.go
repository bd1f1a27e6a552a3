package planner

import (
	"slices"
	"time"

	"bascule/migration"
)

// horizon bounds the search for the next window: two years.
const horizon = 731

// span is one opening of a window.
type span struct{ opens, closes time.Time }

// nextOpening returns the opening of w that contains now with enough left of
// it, or the next one after now. ok is false when none comes within the
// horizon. Hours are local: on the day the clock is put forward an opening
// may be shorter, on the day it is put back longer.
func nextOpening(w migration.Window, zone *time.Location, now time.Time) (s span, ok bool) {
	if w.IsZero() {
		return span{opens: now}, true
	}
	// An opening that crosses midnight may have begun yesterday.
	day := now.In(zone).AddDate(0, 0, -1)
	for range horizon {
		s, ok := openingOn(w, zone, day)
		last := s.closes.Add(-w.MinRemaining)
		if ok && last.After(now) && last.After(s.opens) {
			return s, true
		}
		day = day.AddDate(0, 0, 1)
	}
	return span{}, false
}

// openingOn returns the opening that begins on the local day of t.
func openingOn(w migration.Window, zone *time.Location, t time.Time) (span, bool) {
	y, m, d := t.In(zone).Date()
	if len(w.Days) > 0 && !slices.Contains(w.Days, time.Date(y, m, d, 12, 0, 0, 0, zone).Weekday()) {
		return span{}, false
	}
	if blackedOut(w, y, m, d) {
		return span{}, false
	}
	end := w.End
	if end <= w.Start {
		end += 24 * 60
	}
	if end > 24*60 && blackedOut(w, y, m, d+1) {
		end = 24 * 60 // a blackout begins at its midnight
	}
	s := span{
		opens:  time.Date(y, m, d, 0, w.Start, 0, 0, zone),
		closes: time.Date(y, m, d, 0, end, 0, 0, zone),
	}
	if w.NotBefore.After(s.opens) {
		s.opens = w.NotBefore
	}
	return s, s.opens.Before(s.closes)
}

// blackedOut reports whether a local day, which may be counted beyond the end
// of its month, lies in a blackout.
func blackedOut(w migration.Window, y int, m time.Month, d int) bool {
	date := time.Date(y, m, d, 12, 0, 0, 0, time.UTC).Format(time.DateOnly)
	return slices.ContainsFunc(w.Blackout, func(b migration.DateRange) bool { return date >= b.First && date <= b.Last })
}

// windowGate is the verdict on the cutover window.
func windowGate(in Input) Gate {
	g := Gate{ID: GateWindow, Kind: GateWindow, Phase: migration.Cutover}
	w, zone := in.Desired.Settings.Cutover.Window, in.zone()
	if w.IsZero() {
		g.Status, g.Because = Open, "no window is configured: any time will do"
		return g
	}
	s, ok := nextOpening(w, zone, in.Now)
	switch {
	case !ok:
		g.Status, g.Because = GateFailed, "the window never opens within two years"
		g.Next = "change cutover.window"
	case s.opens.After(in.Now):
		g.Status, g.OpensAt, g.ClosesAt = Closed, s.opens.UTC(), s.closes.UTC()
		g.Because = "the window opens " + local(s.opens, zone)
	default:
		g.Status, g.OpensAt, g.ClosesAt = Open, s.opens.UTC(), s.closes.UTC()
		g.Because = "the window is open until " + local(s.closes, zone)
	}
	return g
}

// zone returns the configured time zone. Configuration has checked the name;
// a host without time zone data falls back to UTC.
func (in Input) zone() *time.Location {
	if in.loc != nil {
		return in.loc
	}
	z, err := time.LoadLocation(in.Desired.Settings.Timezone)
	if err != nil {
		return time.UTC
	}
	return z
}

// local shows an instant in the configured zone, with its abbreviation.
func local(t time.Time, zone *time.Location) string {
	return t.In(zone).Format("Mon 2006-01-02 15:04 MST")
}

// NextWindow is when the cutover window opens next, in the configured zone;
// ok is false without a window.
func NextWindow(in Input) (opens time.Time, ok bool) {
	w := in.Desired.Settings.Cutover.Window
	if w.IsZero() {
		return time.Time{}, false
	}
	s, ok := nextOpening(w, in.zone(), in.Now)
	return s.opens.In(in.zone()), ok
}
