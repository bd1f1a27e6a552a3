package mailsync

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"bascule/internal/retry"
)

func isRefusal(err error) bool {
	var se *ServerError
	return errors.As(err, &se) && se.Status != "BYE" && !retry.IsTemporary(err)
}

// sentCopy is what reading back needs of a copy of this pass: its UID, the
// place of its message in the source view, and the flags it was sent with.
type sentCopy struct {
	target       UID
	source, left uint32
}

// settleAll reads back, folder by folder, what was written and not read yet,
// in this pass or in one that was interrupted.
func (p *pass) settleAll(ctx context.Context) error {
	var due []*settling
	rows := p.unsettled()
	for _, s := range p.state.pairs {
		if s.excluded() || !s.Target.Known {
			continue
		}
		if b := p.settling(s, rows[s.Pair.ID]); b.any() {
			due = append(due, b)
		} else if err := p.settledByLook(ctx, s); err != nil {
			return err
		}
	}
	if err := p.surveySettled(ctx, due); err != nil {
		return err
	}
	for _, b := range due {
		if err := p.folderError(ctx, b.PairState, p.settle(ctx, b)); err != nil {
			return err
		}
	}
	return nil
}

// settledByLook records that what an interrupted pass sent was read back by the look.
func (p *pass) settledByLook(ctx context.Context, s *PairState) error {
	if s.settled.end() == 0 {
		return nil
	}
	return p.commit(ctx, Change{Settled: []Settlement{{Pair: s.Pair.ID, Validity: s.Target.UIDValidity, Below: s.settled.end()}}})
}

// settle compares what the target made of new messages with what they are: a
// flag lost at APPEND is stored, a date that was not kept is counted. What is
// as it was sent needs no record of its own.
func (p *pass) settle(ctx context.Context, b *settling) error {
	if b.status == nil {
		if err := p.readBack(ctx, b); err != nil {
			return err
		}
	}
	if b.status.UIDValidity != b.Target.UIDValidity {
		return fmt.Errorf("target folder %s: %w", showPath(b.Pair.Target.Path), errFolderChanged)
	}
	p.state.standing[folderKey(b.Pair.Target.Path)] = *b.status
	if err := p.settleAltered(ctx, b); err != nil {
		return err
	}
	return p.settleRest(ctx, b)
}

// settleAltered records what is not as it was sent. The rows of this pass are
// not kept in memory: they come back from the ledger, some at a time.
func (p *pass) settleAltered(ctx context.Context, b *settling) error {
	b.altered.order()
	rows := make([]*Row, 0, len(b.found))
	for _, uid := range sortedUIDs(slices.Collect(maps.Keys(b.found))) {
		rows = append(rows, b.rows[uid])
	}
	if b.altered.n > 0 {
		err := p.Ledger.Rows(ctx, b.Pair.ID, func(r Row) error {
			if _, ok := b.altered.search(r.TargetUID); ok && r.Outcome == Copied && r.TargetFolder == nil && r.TargetValidity == b.Target.UIDValidity {
				kept := r
				rows = append(rows, &kept)
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("read ledger: %w", err)
		}
	}
	for chunk := range slices.Chunk(rows, notesAtOnce) {
		if err := p.settleRows(ctx, b, chunk); err != nil {
			return err
		}
	}
	return nil
}

func (p *pass) settleRows(ctx context.Context, b *settling, rows []*Row) error {
	lost := map[*Row][]string{}
	for _, r := range rows {
		m, ok := b.found[r.TargetUID]
		if !ok {
			i, _ := b.altered.search(r.TargetUID)
			m = b.altered.meta(i)
		}
		for _, flag := range minusFlags(minusFlags(m.Flags, r.Flags), r.Left) {
			p.except(FlagAdded, flag, r, "")
		}
		r.Left, r.Settled = m.Flags, true
		p.compareBack(r, m)
		if flags := minusFlags(r.Flags, m.Flags); len(flags) > 0 {
			lost[r] = flags
		}
	}
	if err := p.storeLost(ctx, b.PairState, lost, rows); err != nil {
		return err
	}
	return p.commit(ctx, Change{Rows: rows})
}

// settleRest settles all others by one record, up to the first that is not there.
func (p *pass) settleRest(ctx context.Context, b *settling) error {
	absent, done := len(b.rows)-len(b.found), bounds{below: b.settled.below}
	for uid := range b.rows {
		if _, ok := b.found[uid]; !ok {
			done.stop(uid)
		}
	}
	for i, c := range b.sent {
		if done.take(c.target); !b.seen.has(i) {
			absent++
			done.stop(c.target)
		}
	}
	if absent > 0 {
		p.state.pending[b.Pair.ID] += absent
		p.report.Warnings = append(p.report.Warnings, fmt.Sprintf("%s: %d messages were accepted and are not there", showPath(b.Pair.Target.Path), absent))
	}
	if done.end() == 0 {
		return nil
	}
	return p.commit(ctx, Change{Settled: []Settlement{{Pair: b.Pair.ID, Validity: b.Target.UIDValidity, Below: done.end()}}})
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
	if m.Date.Unix() != r.Date.Unix() {
		p.report.DatesNotKept++
		p.except(DateNotKept, dateKind(r.Date, p.Clock.Now()), r, "")
	}
	if how := p.Personality.alteration(r, m.Size); how != "" {
		p.report.Altered++
		p.except(OctetsAltered, how, r, "")
	}
}

const (
	noSuchFlag = "not among the flags that the folder keeps"
	noWord     = "a keyword that no command can carry"
)
