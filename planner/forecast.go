package planner

import (
	"fmt"
	"slices"
	"time"

	"bascule/maildns"
	"bascule/migration"
)

// forecast applies the phases to the clock: when each could be over at the
// earliest if nothing goes wrong. It is shown, and no part of the plan's identity.
func forecast(in Input, p *Plan) []Milestone {
	var out []Milestone
	add := func(phase migration.Phase, at time.Time, format string, args ...any) {
		if slices.ContainsFunc(p.Phases, func(l PhaseStatus) bool { return l.Phase == phase && l.Status == "done" }) {
			return
		}
		out = append(out, Milestone{Phase: phase, At: at.UTC(), Text: fmt.Sprintf(format, args...)})
	}
	if len(in.Desired.Domains) == 0 {
		add(migration.Verify, in.Now, "both sides compared, after the first complete pass")
		return out
	}
	lowered := in.Now
	if g, ok := p.Gate(GateLead); ok && g.Status != Open {
		lowered = g.OpensAt
	}
	add(migration.LowerTTL, lowered, "TTL lowered on every authoritative server")
	expires := latestExpiry(in, lowered)
	opening, ok := nextOpening(in.Desired.Settings.Cutover.Window, in.zone(), later(in.Now, expires))
	if !ok {
		return out
	}
	at := later(later(in.Now, expires), opening.opens)
	if moved, done := cutoverAt(in); done {
		at = moved
	}
	if expires.IsZero() {
		add(migration.Cutover, at, "MX moves, if the TTL that is served can be seen by then")
	} else {
		add(migration.Cutover, at, "MX moves; no cache holds the old TTL since %s", local(expires, in.zone()))
	}
	soak, silence := in.Desired.Settings.DoubleReception.Soak, in.Desired.Settings.Decommission.Silence
	end := later(later(at.Add(soak), at.Add(silence)), in.Now)
	if g, ok := p.Gate(GateSilence); ok && g.Status != Open {
		end = later(end, g.OpensAt)
	}
	add(migration.DoubleReception, end, "soak of %s and silence of %s over, if the old side is silent at once", text(soak), text(silence))
	add(migration.Decommission, end, "old side closed, TTL restored, proof written")
	return out
}

// latestExpiry is when caches have forgotten the old TTLs, lowered at best now.
func latestExpiry(in Input, lowered time.Time) time.Time {
	var at time.Time
	for _, m := range movers(in) {
		opens, why := expiry(in, m)
		if why != "" && opens.IsZero() {
			l := in.Desired.Settings.LowerTTL
			opens = later(maildns.WaitUntil(lowered, m.first(in).TTL, l.Margin), lowered.Add(l.Wait))
		}
		at = later(at, opens)
	}
	return at
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
