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
	var due []*PairState
	var asks []Ask
	for _, s := range p.state.pairs {
		if s.excluded() || !s.Target.Known || len(s.unsettled()) == 0 {
			continue
		}
		due = append(due, s)
		if f, ok := p.targetFolder(s); ok {
			asks = append(asks, Ask{Folder: f, Question: AskMessages, ChangedSince: s.readBackFrom()})
		}
	}
	told := map[string]Surveyed{}
	if err := p.surveyBoth(ctx, nil, asks, nil, told); err != nil {
		return err
	}
	for _, s := range due {
		if err := p.folderError(ctx, s, p.settle(ctx, s, told)); err != nil {
			return err
		}
	}
	return nil
}

// unsettled returns our copies that were not read back, by their UID.
func (s *PairState) unsettled() map[UID]*Row {
	open := map[UID]*Row{}
	for _, r := range s.Rows {
		if !r.Settled && r.Outcome == Copied && r.TargetFolder == nil && r.TargetValidity == s.Target.UIDValidity {
			open[r.TargetUID] = r
		}
	}
	return open
}

// settle compares what the target made of new messages with what they are: a
// flag lost at APPEND is stored, a date that was not kept is counted.
func (p *pass) settle(ctx context.Context, s *PairState, told map[string]Surveyed) error {
	open := s.unsettled()
	st, seen, err := p.readBack(ctx, s, open, told)
	if err != nil {
		return err
	}
	if st.UIDValidity != s.Target.UIDValidity {
		return fmt.Errorf("target folder %s: %w", showPath(s.Pair.Target.Path), errFolderChanged)
	}
	return p.settleRows(ctx, s, open, seen)
}

// readBack returns what the target says of our copies.
func (p *pass) readBack(ctx context.Context, s *PairState, open map[UID]*Row, told map[string]Surveyed) (st Status, seen []Meta, err error) {
	mine := func(m Meta) error {
		if open[m.UID] != nil {
			seen = append(seen, m)
		}
		return nil
	}
	if a, ok := takeAnswer(told, s.Pair.Target.Path); ok && (s.readBackFrom() == 0 || a.Status.HighestModSeq >= s.Target.HighestModSeq) {
		for _, m := range a.Messages {
			_ = mine(m) // never fails
		}
		return a.Status, lastOfEach(seen), nil
	}
	if st, err = p.openTargetFolder(ctx, s.Pair.Target.Path, true); err != nil || st.UIDValidity != s.Target.UIDValidity {
		return st, nil, err
	}
	since := s.readBackFrom()
	if st.HighestModSeq < s.Target.HighestModSeq {
		since = 0
	}
	if err := p.target.Scan(ctx, since, mine); err != nil {
		return st, nil, fmt.Errorf("read back target folder %s: %w", showPath(s.Pair.Target.Path), err)
	}
	return st, seen, nil
}

// readBackFrom: with CONDSTORE only what changed since the look is read back,
// unless an interrupted pass left rows from before it.
func (s *PairState) readBackFrom() uint64 {
	for _, r := range s.Rows {
		if !r.Settled && r.Outcome == Copied && r.TargetUID < s.Target.UIDNext {
			return 0
		}
	}
	return s.Target.HighestModSeq
}

func (p *pass) settleRows(ctx context.Context, s *PairState, open map[UID]*Row, seen []Meta) error {
	lost := map[*Row][]string{}
	rows := make([]*Row, 0, len(seen))
	for _, m := range seen {
		r := open[m.UID]
		delete(open, m.UID)
		r.Left, r.Settled = sortedFlags(m.Flags), true
		p.compareBack(r, m)
		if flags := minusFlags(r.Flags, m.Flags); len(flags) > 0 {
			lost[r] = flags
		}
		rows = append(rows, r)
	}
	if err := p.storeLost(ctx, s, lost, rows); err != nil {
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

// storeLost sets the flags that were not kept at APPEND, as far as the folder has them.
func (p *pass) storeLost(ctx context.Context, s *PairState, lost map[*Row][]string, rows []*Row) error {
	if len(lost) == 0 {
		return nil
	}
	w := newFlagging(s, s.Pair.Target.Path, s.Target.UIDValidity)
	for _, r := range rows {
		put(w.add, lost[r], r)
	}
	errs, err := p.storeFlags(ctx, []*flagging{w})
	return errors.Join(append(errs, err)...)
}

func (p *pass) compareBack(r *Row, m Meta) {
	if !m.Date.Truncate(time.Second).Equal(r.Date.Truncate(time.Second)) {
		p.report.DatesNotKept++
		p.except(DateNotKept, dateKind(r.Date, p.Clock.Now()), r, "")
	}
	if how := p.Personality.alteration(r, m.Size); how != "" {
		p.report.Altered++
		p.except(OctetsAltered, how, r, "")
	}
}

const noSuchFlag = "not among the flags that the folder keeps"
