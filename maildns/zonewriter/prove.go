package zonewriter

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"bascule/internal/retry"
	"bascule/maildns"
)

// restoreTimeout bounds the one write that is made against the stream: giving
// a domain its MX back.
const restoreTimeout = 30 * time.Second

// prove asks the servers until all serve want, and says the truth when they do
// not. said is what the service answered; when the servers serve want, a
// service that reported an error was wrong, or its answer was lost.
func (c *Checked) prove(ctx context.Context, j job, first maildns.Zone, before, want maildns.RRset, said error) error {
	var z maildns.Zone
	policy := c.settle()
	if said != nil && !retry.IsTemporary(said) {
		policy.Tries = 1 // refused for good: nothing is on its way
	}
	reached := policy.Do(ctx, func(ctx context.Context) error {
		z = c.heard(c.Look(ctx, j.zone, j.keys()), j.key)
		if maildns.Propagated(z, want).Reach == maildns.ReachedAll {
			return nil
		}
		return retry.Temporary(ErrPending)
	})
	if reached == nil {
		return c.untouched(first, z, j, before, want)
	}
	if ctx.Err() != nil {
		return errors.Join(c.undecided(z, j.key, before, said), context.Cause(ctx))
	}
	o := c.truth(z, j.key, before, want, said)
	if c.lostMX(z, j.key) {
		o.Detail = c.restore(ctx, j, before)
	}
	return o
}

// untouched is nil when nothing but the written RRset changed at its name.
func (c *Checked) untouched(first, z maildns.Zone, j job, before, want maildns.RRset) error {
	if changed := collateral(first, z, j.key); len(changed) > 0 {
		return &Outcome{Kind: ErrCollateral, Before: before, Want: want, Found: z.Versions(j.key), Detail: strings.Join(changed, "; ")}
	}
	return nil
}

// truth puts a name to what the servers serve instead of want.
func (c *Checked) truth(z maildns.Zone, key maildns.Key, before, want maildns.RRset, said error) *Outcome {
	o := c.undecided(z, key, before, said)
	o.Want = want
	if len(o.Silent) > 0 || len(z.Servers) == 0 {
		return o
	}
	unchanged := 0
	for _, v := range o.Found {
		switch {
		case v.RRset.Equal(want):
		case v.RRset.Equal(before):
			unchanged++
		case v.RRset.SameValues(want) && !want.IsEmpty():
			o.Kind = ErrTTL
			o.Detail = fmt.Sprintf("asked for %d s, served with %d s", want.TTL, v.RRset.TTL)
			return o
		default:
			o.Kind = ErrDifferent
			return o
		}
	}
	if unchanged == len(o.Found) {
		o.Kind = ErrNotWritten
	}
	return o
}

// lostMX reports whether some server serves no MX at all.
func (c *Checked) lostMX(z maildns.Zone, key maildns.Key) bool {
	if key.Type != "MX" {
		return false
	}
	for _, s := range z.Servers {
		if rr, ok := s.Lookup(key); ok && rr.IsEmpty() {
			return true
		}
	}
	return false
}

// restore puts the MX back that a service deleted on the way. It outlives the
// context: a domain without MX is worse than a late exit.
func (c *Checked) restore(ctx context.Context, j job, before maildns.RRset) string {
	if before.IsEmpty() {
		return "no server serves an MX"
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), restoreTimeout)
	defer cancel()
	said := c.Inner.AddValues(ctx, j.zone, before)
	z := c.heard(c.Look(ctx, j.zone, j.keys()), j.key)
	if c.lostMX(z, j.key) {
		return fmt.Sprintf("THE DOMAIN HAS NO MX ON SOME SERVER and putting %q back did not help (%v): put it back by hand, now", before.Values, said)
	}
	return fmt.Sprintf("the service had removed every MX; %q was put back", before.Values)
}
