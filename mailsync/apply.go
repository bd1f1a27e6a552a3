package mailsync

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// apply does what was decided, deletions last.
func (p *pass) apply(ctx context.Context, a Actions) error {
	for id, n := range a.Pending {
		p.state.pending[id] += n
	}
	p.report.Refusal = a.Refusal
	p.spare(a.RefusedDeletes)
	p.hold(a.Held)
	return p.inTime(
		func() error { return p.recordDecided(ctx, a) },
		func() error { return p.moveAll(ctx, a.Moves) },
		func() error { return p.confirm(ctx, a) },
		func() error { return p.copyAll(ctx, a.Copies) },
		func() error { return p.confirmAgain(ctx, a) },
		func() error { return p.flagAll(ctx, append(a.Flags, p.state.moved...)) },
		func() error { return p.settleAll(ctx) },
		func() error { return p.withdrawAll(ctx, a) },
		func() error { return p.deleteAll(ctx, a.Deletes) },
	)
}

// maxSpared bounds the messages that a refusal names.
const maxSpared = 50

func (p *pass) spare(due []DeleteAction) {
	p.report.Spared = len(due)
	for _, a := range due[:min(len(due), maxSpared)] {
		f := Failure{Folder: a.Folder, UID: a.Row.TargetUID, Text: fmt.Sprintf("of %s, %d octets", a.Row.Date.UTC().Format(time.DateTime), a.Row.Size)}
		p.report.SparedFirst = append(p.report.SparedFirst, f)
	}
}

func (p *pass) hold(held []HeldMessage) {
	for _, h := range held {
		if h.Similar {
			p.state.reports[h.Pair.Pair.ID].Similar++
			continue
		}
		f := Failure{Folder: h.Pair.Pair.Source.Path, UID: h.Meta.UID, Text: h.Why, Temporary: true}
		if h.Failure {
			p.report.Failures = append(p.report.Failures, f)
			continue
		}
		p.report.Held = append(p.report.Held, f)
	}
	for _, s := range p.state.pairs {
		if n := p.state.reports[s.Pair.ID].Similar; n > 0 {
			p.report.Failures = append(p.report.Failures, Failure{Folder: s.Pair.Source.Path,
				Text: fmt.Sprintf("%d messages seem to be on the target already, altered, and were not copied by us: %s", n, similarNext)})
		}
	}
}

const similarNext = "adopt them or keep both (on_similar)"

func (p *pass) recordDecided(ctx context.Context, a Actions) error {
	for _, r := range a.Record {
		p.report.Outcomes[r.Outcome]++
		if s := p.pairByID(r.Pair); s != nil && r.ID == 0 {
			s.Rows = append(s.Rows, r)
		}
	}
	if len(a.Record)+len(a.Forget) > 0 {
		if err := p.commit(ctx, Change{Rows: a.Record, Forget: a.Forget}); err != nil {
			return err
		}
	}
	for _, l := range a.Notes {
		if err := p.recordNotes(ctx, l); err != nil {
			return err
		}
	}
	return nil
}

// notesAtOnce bounds the rows that are made at once of a folder that is left behind.
const notesAtOnce = 1000

func (p *pass) recordNotes(ctx context.Context, l NoteList) error {
	for chunk := range slices.Chunk(l.At, notesAtOnce) {
		rows := make([]*Row, len(chunk))
		for n, i := range chunk {
			rows[n] = noteRow(l.Pair, int(i), l.Outcome, l.Reason)
		}
		if err := p.commit(ctx, Change{Rows: rows}); err != nil {
			return err
		}
		for n, i := range chunk {
			l.Pair.covered.set(int(i))
			l.Pair.arrive(rows[n], p.Clock.Now())
		}
		p.report.Outcomes[l.Outcome] += len(rows)
	}
	return nil
}

// moveAll follows moves of the source. Each is announced, so that a crash
// between the command and its record leaves no doubt who moved the copy.
func (p *pass) moveAll(ctx context.Context, moves []MoveAction) error {
	for _, m := range moves {
		if err := p.stopped(); err != nil {
			return err
		}
		s := p.pairByID(m.Row.Pair)
		err := p.move(ctx, s, m)
		if err != nil {
			p.state.pending[m.To.Pair.ID]++ // where the message is now has no row for it
		}
		if err := p.folderError(ctx, s, err); err != nil {
			return err
		}
	}
	return nil
}

func (p *pass) move(ctx context.Context, from *PairState, m MoveAction) error {
	if err := p.targetAt(ctx, m.From, m.Row.TargetValidity); err != nil {
		return err
	}
	if !p.target.Accepts().Move {
		return p.copyInstead(ctx, m)
	}
	in := p.moveIntent(from, m)
	if err := p.commit(ctx, Change{Open: in}); err != nil {
		return err
	}
	var uids []UID
	err := p.write("MOVE", func() (err error) {
		uids, err = p.target.Move(ctx, []UID{m.Row.TargetUID}, p.state.targets[folderKey(m.To.Pair.Target.Path)])
		return err
	})
	if err != nil {
		// The intent stays open: the next pass looks what became of it.
		return fmt.Errorf("move message %d from %s to %s: %w", m.Row.TargetUID, showPath(m.From), showPath(m.To.Pair.Target.Path), err)
	}
	p.removed(m.From, 1)
	p.report.MovedOnTarget++
	return p.recordMove(ctx, in, m, uids)
}

func (p *pass) moveIntent(from *PairState, m MoveAction) *Intent {
	return &Intent{Pair: m.To.Pair.ID, From: from.Pair.ID, Moved: m.Row.ID, At: p.Clock.Now(), Sources: []UID{m.Source.UID},
		SourceValidity: m.To.Source.UIDValidity, Validity: m.To.Target.UIDValidity,
		Next: max(m.To.Target.UIDNext, p.wrote(m.To.Pair.Target.Path).last+1)}
}

// recordMove gives the row its new folders. Without a UID from the server the
// message is found by its octets.
func (p *pass) recordMove(ctx context.Context, in *Intent, m MoveAction, uids []UID) error {
	if len(uids) != 1 {
		uid, err := p.arrivedMove(ctx, m.To, *in, m.Row, m.To.knownOf(in))
		if err != nil {
			return err
		}
		if uid == 0 {
			p.state.pending[m.To.Pair.ID]++
			return p.commit(ctx, Change{Close: in.ID})
		}
		uids = []UID{uid}
	}
	m.Row.moved(in, uids[0])
	w := p.wrote(m.To.Pair.Target.Path)
	w.appended, w.last = w.appended+1, uids[0]
	p.followFlags(m)
	return p.commit(ctx, Change{Rows: []*Row{m.Row}, Close: in.ID})
}

// moved makes the row what its intent announced.
func (r *Row) moved(in *Intent, uid UID) {
	r.Pair, r.SourceUID, r.SourceValidity = in.Pair, in.Sources[0], in.SourceValidity
	r.TargetUID, r.TargetValidity, r.TargetFolder = uid, in.Validity, nil
}

// followFlags brings over what was flagged on the source besides moving.
func (p *pass) followFlags(m MoveAction) {
	source := sortedFlags(m.Source.Flags)
	a := FlagAction{Row: m.Row, Folder: m.To.Pair.Target.Path, Source: source, Add: minusFlags(minusFlags(source, m.Row.Flags), m.Target.Flags),
		Remove: intersectFlags(minusFlags(m.Row.Flags, source), m.Target.Flags)}
	if announcedDeletion(m.Row, &m.Target) && !hasFlag(source, `\Deleted`) {
		a.Remove = append(a.Remove, `\Deleted`)
	}
	if !equalFlags(source, m.Row.Flags) || len(a.Remove) > 0 {
		p.state.moved = append(p.state.moved, a)
	}
}

// copyInstead serves targets without MOVE (RFC 6851): the message is copied
// to its new folder, and the old copy is deleted by the next pass like any
// that vanished.
func (p *pass) copyInstead(ctx context.Context, m MoveAction) error {
	p.state.pending[m.Row.Pair]++
	return p.copyBatch(ctx, m.To, []CopyAction{{Pair: m.To, Meta: m.Source}}, allFlags)
}
