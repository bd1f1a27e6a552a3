package view

import (
	"fmt"
	"strconv"
	"time"
)

// local shows an instant where people read it: "Sat 2027-03-13 06:00 CET".
func (s Style) local(t time.Time) string {
	return t.In(s.zone()).Format("Mon 2006-01-02 15:04 MST")
}

// stamp shows an instant in a table: "2027-03-13 06:00 CET".
func (s Style) stamp(t time.Time) string {
	return t.In(s.zone()).Format("2006-01-02 15:04 MST")
}

// both shows an instant in the local zone and in UTC.
func (s Style) both(t time.Time) string {
	l, u := t.In(s.zone()), t.UTC()
	_, offset := l.Zone()
	switch {
	case offset == 0 && l.Format("MST") == "UTC":
		return s.local(t)
	case l.Format(time.DateOnly) == u.Format(time.DateOnly):
		return s.local(t) + u.Format(" (15:04 UTC)")
	default:
		return s.local(t) + u.Format(" (Mon 15:04 UTC)")
	}
}

// after shows an instant that follows another: by its time when that is on the
// same day.
func (s Style) after(first, t time.Time) string {
	return Style{Zone: s.Zone, Now: first}.clock(t)
}

// clock shows an instant of today by its time, any other in full.
func (s Style) clock(t time.Time) string {
	l := t.In(s.zone())
	if !s.Now.IsZero() && l.Format(time.DateOnly) == s.Now.In(s.zone()).Format(time.DateOnly) {
		return l.Format("15:04 MST")
	}
	return s.local(t)
}

// distance shows how far off an instant is: "in 7d20h", "4m ago", or
// nothing when the present is not known.
func (s Style) distance(t time.Time) string {
	switch d := t.Sub(s.Now); {
	case s.Now.IsZero() || t.IsZero():
		return ""
	case d > -time.Second && d < time.Second:
		return "now"
	case d < 0:
		return length(-d) + " ago"
	default:
		return "in " + length(d)
	}
}

// length shows a duration, the longer the coarser: 45s, 4m10s, 2h03m, 7d19h.
func length(d time.Duration) string {
	d = d.Round(time.Second)
	days, hours, minutes := int(d.Hours())/24, int(d.Hours())%24, int(d.Minutes())%60
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < 10*time.Minute && d%time.Minute != 0:
		return fmt.Sprintf("%dm%02ds", minutes, int(d.Seconds())%60)
	case d < time.Hour:
		return fmt.Sprintf("%dm", minutes)
	case d < 24*time.Hour && minutes == 0:
		return fmt.Sprintf("%dh", hours)
	case d < 24*time.Hour:
		return fmt.Sprintf("%dh%02dm", hours, minutes)
	case hours == 0:
		return fmt.Sprintf("%dd", days)
	default:
		return fmt.Sprintf("%dd%dh", days, hours)
	}
}

// count shows a number with its thousands apart: 48,214.
func count(n int64) string {
	s := strconv.FormatInt(n, 10)
	first := 0
	if n < 0 {
		first = 1
	}
	for i := len(s) - 3; i > first; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// octets shows a size in decimal units.
func octets(n int64) string {
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	v, units := float64(n)/1000, []string{"kB", "MB", "GB", "TB"}
	i := 0
	for v >= 999.95 && i < len(units)-1 {
		v, i = v/1000, i+1
	}
	return fmt.Sprintf("%.1f %s", v, units[i])
}

// plural shows a count with its noun: "1 step", "3 steps".
func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return count(int64(n)) + " " + many
}
