package planner

import (
	"testing"
	"time"

	"bascule/migration"
)

func TestTheWindow(t *testing.T) {
	at := func(s string) time.Time {
		got, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	weekend := []time.Weekday{time.Saturday, time.Sunday}
	morning := migration.Window{Days: weekend, Start: 6 * 60, End: 7 * 60}
	night := migration.Window{Days: []time.Weekday{time.Saturday}, Start: 22 * 60, End: 2 * 60}
	small := migration.Window{Start: 2 * 60, End: 3 * 60}
	for name, c := range map[string]struct {
		w             migration.Window
		now           string
		want          GateStatus
		opens, closes string
	}{
		"no window is always open":                                 {now: "2027-03-08T09:00:00Z", want: Open},
		"before it opens":                                          {w: morning, now: "2027-03-13T04:59:59Z", want: Closed, opens: "2027-03-13T05:00:00Z", closes: "2027-03-13T06:00:00Z"},
		"the first instant is inside":                              {w: morning, now: "2027-03-13T05:00:00Z", want: Open, opens: "2027-03-13T05:00:00Z", closes: "2027-03-13T06:00:00Z"},
		"the last instant is outside":                              {w: morning, now: "2027-03-13T06:00:00Z", want: Closed, opens: "2027-03-14T05:00:00Z", closes: "2027-03-14T06:00:00Z"},
		"hours are local after the clocks went forward":            {w: morning, now: "2027-03-28T04:30:00Z", want: Open, opens: "2027-03-28T04:00:00Z", closes: "2027-03-28T05:00:00Z"},
		"hours that do not exist make no opening":                  {w: small, now: "2027-03-28T00:30:00Z", want: Closed, opens: "2027-03-29T00:00:00Z", closes: "2027-03-29T01:00:00Z"},
		"hours that come twice both count":                         {w: migration.Window{Start: 60, End: 3 * 60}, now: "2027-10-31T01:30:00Z", want: Open, opens: "2027-10-30T23:00:00Z", closes: "2027-10-31T02:00:00Z"},
		"it crosses midnight into a day that is not listed":        {w: night, now: "2027-03-14T00:59:00Z", want: Open, opens: "2027-03-13T21:00:00Z", closes: "2027-03-14T01:00:00Z"},
		"the night the clocks go forward is shorter":               {w: night, now: "2027-03-27T21:00:00Z", want: Open, opens: "2027-03-27T21:00:00Z", closes: "2027-03-28T01:00:00Z"},
		"the evening before belongs to no listed day":              {w: night, now: "2027-03-12T22:30:00Z", want: Closed, opens: "2027-03-13T21:00:00Z", closes: "2027-03-14T01:00:00Z"},
		"a blackout closes its first day":                          {w: with(morning, black("2027-03-13", "2027-03-13")), now: "2027-03-13T05:30:00Z", want: Closed, opens: "2027-03-14T05:00:00Z", closes: "2027-03-14T06:00:00Z"},
		"a blackout closes its last day":                           {w: with(morning, black("2027-03-10", "2027-03-14")), now: "2027-03-13T05:30:00Z", want: Closed, opens: "2027-03-20T05:00:00Z", closes: "2027-03-20T06:00:00Z"},
		"a blackout ends the night before it":                      {w: with(night, black("2027-03-14", "2027-03-15")), now: "2027-03-13T22:59:00Z", want: Open, opens: "2027-03-13T21:00:00Z", closes: "2027-03-13T23:00:00Z"},
		"inside the night that a blackout cut short":               {w: with(night, black("2027-03-14", "2027-03-15")), now: "2027-03-13T23:00:00Z", want: Closed, opens: "2027-03-20T21:00:00Z", closes: "2027-03-21T01:00:00Z"},
		"a blackout on the first of a month ends the night before": {w: with(migration.Window{Start: 22 * 60, End: 60}, black("2027-05-01", "2027-05-02")), now: "2027-04-30T20:30:00Z", want: Open, opens: "2027-04-30T20:00:00Z", closes: "2027-04-30T22:00:00Z"},
		"too little is left of it":                                 {w: with(morning, remaining(20*time.Minute)), now: "2027-03-13T05:41:00Z", want: Closed, opens: "2027-03-14T05:00:00Z", closes: "2027-03-14T06:00:00Z"},
		"just enough is left of it":                                {w: with(morning, remaining(20*time.Minute)), now: "2027-03-13T05:39:59Z", want: Open, opens: "2027-03-13T05:00:00Z", closes: "2027-03-13T06:00:00Z"},
		"not before a date":                                        {w: with(morning, notBefore(at("2027-03-20T00:00:00+01:00"))), now: "2027-03-13T05:30:00Z", want: Closed, opens: "2027-03-20T05:00:00Z", closes: "2027-03-20T06:00:00Z"},
		"not before an instant inside it":                          {w: with(morning, notBefore(at("2027-03-13T05:30:00Z"))), now: "2027-03-13T05:10:00Z", want: Closed, opens: "2027-03-13T05:30:00Z", closes: "2027-03-13T06:00:00Z"},
		"a date alone opens that day":                              {w: notBeforeOnly(at("2027-03-20T00:00:00+01:00")), now: "2027-03-19T22:59:00Z", want: Closed, opens: "2027-03-19T23:00:00Z", closes: "2027-03-20T23:00:00Z"},
		"longer than any opening":                                  {w: with(morning, remaining(2*time.Hour)), now: "2027-03-13T05:30:00Z", want: GateFailed},
	} {
		t.Run(name, func(t *testing.T) {
			w := company()
			w.now = at(c.now)
			w.desired.Settings.Cutover.Window = c.w
			g := gate(t, w.plan(t), GateWindow)
			if g.Status != c.want || g.Because == "" {
				t.Errorf("got %s (%s), want %s", g.Status, g.Because, c.want)
			}
			if c.opens != "" && (!g.OpensAt.Equal(at(c.opens)) || !g.ClosesAt.Equal(at(c.closes))) {
				t.Errorf("open from %s to %s, want %s to %s", g.OpensAt, g.ClosesAt, c.opens, c.closes)
			}
		})
	}
}

func with(w migration.Window, change func(*migration.Window)) migration.Window {
	change(&w)
	return w
}

func black(first, last string) func(*migration.Window) {
	return func(w *migration.Window) { w.Blackout = []migration.DateRange{{First: first, Last: last}} }
}

func remaining(d time.Duration) func(*migration.Window) {
	return func(w *migration.Window) { w.MinRemaining = d }
}

func notBefore(at time.Time) func(*migration.Window) {
	return func(w *migration.Window) { w.NotBefore = at }
}

func notBeforeOnly(at time.Time) migration.Window { return migration.Window{NotBefore: at} }
