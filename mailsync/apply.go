package mailsync

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
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
		func() error { return p.copyAll(ctx, a.Copies) },
		func() error { return p.flagAll(ctx, append(a.Flags, p.state.moved...)) },
		func() error { return p.settleAll(ctx) },
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
	if len(a.Record)+len(a.Forget) == 0 {
		return nil
	}
	for _, r := range a.Record {
		p.report.Outcomes[r.Outcome]++
		if s := p.pairByID(r.Pair); s != nil && r.ID == 0 {
			s.Rows = append(s.Rows, r)
		}
	}
	return p.commit(ctx, Change{Rows: a.Record, Forget: a.Forget})
}

// moveAll follows moves of the source. A crash between the command and its
// record leaves a copy that is lost in one folder and found in the other.
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
	var uids []UID
	err := p.write("MOVE", func() (err error) {
		uids, err = p.target.Move(ctx, []UID{m.Row.TargetUID}, p.state.targets[folderKey(m.To.Pair.Target.Path)])
		return err
	})
	if err != nil {
		return fmt.Errorf("move message %d from %s to %s: %w", m.Row.TargetUID, showPath(m.From), showPath(m.To.Pair.Target.Path), err)
	}
	p.wrote(m.From).removed++
	p.report.MovedOnTarget++
	return p.recordMove(ctx, m, uids)
}

// recordMove gives the row its new folders. Without a UID from the server the
// next pass finds the message by its octets.
func (p *pass) recordMove(ctx context.Context, m MoveAction, uids []UID) error {
	r := m.Row
	r.Pair, r.SourceUID, r.SourceValidity = m.To.Pair.ID, m.Source.UID, m.To.Source.UIDValidity
	r.TargetUID, r.TargetValidity, r.TargetFolder = 0, m.To.Target.UIDValidity, nil
	if len(uids) != 1 {
		p.state.pending[m.To.Pair.ID]++
		return p.commit(ctx, Change{Rows: []*Row{r}})
	}
	r.TargetUID = uids[0]
	w := p.wrote(m.To.Pair.Target.Path)
	w.appended, w.last = w.appended+1, uids[0]
	p.followFlags(m)
	return p.commit(ctx, Change{Rows: []*Row{r}})
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

// flagAll brings flags over, one command per folder and flag.
func (p *pass) flagAll(ctx context.Context, actions []FlagAction) error {
	byFolder := map[string][]FlagAction{}
	for _, a := range actions {
		byFolder[folderKey(a.Folder)] = append(byFolder[folderKey(a.Folder)], a)
	}
	for _, k := range sortedKeys(byFolder) {
		group := byFolder[k]
		s := p.pairByID(group[0].Row.Pair)
		if err := p.folderError(ctx, s, p.flagFolder(ctx, group)); err != nil {
			return err
		}
	}
	return nil
}

func (p *pass) flagFolder(ctx context.Context, group []FlagAction) error {
	first := group[0]
	if err := p.targetAt(ctx, first.Folder, first.Row.TargetValidity); err != nil {
		return err
	}
	accepts := p.target.Accepts()
	add, remove := map[string][]*Row{}, map[string][]*Row{}
	for _, a := range group {
		keep, refused := permitted(a.Add, accepts)
		for _, f := range refused {
			p.exceptFlag(f, a.Row, noSuchFlag)
		}
		put(add, keep, a.Row)
		put(remove, a.Remove, a.Row)
	}
	if err := p.storeGroups(ctx, add, remove); err != nil {
		return err
	}
	var rows []*Row
	for _, a := range group {
		a.Row.Flags = a.Source
		rows = append(rows, a.Row)
	}
	p.report.Flagged += len(rows)
	return p.commit(ctx, Change{Rows: rows})
}

func put(groups map[string][]*Row, flags []string, r *Row) {
	for _, f := range flags {
		groups[f] = append(groups[f], r)
	}
}

// storeGroups sets and clears each flag on its messages, and notes what we
// leave. A flag the server refuses is counted, and stops nothing.
func (p *pass) storeGroups(ctx context.Context, add, remove map[string][]*Row) error {
	var changes []FlagChange
	for _, flag := range sortedKeys(add) {
		changes = append(changes, FlagChange{UIDs: uidsOf(add[flag]), Flag: flag})
	}
	for _, flag := range sortedKeys(remove) {
		changes = append(changes, FlagChange{UIDs: uidsOf(remove[flag]), Flag: flag, Remove: true})
	}
	refusals, err := p.changeFlags(ctx, changes)
	for i, c := range changes {
		rows := add[c.Flag]
		if c.Remove {
			rows = remove[c.Flag]
		}
		if i < len(refusals) {
			p.noteStored(c, rows, refusals[i])
		}
	}
	return err
}

// changeFlags makes changes until one fails for good, in one flight where the
// target can. It returns the refusals of those that were made.
func (p *pass) changeFlags(ctx context.Context, changes []FlagChange) (refusals []error, err error) {
	if f, ok := p.target.(Flagger); ok && len(changes) > 1 {
		if err := p.write("STORE", func() (err error) { refusals, err = f.ChangeFlags(ctx, changes); return err }); err != nil {
			return nil, fmt.Errorf("store flags: %w", err)
		}
	} else {
		for _, c := range changes {
			store := p.target.AddFlags
			if c.Remove {
				store = p.target.RemoveFlags
			}
			refusals = append(refusals, p.write("STORE", func() error { return store(ctx, c.UIDs, []string{c.Flag}) }))
			if e := refusals[len(refusals)-1]; e != nil && !isRefusal(e) {
				break
			}
		}
	}
	for i, e := range refusals {
		if e != nil && !isRefusal(e) {
			return refusals[:i], fmt.Errorf("store %s: %w", changes[i].Flag, e)
		}
	}
	return refusals, nil
}

func (p *pass) noteStored(c FlagChange, rows []*Row, refusal error) {
	if refusal != nil {
		for _, r := range rows {
			p.exceptFlag(c.Flag, r, refusal.Error())
		}
		p.report.Warnings = append(p.report.Warnings, fmt.Sprintf("flag %s: %v", c.Flag, refusal))
		return
	}
	p.state.flagged[p.state.openTarget] = true
	for _, r := range rows {
		r.Left = minusFlags(r.Left, []string{c.Flag})
		if !c.Remove {
			r.Left = unionFlags(r.Left, []string{c.Flag})
		}
	}
}

func uidsOf(rows []*Row) []UID {
	out := make([]UID, len(rows))
	for i, r := range rows {
		out[i] = r.TargetUID
	}
	return sortedUIDs(out)
}

func sortedKeys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.SortFunc(out, func(a, b string) int { return cmp.Or(strings.Compare(a, b)) })
	return out
}

// deleteAll removes copies whose source vanished. The row says so before the
// flag is set: after a crash, the \Deleted is known to be ours.
func (p *pass) deleteAll(ctx context.Context, deletes []DeleteAction) error {
	byFolder := map[string][]DeleteAction{}
	for _, a := range deletes {
		byFolder[folderKey(a.Folder)] = append(byFolder[folderKey(a.Folder)], a)
	}
	for _, k := range sortedKeys(byFolder) {
		group := byFolder[k]
		s := p.pairByID(group[0].Row.Pair)
		if err := p.folderError(ctx, s, p.deleteIn(ctx, s, group)); err != nil {
			return err
		}
	}
	return nil
}

func (p *pass) deleteIn(ctx context.Context, s *PairState, group []DeleteAction) error {
	if err := p.targetAt(ctx, group[0].Folder, group[0].Row.TargetValidity); err != nil {
		return err
	}
	if !p.target.Accepts().UIDPlus {
		p.state.pending[s.Pair.ID] += len(group)
		p.report.Warnings = append(p.report.Warnings, fmt.Sprintf("%s: %d messages that vanished on the source stay: %v",
			showPath(s.Pair.Target.Path), len(group), ErrNoUIDPlus))
		return nil
	}
	rows := make([]*Row, len(group))
	for i, a := range group {
		a.Row.Left = unionFlags(a.Row.Left, []string{`\Deleted`})
		rows[i] = a.Row
	}
	if err := p.commit(ctx, Change{Rows: rows}); err != nil {
		return err
	}
	if err := p.expunge(ctx, rows); err != nil {
		return fmt.Errorf("delete from %s: %w", showPath(s.Pair.Target.Path), err)
	}
	for _, r := range rows {
		r.Outcome, r.Reason, r.TargetUID = Gone, "vanished on the source; deleted", 0
	}
	p.report.Deleted += len(rows)
	p.report.Outcomes[Gone] += len(rows)
	p.wrote(group[0].Folder).removed += len(rows)
	return p.commit(ctx, Change{Rows: rows})
}

func (p *pass) expunge(ctx context.Context, rows []*Row) error {
	uids := uidsOf(rows)
	if err := p.write("STORE", func() error { return p.target.AddFlags(ctx, uids, []string{`\Deleted`}) }); err != nil {
		return err
	}
	return p.write("EXPUNGE", func() error { return p.target.Expunge(ctx, uids) })
}
