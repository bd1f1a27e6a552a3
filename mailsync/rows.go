package mailsync

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// loadRows makes the two views those of the pair (nil for a side that is not
// there to be seen), and reads its rows against them. Of a quiet row nothing is kept but that its messages are spoken for:
// a folder of a million messages in which a hundred changed costs a hundred rows.
func (p *pass) loadRows(ctx context.Context, s *PairState, source, target *View) error {
	s.Rows, s.Quiet, s.covered, s.claimed, s.settled, s.doubted = nil, 0, nil, nil, bounds{}, false
	if source != nil {
		s.Source = *source
	}
	if target != nil {
		s.Target = *target
	}
	err := p.Ledger.Rows(ctx, s.Pair.ID, func(r Row) error {
		if s.doubted = s.doubted || s.contradicts(&r); s.doubted {
			return nil
		}
		p.readBackByLook(s, &r)
		s.arrive(&r, p.Clock.Now())
		if !p.Forward.mayBeTwin(&r) && s.quiet(&r, p.Policy, p.RetryRejected && !p.doubtful[r.ID]) {
			s.Quiet++
			return nil
		}
		kept := r
		s.Rows = append(s.Rows, &kept)
		return nil
	})
	if err != nil {
		s.Source, s.Target = View{}, View{}
		return fmt.Errorf("read ledger: %w", err)
	}
	s.loaded = true
	return nil
}

// hasRows reports whether a pair has any row.
func (p *pass) hasRows(ctx context.Context, s *PairState) (bool, error) {
	found := errors.New("one is enough")
	err := p.Ledger.Rows(ctx, s.Pair.ID, func(Row) error { return found })
	if errors.Is(err, found) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("read ledger: %w", err)
	}
	return false, nil
}

// quiet reports whether a row is as it was and calls for nothing, and marks
// its messages if so. Whatever is in doubt is not quiet.
func (s *PairState) quiet(r *Row, policy Policy, retryRejected bool) bool {
	if r.TargetFolder != nil || r.Pair != s.Pair.ID {
		return false
	}
	if r.Outcome == Gone {
		_, copyStays := s.Target.messages.search(r.TargetUID)
		return policy == Mirror && !copyStays
	}
	i, there := s.Source.messages.search(r.SourceUID)
	if !s.Source.Known || !there || r.SourceValidity != s.Source.UIDValidity {
		return false
	}
	switch {
	case s.excluded():
	case r.Outcome == Excluded, r.Outcome == Rejected && retryRejected:
		return false
	case r.Outcome.Live():
		j, copied := s.Target.messages.search(r.TargetUID)
		if !copied || !s.agreed(r, i) || s.mayBeElsewhere(i) {
			return false
		}
		s.claimed.set(j)
	}
	s.covered.set(i)
	return true
}

// agreed reports whether the copy of a row is known at the target's
// UIDVALIDITY, settled, and the source's flags are what they were: of a message
// that did not change since all rows were right, they are.
func (s *PairState) agreed(r *Row, i int) bool {
	return r.Settled && len(r.Flux) == 0 && r.TargetValidity == s.Target.UIDValidity && (!hasFlag(r.Left, `\Deleted`) || hasFlag(r.Flags, `\Deleted`)) &&
		(r.Origin == FromTarget || !s.Source.messages.told(i) || equalFlags(s.Source.messages.flags(i), r.Flags))
}

// readBackByLook settles a row that an interrupted pass left unsettled: the
// look came after the write, and found what was sent.
func (p *pass) readBackByLook(s *PairState, r *Row) {
	if r.Settled || r.Outcome != Copied || r.TargetFolder != nil || r.TargetValidity != s.Target.UIDValidity || !s.Target.Known {
		return
	}
	i, there := s.Target.messages.search(r.TargetUID)
	if !there || !equalFlags(s.Target.messages.flags(i), r.Left) || len(minusFlags(r.Flags, r.Left)) > 0 {
		s.settled.stop(r.TargetUID)
		return
	}
	p.compareBack(r, s.Target.At(i))
	s.settled.take(r.TargetUID)
	r.Settled = true
}

// arrive remembers when mail came in by itself the last time.
func (s *PairState) arrive(r *Row, now time.Time) {
	if s.inbound() && r.Outcome != Moved && r.Origin == FromSource && r.Date.After(s.arrival) && !r.Date.After(now) {
		s.arrival = r.Date
	}
}
