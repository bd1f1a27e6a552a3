package migration

import "time"

// Hours is a span of every local day, in minutes after midnight. End before
// Start crosses midnight. The zero value is no hours at all.
type Hours struct {
	Start int `json:"start"`
	End   int `json:"end"`
}

// IsZero reports whether no hours were given.
func (h Hours) IsZero() bool { return h.Start == h.End }

// on returns the span that begins on a local day. Its ends are times of the
// local clock: on the day it is put forward the span may be shorter or even
// empty, on the day it is put back longer.
func (h Hours) on(y int, m time.Month, d int, zone *time.Location) (begins, ends time.Time) {
	end := h.End
	if end < h.Start {
		end += 24 * 60
	}
	return time.Date(y, m, d, 0, h.Start, 0, 0, zone), time.Date(y, m, d, 0, end, 0, 0, zone)
}

// Within reports whether an instant lies in the hours, and when they end.
func (h Hours) Within(t time.Time, zone *time.Location) (ends time.Time, within bool) {
	if h.IsZero() {
		return time.Time{}, false
	}
	y, m, d := t.In(zone).Date()
	for _, day := range []int{d - 1, d} {
		begins, ends := h.on(y, m, day, zone)
		if !t.Before(begins) && t.Before(ends) {
			return ends, true
		}
	}
	return time.Time{}, false
}

// Next returns the hours that begin after an instant; both are zero when no
// hours were given.
func (h Hours) Next(t time.Time, zone *time.Location) (begins, ends time.Time) {
	if h.IsZero() {
		return time.Time{}, time.Time{}
	}
	y, m, d := t.In(zone).Date()
	for day := d; ; day++ {
		if begins, ends = h.on(y, m, day, zone); begins.After(t) && begins.Before(ends) {
			return begins, ends
		}
	}
}
