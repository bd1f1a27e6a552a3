package mailsync

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// deleting is the copies to be deleted in one target folder.
type deleting struct {
	pair     *PairState
	folder   []string
	validity uint32
	rows     []*Row
}

func (d *deleting) mark(remove bool) FlagChange {
	return FlagChange{UIDs: uidsOf(d.rows), Flag: `\Deleted`, Remove: remove}
}

// deleteAll removes copies whose source vanished, those of all folders in two
// flights where the target can. The first marks them, and the answers say
// whether each folder is still the one that was meant; the second expunges
// what is marked in those that are. A folder that takes another's place
// between the two has nothing that we marked, and loses nothing.
//
// The rows say so before the mark is set: after a crash, the \Deleted is known
// to be ours.
func (p *pass) deleteAll(ctx context.Context, deletes []DeleteAction) error {
	for _, works := range inFlights(p, p.deletings(deletes)) {
		if err := p.deleteIn(ctx, works); err != nil {
			return err
		}
	}
	return nil
}

func (p *pass) deletings(deletes []DeleteAction) []*deleting {
	byFolder := map[string]*deleting{}
	var out []*deleting
	for _, a := range deletes {
		d := byFolder[folderKey(a.Folder)]
		if d == nil {
			d = &deleting{pair: p.pairByID(a.Row.Pair), folder: a.Folder, validity: a.Row.TargetValidity}
			byFolder[folderKey(a.Folder)] = d
			out = append(out, d)
		}
		d.rows = append(d.rows, a.Row)
	}
	slices.SortFunc(out, func(a, b *deleting) int { return strings.Compare(folderKey(a.folder), folderKey(b.folder)) })
	return out
}

func (p *pass) deleteIn(ctx context.Context, works []*deleting) error {
	works, err := p.deletable(ctx, works)
	if err != nil || len(works) == 0 {
		return err
	}
	var rows []*Row
	for _, d := range works {
		for _, r := range d.rows {
			r.Left = unionFlags(r.Left, []string{`\Deleted`})
		}
		rows = append(rows, d.rows...)
	}
	if err := p.commit(ctx, Change{Rows: rows}); err != nil {
		return err
	}
	if works, err = p.markDeleted(ctx, works); err != nil {
		return err
	}
	return p.expungeMarked(ctx, works)
}

// deletable leaves out folders that are not what they were, and those of
// which nothing can be expunged by UID.
func (p *pass) deletable(ctx context.Context, works []*deleting) ([]*deleting, error) {
	var out []*deleting
	for _, d := range works {
		accepts, err := p.acceptsOf(ctx, d.folder, d.validity)
		switch {
		case err != nil:
			if err := p.folderError(ctx, d.pair, err); err != nil {
				return nil, err
			}
		case !accepts.UIDPlus:
			p.state.pending[d.pair.Pair.ID] += len(d.rows)
			p.report.Warnings = append(p.report.Warnings, fmt.Sprintf("%s: %d messages that vanished on the source stay: %v",
				showPath(d.folder), len(d.rows), ErrNoUIDPlus))
		default:
			out = append(out, d)
		}
	}
	return out, nil
}

// markDeleted sets \Deleted, and returns the folders in which that worked.
func (p *pass) markDeleted(ctx context.Context, works []*deleting) ([]*deleting, error) {
	var asked []Storing
	for _, d := range works {
		asked = append(asked, p.storing(d.folder, d.validity, d.mark(false)))
	}
	stored, err := p.storeAll(ctx, asked)
	if err != nil {
		return nil, err
	}
	var marked []*deleting
	for i, d := range works {
		err := undone(d.folder, d.validity, stored[i])
		if err == nil {
			marked = append(marked, d)
			continue
		}
		if stored[i].Replaced(d.validity) {
			p.unmark(ctx, d, stored[i].Status.UIDValidity)
		}
		if err := p.folderError(ctx, d.pair, fmt.Errorf("delete from %s: %w", showPath(d.folder), err)); err != nil {
			return nil, err
		}
	}
	return marked, nil
}

// unmark takes the mark back from messages of a folder that took the place of
// the one that was meant.
func (p *pass) unmark(ctx context.Context, d *deleting, validity uint32) {
	asked := p.storing(d.folder, validity, d.mark(true))
	stored, err := p.storeAll(ctx, []Storing{asked})
	if err == nil {
		err = undone(d.folder, validity, stored[0])
	}
	text := fmt.Sprintf("%s was replaced while messages were deleted: the mark was taken back from %d messages", showPath(d.folder), len(d.rows))
	if err != nil {
		text = fmt.Sprintf("%s was replaced while messages were deleted: up to %d messages there are marked as deleted by mistake: %v",
			showPath(d.folder), len(d.rows), err)
	}
	p.report.Warnings = append(p.report.Warnings, text)
}

// expungeMarked removes what was marked, and records what is gone.
func (p *pass) expungeMarked(ctx context.Context, works []*deleting) error {
	var asked []Removal
	for _, d := range works {
		asked = append(asked, Removal{Folder: p.state.targets[folderKey(d.folder)], Validity: d.validity, UIDs: uidsOf(d.rows)})
	}
	removed, err := p.expungeAll(ctx, asked)
	if err != nil {
		return err
	}
	var rows []*Row
	for i, d := range works {
		err := undone(d.folder, d.validity, removed[i])
		if err == nil {
			rows = append(rows, p.gone(d)...)
			if st := removed[i].After; st != nil {
				p.state.standing[folderKey(d.folder)] = *st
			}
			continue
		}
		if err := p.folderError(ctx, d.pair, fmt.Errorf("delete from %s: %w", showPath(d.folder), err)); err != nil {
			return err
		}
	}
	if len(rows) == 0 {
		return nil
	}
	return p.commit(ctx, Change{Rows: rows})
}

func (p *pass) gone(d *deleting) []*Row {
	for _, r := range d.rows {
		r.Outcome, r.Reason, r.TargetUID = Gone, "vanished on the source; deleted", 0
	}
	p.report.Deleted += len(d.rows)
	p.report.Outcomes[Gone] += len(d.rows)
	p.removed(d.folder, len(d.rows))
	return d.rows
}
