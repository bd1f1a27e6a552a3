package mailsync

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// flagging is the flags to be changed in one target folder.
type flagging struct {
	pair     *PairState
	folder   []string
	validity uint32
	actions  []FlagAction
	// add and remove hold, by flag, the messages that gain or lose it.
	add, remove map[string][]*Row
	changes     []FlagChange
	rows        [][]*Row // those of each change
}

func newFlagging(s *PairState, folder []string, validity uint32) *flagging {
	return &flagging{pair: s, folder: folder, validity: validity, add: map[string][]*Row{}, remove: map[string][]*Row{}}
}

func put(groups map[string][]*Row, flags []string, r *Row) {
	for _, f := range flags {
		groups[f] = append(groups[f], r)
	}
}

// flagAll brings flags over: one command per folder and flag, those of all
// folders in one flight where the target can.
func (p *pass) flagAll(ctx context.Context, actions []FlagAction) error {
	for _, works := range inFlights(p, p.flaggings(actions)) {
		if err := p.flag(ctx, works); err != nil {
			return err
		}
	}
	return nil
}

func (p *pass) flaggings(actions []FlagAction) []*flagging {
	byFolder := map[string]*flagging{}
	var out []*flagging
	for _, a := range actions {
		w := byFolder[folderKey(a.Folder)]
		if w == nil {
			w = newFlagging(p.pairByID(a.Row.Pair), a.Folder, a.Row.TargetValidity)
			byFolder[folderKey(a.Folder)] = w
			out = append(out, w)
		}
		w.actions = append(w.actions, a)
		put(w.add, a.Add, a.Row)
		put(w.remove, a.Remove, a.Row)
	}
	slices.SortFunc(out, func(a, b *flagging) int { return strings.Compare(folderKey(a.folder), folderKey(b.folder)) })
	return out
}

// flag changes the flags of some folders, and records what was agreed in those
// where that worked.
func (p *pass) flag(ctx context.Context, works []*flagging) error {
	if err := p.announceFlags(ctx, works); err != nil {
		return err
	}
	errs, err := p.storeFlags(ctx, works)
	if err != nil {
		return err
	}
	var rows []*Row
	for i, w := range works {
		if errs[i] != nil {
			if err := p.folderError(ctx, w.pair, errs[i]); err != nil {
				return err
			}
			continue
		}
		for _, a := range w.actions {
			a.Row.Flags, a.Row.Flux = a.Source, nil
			rows = append(rows, a.Row)
		}
	}
	if len(rows) == 0 {
		return nil
	}
	p.report.Flagged += len(rows)
	return p.commit(ctx, Change{Rows: rows})
}

// announceFlags records what is about to change: when the source takes it back
// before that is recorded as done, it is known to be ours to undo.
func (p *pass) announceFlags(ctx context.Context, works []*flagging) error {
	var rows []*Row
	for _, w := range works {
		for _, a := range w.actions {
			a.Row.Flux = unionFlags(a.Row.Flux, slices.Concat(a.Add, a.Remove))
			rows = append(rows, a.Row)
		}
	}
	return p.commit(ctx, Change{Rows: rows})
}

// storeFlags sets and clears each flag on its messages, and notes what we
// leave. A flag that a folder does not keep, or the server refuses, is
// counted, and stops nothing. An error of one folder is at its place in errs.
func (p *pass) storeFlags(ctx context.Context, works []*flagging) (errs []error, err error) {
	errs = make([]error, len(works))
	var asked []Storing
	var of []int
	for i, w := range works {
		accepts, err := p.acceptsOf(ctx, w.folder, w.validity)
		if errs[i] = err; err != nil {
			continue
		}
		if p.permit(w, accepts); len(w.changes) > 0 {
			asked, of = append(asked, p.storing(w.folder, w.validity, w.changes...)), append(of, i)
		}
	}
	stored, err := p.storeAll(ctx, asked)
	if err != nil {
		return nil, err
	}
	for n, i := range of {
		errs[i] = p.noteStored(works[i], stored[n])
	}
	return errs, nil
}

// permit makes changes of the flags that the folder keeps.
func (p *pass) permit(w *flagging, a Accepts) {
	for _, flag := range sortedKeys(w.add) {
		if keep, _ := permitted([]string{flag}, a); len(keep) == 0 {
			why := noSuchFlag
			if !a.writes(flag) {
				why = noWord
			}
			for _, r := range w.add[flag] {
				p.exceptFlag(flag, r, why)
			}
			continue
		}
		w.change(flag, w.add[flag], false)
	}
	for _, flag := range sortedKeys(w.remove) {
		if !a.writes(flag) {
			p.report.Warnings = append(p.report.Warnings, fmt.Sprintf("flag %s stays on %d messages of %s: %s", flag, len(w.remove[flag]), showPath(w.folder), noWord))
			continue
		}
		w.change(flag, w.remove[flag], true)
	}
}

func (w *flagging) change(flag string, rows []*Row, remove bool) {
	w.changes = append(w.changes, FlagChange{UIDs: uidsOf(rows), Flag: flag, Remove: remove})
	w.rows = append(w.rows, rows)
}

func (p *pass) noteStored(w *flagging, s Stored) error {
	if err := openError(w.folder, w.validity, s); err != nil {
		return err
	}
	var passing error
	for i, c := range w.changes {
		switch refusal := s.Refusals[i]; {
		case refusal == nil:
			leave(w.rows[i], c)
		case !aboutTheFlag(refusal):
			passing = fmt.Errorf("store %s in %s: %w", c.Flag, showPath(w.folder), refusal)
		default:
			for _, r := range w.rows[i] {
				p.exceptFlag(c.Flag, r, refusal.Error())
			}
			p.report.Warnings = append(p.report.Warnings, fmt.Sprintf("flag %s: %v", c.Flag, refusal))
		}
	}
	return passing
}

// aboutTheFlag: a server that refuses for its own reasons is asked again by
// the next pass; only what it will never have is given up.
func aboutTheFlag(refusal error) bool {
	var se *ServerError
	return isRefusal(refusal) && errors.As(refusal, &se) && !stops(se) && se.Code != "LIMIT"
}

// leave notes a change in what we left on the target.
func leave(rows []*Row, c FlagChange) {
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
