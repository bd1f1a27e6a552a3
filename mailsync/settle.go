package mailsync

import (
	"context"
	"errors"
	"fmt"
	"time"

	"bascule/internal/retry"
)

func isRefusal(err error) bool {
	var se *ServerError
	return errors.As(err, &se) && se.Status != "BYE" && !retry.IsTemporary(err)
}

// settleAll reads back, folder by folder, what was written and not read yet,
// in this pass or in one that was interrupted.
func (p *pass) settleAll(ctx context.Context) error {
	for _, s := range p.state.pairs {
		if s.excluded() || !s.Target.Known {
			continue
		}
		if err := p.folderError(ctx, s, p.settle(ctx, s)); err != nil {
			return err
		}
	}
	return nil
}

// settle compares what the target made of new messages with what they are: a
// flag lost at APPEND is stored, a date that was not kept is counted.
func (p *pass) settle(ctx context.Context, s *PairState) error {
	open := map[UID]*Row{}
	for _, r := range s.Rows {
		if !r.Settled && r.Outcome == Copied && r.TargetFolder == nil && r.TargetValidity == s.Target.UIDValidity {
			open[r.TargetUID] = r
		}
	}
	if len(open) == 0 {
		return nil
	}
	st, err := p.openTargetFolder(ctx, s.Pair.Target.Path, true)
	if err != nil {
		return err
	}
	if st.UIDValidity != s.Target.UIDValidity {
		return fmt.Errorf("target folder %s: %w", showPath(s.Pair.Target.Path), errFolderChanged)
	}
	var seen []Meta
	err = p.target.Scan(ctx, p.scanFrom(s, st), func(m Meta) error {
		if open[m.UID] != nil {
			seen = append(seen, m)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("read back target folder %s: %w", showPath(s.Pair.Target.Path), err)
	}
	return p.settleRows(ctx, s, open, seen)
}

// scanFrom: with CONDSTORE only what changed since the look is read back,
// unless an interrupted pass left rows from before it.
func (p *pass) scanFrom(s *PairState, st Status) uint64 {
	if st.HighestModSeq == 0 || s.Target.HighestModSeq == 0 || st.HighestModSeq < s.Target.HighestModSeq {
		return 0
	}
	for _, r := range s.Rows {
		if !r.Settled && r.Outcome == Copied && r.TargetUID < s.Target.UIDNext {
			return 0
		}
	}
	return s.Target.HighestModSeq
}

func (p *pass) settleRows(ctx context.Context, s *PairState, open map[UID]*Row, seen []Meta) error {
	accepts := p.target.Accepts()
	add := map[string][]*Row{}
	rows := make([]*Row, 0, len(seen))
	for _, m := range seen {
		r := open[m.UID]
		delete(open, m.UID)
		r.Left, r.Settled = sortedFlags(m.Flags), true
		p.compareBack(r, m)
		keep, refused := permitted(minusFlags(r.Flags, m.Flags), accepts)
		for _, f := range refused {
			p.report.FlagsNotKept[f]++
		}
		put(add, keep, r)
		rows = append(rows, r)
	}
	if err := p.storeGroups(ctx, add, true); err != nil {
		return err
	}
	if len(open) > 0 {
		p.state.pending[s.Pair.ID] += len(open)
		p.report.Warnings = append(p.report.Warnings, fmt.Sprintf("%s: %d messages were accepted and are not there", showPath(s.Pair.Target.Path), len(open)))
	}
	if len(rows) == 0 {
		return nil
	}
	return p.commit(ctx, Change{Rows: rows})
}

func (p *pass) compareBack(r *Row, m Meta) {
	if !m.Date.Truncate(time.Second).Equal(r.Date.Truncate(time.Second)) {
		p.report.DatesNotKept++
	}
	if m.Size != r.Size {
		p.report.Altered++
	}
}
