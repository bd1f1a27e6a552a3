package mailsync

import (
	"context"
	"fmt"
	"maps"
	"slices"
)

// look reads the folders of all pairs that may have changed.
func (p *pass) look(ctx context.Context) error {
	for _, s := range p.state.pairs {
		if p.unchanged(s) {
			continue
		}
		if err := p.folderError(ctx, s, p.lookAt(ctx, s)); err != nil {
			return err
		}
	}
	return p.displaced(ctx)
}

// unchanged: both sides are as the last complete look left them, and both
// count changes of flags (RFC 7162 HIGHESTMODSEQ); otherwise they are read.
func (p *pass) unchanged(s *PairState) bool {
	if s.Pair.Pending > 0 || !s.SourceListed || s.Pair.ID == 0 {
		return false
	}
	source := p.state.sources[folderKey(s.Pair.Source.Path)].Status
	if s.excluded() {
		return same(source, s.Pair.Source.Status)
	}
	target := p.state.targets[folderKey(s.Pair.Target.Path)].Status
	return same(source, s.Pair.Source.Status) && same(target, s.Pair.Target.Status)
}

func same(now *Status, then Status) bool {
	return now != nil && now.HighestModSeq > 0 && *now == then
}

// lookAt reads one pair: both folders and the ledger's rows.
func (p *pass) lookAt(ctx context.Context, s *PairState) error {
	if err := p.loadRows(ctx, s); err != nil {
		return err
	}
	p.Progress(Event{Kind: "folder", Folder: s.Pair.Source.Path})
	p.state.reports[s.Pair.ID].Opened = true
	if s.SourceListed {
		if err := p.lookSource(ctx, s); err != nil {
			return err
		}
	}
	if s.excluded() {
		return nil
	}
	return p.lookTarget(ctx, s.Pair.Target.Path, &s.Target, func() []UID {
		var out []UID
		for _, r := range s.Rows {
			if r.Outcome.Live() && r.TargetFolder == nil && r.TargetValidity == s.Target.UIDValidity {
				out = append(out, r.TargetUID)
			}
		}
		return out
	})
}

func (p *pass) loadRows(ctx context.Context, s *PairState) error {
	if s.Rows != nil || s.Pair.ID == 0 {
		return nil
	}
	err := p.Ledger.Rows(ctx, s.Pair.ID, func(r Row) error { s.Rows = append(s.Rows, &r); return nil })
	if err != nil {
		return fmt.Errorf("read ledger: %w", err)
	}
	return nil
}

func (p *pass) lookSource(ctx context.Context, s *PairState) error {
	st, err := p.examine(ctx, s.Pair.Source.Path)
	if err != nil {
		return err
	}
	v, err := scan(ctx, p.source, st)
	if err != nil {
		return fmt.Errorf("read source folder %s: %w", showPath(s.Pair.Source.Path), err)
	}
	var expected []UID
	for _, r := range s.Rows {
		if r.Outcome != Gone && r.SourceValidity == v.UIDValidity {
			expected = append(expected, r.SourceUID)
		}
	}
	again := func() (Status, error) { return p.examine(ctx, s.Pair.Source.Path) }
	if err := prove(ctx, p.source, &v, expected, again); err != nil {
		return fmt.Errorf("read source folder %s again: %w", showPath(s.Pair.Source.Path), err)
	}
	s.Source = v
	p.state.reports[s.Pair.ID].Messages = len(v.Messages)
	return nil
}

func (p *pass) lookTarget(ctx context.Context, path []string, v *View, expected func() []UID) error {
	st, err := p.openTargetFolder(ctx, path, false)
	if err != nil {
		return err
	}
	if *v, err = scan(ctx, p.target, st); err != nil {
		return fmt.Errorf("read target folder %s: %w", showPath(path), err)
	}
	again := func() (Status, error) { return p.openTargetFolder(ctx, path, false) }
	if err := prove(ctx, p.target, v, expected(), again); err != nil {
		return fmt.Errorf("read target folder %s again: %w", showPath(path), err)
	}
	return nil
}

// scan reads the open folder. Servers may report a message twice; the last word counts.
func scan(ctx context.Context, s Source, st Status) (View, error) {
	v := View{Status: st, Known: true}
	err := s.Scan(ctx, 0, func(m Meta) error {
		m.Flags = sortedFlags(m.Flags)
		v.Messages = append(v.Messages, m)
		return nil
	})
	slices.SortStableFunc(v.Messages, func(a, b Meta) int { return int(int64(a.UID) - int64(b.UID)) })
	v.Messages = slices.CompactFunc(v.Messages, func(a, b Meta) bool { return a.UID == b.UID })
	return v, err
}

// prove decides whether absence from v means anything. When nothing expected
// is missing, the server's count must agree; otherwise a second enumeration
// must miss the same messages, and agree with the count it came with.
func prove(ctx context.Context, s Source, v *View, expected []UID, again func() (Status, error)) error {
	var missing []UID
	for _, u := range expected {
		if _, ok := v.find(u); !ok {
			missing = append(missing, u)
		}
	}
	if len(missing) == 0 {
		v.Proven = int(v.Status.Messages) == len(v.Messages)
		return nil
	}
	st, err := again()
	if err != nil {
		return err
	}
	uids, err := s.UIDs(ctx)
	if err != nil {
		return err
	}
	uids = slices.Compact(sortedUIDs(uids))
	v.Proven = st.UIDValidity == v.UIDValidity && int(st.Messages) == len(uids) && !slices.ContainsFunc(missing, func(u UID) bool {
		_, back := slices.BinarySearch(uids, u)
		return back
	})
	return nil
}

// displaced loads the rows of unopened pairs, so that their claims on
// messages that a person filed in an opened folder are known.
func (p *pass) displaced(ctx context.Context) error {
	opened := false
	for _, s := range p.state.pairs {
		opened = opened || s.Source.Known || s.Target.Known
	}
	for _, s := range p.state.pairs {
		if opened && s.Pair.Displaced > 0 {
			if err := p.loadRows(ctx, s); err != nil {
				return err
			}
		}
	}
	return nil
}

// lookEverywhere reads what look left out on the target: unchanged pairs and
// folders that no pair maps to.
func (p *pass) lookEverywhere(ctx context.Context) error {
	mapped := map[string]bool{}
	for _, s := range p.state.pairs {
		mapped[folderKey(s.Pair.Target.Path)] = true
		if s.Target.Known || s.excluded() {
			continue
		}
		if err := p.folderError(ctx, s, p.lookAt(ctx, s)); err != nil {
			return err
		}
	}
	for _, k := range slices.Sorted(maps.Keys(p.state.targets)) {
		f := p.state.targets[k]
		if mapped[k] || !f.Selectable {
			continue
		}
		o := &OtherFolder{Path: f.Path}
		if err := p.lookTarget(ctx, f.Path, &o.View, func() []UID { return nil }); err != nil {
			if err = p.folderError(ctx, &PairState{Pair: Pair{Source: Side{Path: f.Path}}}, err); err != nil {
				return err
			}
			continue
		}
		p.state.others = append(p.state.others, o)
	}
	return nil
}
