package mailsync

import (
	"context"
	"fmt"
	"maps"
	"slices"
)

// look reads the folders of all pairs that may have changed.
func (p *pass) look(ctx context.Context) error {
	var due []*PairState
	for _, s := range p.state.pairs {
		if !p.unchanged(s) {
			due = append(due, s)
		}
	}
	due = p.withViews(due)
	if err := p.surveyPairs(ctx, due); err != nil {
		return err
	}
	for _, s := range due {
		if err := p.folderError(ctx, s, p.lookAt(ctx, s)); err != nil {
			return err
		}
	}
	if err := p.file(ctx); err != nil {
		return err
	}
	return p.displaced(ctx)
}

// unchanged: both sides are as the last complete look left them, and both
// count changes of flags (RFC 7162 HIGHESTMODSEQ); otherwise they are read. So
// is everything when a person wants what was refused to be sent again.
func (p *pass) unchanged(s *PairState) bool {
	if s.Pair.Pending > 0 || !s.SourceListed || s.Pair.ID == 0 || p.RetryRejected {
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

// lookAt reads one pair: both folders, then the ledger's rows against them.
// Nothing is kept of a pair of which only one side could be read.
func (p *pass) lookAt(ctx context.Context, s *PairState) error {
	p.tell(Event{Kind: "folder", Folder: s.Pair.Source.Path})
	p.state.reports[s.Pair.ID].Opened = true
	if !s.loaded {
		if err := p.readPair(ctx, s); err != nil {
			return err
		}
	}
	if s.SourceListed {
		path := s.Pair.Source.Path
		if err := p.onSource(ctx, path).prove(ctx, path, &s.Source, s.expectedOnSource()); err != nil {
			return fmt.Errorf("read source folder %s again: %w", showPath(path), err)
		}
		p.state.reports[s.Pair.ID].Messages = s.Source.Len()
	}
	if _, there := p.targetFolder(s); there {
		path := s.Pair.Target.Path
		if err := p.onTarget(ctx, path).prove(ctx, path, &s.Target, s.expectedOnTarget()); err != nil {
			return fmt.Errorf("read target folder %s again: %w", showPath(path), err)
		}
	}
	return nil
}

// readPair reads both folders, and the rows.
func (p *pass) readPair(ctx context.Context, s *PairState) error {
	var source *View
	target := &View{}
	if path := s.Pair.Source.Path; s.SourceListed {
		source = &View{}
		if err := p.onSource(ctx, path).read(ctx, path, source); err != nil {
			return fmt.Errorf("read source folder %s: %w", showPath(path), err)
		}
	}
	if !s.excluded() {
		if err := p.lookTarget(ctx, s.Pair.Target.Path, target); err != nil {
			return err
		}
	}
	return p.loadRows(ctx, s, source, target)
}

func (p *pass) onSource(ctx context.Context, path []string) looked {
	return looked{p.source, func() (Status, error) { return p.examine(ctx, path) }, p.state.surveys.source, p.state.surveys.secondSource}
}

func (p *pass) onTarget(ctx context.Context, path []string) looked {
	return looked{p.target, func() (Status, error) { return p.openTargetFolder(ctx, path, false) }, p.state.surveys.target, p.state.surveys.secondTarget}
}

// lookTarget reads a target folder. One that two listings miss is empty.
func (p *pass) lookTarget(ctx context.Context, path []string, v *View) error {
	if _, ok := p.state.targets[folderKey(path)]; !ok {
		return p.lookMissing(ctx, path, v)
	}
	if err := p.onTarget(ctx, path).read(ctx, path, v); err != nil {
		return fmt.Errorf("read target folder %s: %w", showPath(path), err)
	}
	return nil
}

func (p *pass) lookMissing(ctx context.Context, path []string, v *View) error {
	again, err := p.target.List(ctx)
	if err != nil {
		return fmt.Errorf("list target again: %w", err)
	}
	for _, f := range again.Folders {
		if folderKey(f.Path) == folderKey(path) {
			return fmt.Errorf("target folder %s: %w", showPath(path), errFolderChanged)
		}
	}
	*v = View{Known: true, Proven: true}
	return nil
}

// looked is one side of a pair while it is looked at: the connection, how the
// folder is opened on it, and what surveys told of it before.
type looked struct {
	side   Source
	open   func() (Status, error)
	first  map[string]*View
	second map[string]Surveyed
}

// read is one enumeration of a folder.
func (l looked) read(ctx context.Context, path []string, v *View) (err error) {
	if a, ok := takeAnswer(l.first, path); ok {
		*v = *a
		return nil
	}
	delete(l.second, folderKey(path)) // older than what comes now
	if v.Status, err = l.open(); err != nil {
		return err
	}
	err = l.side.Scan(ctx, 0, func(m Meta) error { v.messages.add(m); return nil })
	v.messages.order()
	v.Known = err == nil
	return err
}

// again is another.
func (l looked) again(ctx context.Context, path []string) (Status, []UID, error) {
	if a, ok := takeAnswer(l.second, path); ok {
		return a.Status, a.UIDs, nil
	}
	st, err := l.open()
	if err != nil {
		return st, nil, err
	}
	uids, err := l.side.UIDs(ctx)
	return st, uids, err
}

// prove decides whether absence from v means anything. When nothing expected
// is missing, the server's count must agree; otherwise a second enumeration
// must miss the same messages, and agree with the count it came with. In a view
// of changes the history is that second one; see contradicts.
func (l looked) prove(ctx context.Context, path []string, v *View, expected []UID) error {
	missing := v.lacks(expected)
	if len(missing) == 0 || v.messages.partial {
		v.Proven = int(v.Status.Messages) == v.Len()
		return nil
	}
	st, uids, err := l.again(ctx, path)
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

// displaced loads the rows of unopened pairs that claim messages a person
// filed in other folders, and looks at the folders where opened pairs have some.
func (p *pass) displaced(ctx context.Context) error {
	opened := false
	away := map[string][]string{}
	for _, s := range p.state.pairs {
		opened = opened || s.Source.Known || s.Target.Known
		for _, r := range s.Rows {
			if r.TargetFolder != nil && r.Outcome.Live() {
				away[folderKey(r.TargetFolder)] = r.TargetFolder
			}
		}
	}
	for _, s := range p.state.pairs {
		if path, ok := away[folderKey(s.Pair.Target.Path)]; ok && path != nil && !s.excluded() {
			delete(away, folderKey(path))
			if err := p.folderError(ctx, s, p.lookOnce(ctx, s)); err != nil {
				return err
			}
		}
		if opened && !s.loaded && (s.Pair.Displaced > 0 || p.Policy == AddOnly) {
			if err := p.loadSome(ctx, s); err != nil {
				return err
			}
		}
	}
	for _, k := range sortedKeys(away) {
		if err := p.lookOther(ctx, away[k]); err != nil {
			return err
		}
	}
	return nil
}

// loadSome loads what an unopened pair contributes: claims on messages filed
// elsewhere, and messages that vanished and may turn up again in another folder.
func (p *pass) loadSome(ctx context.Context, s *PairState) error {
	s.Rows = nil
	err := p.Ledger.Astray(ctx, s.Pair.ID, func(r Row) error {
		kept := r
		s.Rows = append(s.Rows, &kept)
		return nil
	})
	if err != nil {
		return fmt.Errorf("read ledger: %w", err)
	}
	return nil
}

func (p *pass) lookOnce(ctx context.Context, s *PairState) error {
	if s.Target.Known {
		return nil
	}
	return p.lookAt(ctx, s)
}

// lookOther reads a target folder that no pair maps to.
func (p *pass) lookOther(ctx context.Context, path []string) error {
	for _, o := range p.state.others {
		if folderKey(o.Path) == folderKey(path) {
			return nil
		}
	}
	o := &OtherFolder{Path: path}
	if err := p.lookTarget(ctx, path, &o.View); err != nil {
		return p.folderError(ctx, &PairState{Pair: Pair{Source: Side{Path: path}}}, err)
	}
	o.View.Proven = o.View.Proven || int(o.View.Status.Messages) == o.View.Len()
	p.state.others = append(p.state.others, o)
	return nil
}

// lookEverywhere reads what look left out on the target: unchanged pairs and
// folders that no pair maps to.
func (p *pass) lookEverywhere(ctx context.Context) error {
	mapped := map[string]bool{}
	var due []*PairState
	for _, s := range p.state.pairs {
		mapped[folderKey(s.Pair.Target.Path)] = true
		if !s.excluded() && !s.Target.Known {
			due = append(due, s)
		}
	}
	if err := p.surveyPairs(ctx, due); err != nil {
		return err
	}
	for _, s := range due {
		if err := p.folderError(ctx, s, p.lookOnce(ctx, s)); err != nil {
			return err
		}
	}
	return p.lookUnmapped(ctx, mapped)
}

// lookUnmapped reads the target folders that no pair maps to.
func (p *pass) lookUnmapped(ctx context.Context, mapped map[string]bool) error {
	var other []Folder
	for _, k := range slices.Sorted(maps.Keys(p.state.targets)) {
		if f := p.state.targets[k]; !mapped[k] && f.Selectable {
			other = append(other, f)
		}
	}
	if err := p.surveyBoth(ctx, flight{}, views(other, everything, p.state.surveys.target)); err != nil {
		return err
	}
	for _, f := range other {
		if err := p.lookOther(ctx, f.Path); err != nil {
			return err
		}
	}
	return nil
}
