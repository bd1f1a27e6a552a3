package mailsync

import (
	"context"
	"fmt"
	"slices"
)

// recoverMove settles the fate of a move that was announced and not recorded.
// A copy that is still where it was did not move; one that is gone from there
// and arrived where it was to go did. Whatever else it is, comparing by
// content finds out.
func (p *pass) recoverMove(ctx context.Context, in Intent) error {
	r, err := p.rowByID(ctx, in.From, in.Moved)
	if err != nil {
		return err
	}
	from, to := p.pairByID(in.From), p.pairByID(in.Pair)
	if r == nil || from == nil || to == nil || to.excluded() || len(in.Sources) != 1 {
		return p.commit(ctx, Change{Close: in.ID})
	}
	if err := p.waitFor(ctx, in); err != nil {
		return err
	}
	left, err := p.leftFolder(ctx, from, r)
	if err != nil || !left {
		return p.orClose(ctx, in, err)
	}
	k, err := p.knownFrom(ctx, to, in)
	if err != nil {
		return err
	}
	uid, err := p.arrivedMove(ctx, to, in, r, k)
	if err != nil || uid == 0 {
		return p.orClose(ctx, in, err)
	}
	r.moved(&in, uid)
	return p.commit(ctx, Change{Rows: []*Row{r}, Close: in.ID})
}

func (p *pass) orClose(ctx context.Context, in Intent, err error) error {
	if err != nil {
		return err
	}
	return p.commit(ctx, Change{Close: in.ID})
}

// rowByID returns a row of a pair, or nil.
func (p *pass) rowByID(ctx context.Context, pair, id int64) (found *Row, err error) {
	err = p.Ledger.Rows(ctx, pair, func(r Row) error {
		if r.ID == id {
			kept := r
			found = &kept
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read ledger: %w", err)
	}
	return found, nil
}

// leftFolder reports whether the copy of a row is no longer in its folder.
func (p *pass) leftFolder(ctx context.Context, from *PairState, r *Row) (bool, error) {
	if _, ok := p.targetFolder(from); !ok {
		return false, nil
	}
	st, err := p.openTargetFolder(ctx, from.Pair.Target.Path, false)
	if err != nil || st.UIDValidity != r.TargetValidity {
		return false, err
	}
	uids, err := p.target.UIDs(ctx)
	return err == nil && !slices.Contains(uids, r.TargetUID), err
}

// arrivedMove returns the UID under which the copy of a row arrived, or 0.
func (p *pass) arrivedMove(ctx context.Context, to *PairState, in Intent, r *Row, k known) (UID, error) {
	if _, ok := p.targetFolder(to); !ok {
		return 0, nil
	}
	st, err := p.openTargetFolder(ctx, to.Pair.Target.Path, false)
	if err != nil || st.UIDValidity != in.Validity {
		return 0, err
	}
	arrived, err := p.arrivedSince(ctx, in, k)
	if err != nil {
		return 0, err
	}
	sent := foundMessage{meta: Meta{Date: r.Date}, print: Print{Digest: r.Digest, Plain: r.plain(), Octets: r.Size}, marks: origins{untold: true}}
	if f := match([]foundMessage{sent}, arrived, leftItsFolder())[0]; f.how == byContent || f.how == byMarks {
		return arrived[f.at].meta.UID, nil
	}
	return 0, nil
}
