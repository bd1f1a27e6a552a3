package mailsync

import (
	"context"
	"fmt"

	"bascule/mailsync/folders"
)

// enumerate lists both sides at once, maps folders and makes missing ones.
func (p *pass) enumerate(ctx context.Context) error {
	head, err := p.Ledger.Head(ctx)
	if err != nil {
		return fmt.Errorf("read ledger: %w", err)
	}
	p.state.trusted = p.Fences.trusts(head)
	target, err := p.list(ctx)
	if err != nil {
		return err
	}
	pairs, err := p.Ledger.Pairs(ctx)
	if err != nil {
		return fmt.Errorf("read ledger: %w", err)
	}
	rows, err := p.mapping(target, pairs)
	if err != nil {
		return err
	}
	if err := p.join(ctx, rows, pairs); err != nil {
		return err
	}
	p.label()
	return p.absent(ctx, pairs)
}

func (p *pass) list(ctx context.Context) (target Listing, err error) {
	type listed struct {
		l   Listing
		err error
	}
	done := make(chan listed, 1)
	go func() {
		l, err := p.target.List(ctx)
		done <- listed{l, err}
	}()
	source, err := p.source.List(ctx)
	t := <-done
	if err != nil {
		return t.l, fmt.Errorf("list source: %w", err)
	}
	if t.err != nil {
		return t.l, fmt.Errorf("list target: %w", t.err)
	}
	p.state.listing = source
	p.report.Foreign = source.Foreign
	for _, f := range source.Folders {
		p.state.sources[folderKey(f.Path)] = f
		if f.Status != nil {
			p.state.sourceMessages += int(f.Status.Messages)
		}
	}
	for _, f := range t.l.Folders {
		p.state.targets[folderKey(f.Path)] = f
	}
	return t.l, nil
}

func (p *pass) mapping(target Listing, pairs []Pair) ([]folders.Row, error) {
	source, _ := p.state.listing.Mapped()
	var existing []folders.Folder
	habits := folders.Habits{}
	for _, f := range target.Folders {
		existing = append(existing, folders.Folder{Path: f.Path, Use: f.Use})
		if habits.Delim == 0 {
			habits.Delim = f.Delim
		}
	}
	habits.Prefix = folders.PrefixOf(existing)
	if p.Habits != nil {
		habits = *p.Habits
	}
	var known []folders.Known
	for _, x := range pairs {
		// A name that was chosen but never used may be chosen anew: the
		// target may have refused it.
		if _, exists := p.state.targets[folderKey(x.Target.Path)]; exists || x.Target.UIDValidity != 0 {
			known = append(known, folders.Known{Source: x.Source.Path, Target: x.Target.Path})
		}
	}
	return folders.Map(source, existing, habits, p.Rules, known)
}

// join makes a pair state of each mapping row. New pairs are recorded before
// their folder is made, so that a name once chosen is known after a crash.
func (p *pass) join(ctx context.Context, rows []folders.Row, pairs []Pair) error {
	known := map[string]Pair{}
	for _, x := range pairs {
		known[folderKey(x.Source.Path)] = x
	}
	states := make([]*PairState, len(rows))
	var changed []*Pair
	for i, r := range rows {
		old := known[folderKey(r.Source)]
		states[i] = &PairState{Pair: paired(old, r), Use: r.Use, SourceListed: true}
		if now := &states[i].Pair; old.ID == 0 || now.Excluded != old.Excluded || folderKey(now.Target.Path) != folderKey(old.Target.Path) {
			changed = append(changed, now)
		}
	}
	if len(changed) > 0 {
		if err := p.commit(ctx, Change{Pairs: changed}); err != nil {
			return err
		}
	}
	if err := p.foundAll(ctx, rows, known); err != nil {
		return err
	}
	for i, s := range states {
		if err := p.admitPair(ctx, s, rows[i], known[folderKey(rows[i].Source)].ID == 0); err != nil {
			return err
		}
	}
	return nil
}

// foundAll makes the missing folders in one flight where the target can. What
// it refuses is left to ensure, which fails for that folder alone.
func (p *pass) foundAll(ctx context.Context, rows []folders.Row, known map[string]Pair) error {
	founder, ok := p.target.(Founder)
	var missing []NewFolder
	asked := map[string]bool{}
	for _, r := range rows {
		first := known[folderKey(r.Source)].ID == 0
		_, exists := p.state.targets[folderKey(r.Target)]
		if r.Target == nil || exists || asked[folderKey(r.Target)] || p.refusedBefore(known[folderKey(r.Source)], r) || p.suspectNames[folderKey(r.Target)] > 0 || !first && p.Policy == AddOnly {
			continue
		}
		asked[folderKey(r.Target)] = true
		missing = append(missing, NewFolder{Path: r.Target, Use: r.Use, Subscribe: first && p.state.sources[folderKey(r.Source)].Subscribed})
	}
	if !ok || len(missing) < 2 {
		return nil
	}
	var made []Created
	err := p.write("CREATE", func() (err error) { made, err = founder.CreateAll(ctx, missing); return err })
	if err != nil {
		for _, m := range missing { // one of them may be the reason
			if connectionEnded(err) {
				p.suspectNames[folderKey(m.Path)]++
			}
		}
		return fmt.Errorf("create %d target folders: %w", len(missing), err)
	}
	for i, m := range made {
		if m.Err == nil {
			m.Folder.Subscribed = m.Folder.Subscribed || m.Subscribed
			p.state.targets[folderKey(missing[i].Path)] = m.Folder
		}
	}
	return nil
}

// paired updates what the ledger knows of a pair by what the mapping says.
func paired(old Pair, r folders.Row) Pair {
	now := old
	now.Source.Path = r.Source
	now.Excluded, now.Absent = r.Target == nil, 0
	if old.ID == 0 || now.Excluded != old.Excluded {
		now.Reason = r.Reason
		now.Pending++ // not to be skipped as unchanged
	}
	if r.Target != nil && folderKey(r.Target) != folderKey(old.Target.Path) {
		now.Target, now.Reason = Side{Path: r.Target}, r.Reason
	}
	return now
}

func (p *pass) admitPair(ctx context.Context, s *PairState, r folders.Row, first bool) error {
	reason := r.Reason
	if r.Renamed && s.Pair.Reason != "" {
		reason = s.Pair.Reason // of the pass that chose the name
	}
	p.state.reports[s.Pair.ID] = &FolderReport{Source: r.Source, Target: r.Target, Reason: reason, Renamed: r.Renamed, Excluded: r.Target == nil}
	if err := p.ensure(ctx, s, r, first); err != nil {
		return p.folderError(ctx, s, err)
	}
	p.state.pairs = append(p.state.pairs, s)
	return nil
}

// ensure makes the target folder; a new one is subscribed as the source's is.
func (p *pass) ensure(ctx context.Context, s *PairState, r folders.Row, first bool) error {
	if r.Target == nil {
		return nil
	}
	k := folderKey(r.Target)
	f, ok := p.state.targets[k]
	if !ok && !first && p.Policy == AddOnly {
		return nil // deleted by a person: made again only for late mail
	}
	if !ok {
		var err error
		if f, err = p.createOrRename(ctx, s, r.Target, r.Use); err != nil {
			return fmt.Errorf("create target folder %s: %w", showPath(r.Target), err)
		}
		p.state.targets[folderKey(s.Pair.Target.Path)] = f
	}
	if source := p.state.sources[folderKey(r.Source)]; first && source.Subscribed && !f.Subscribed {
		if err := p.write("SUBSCRIBE", func() error { return p.target.Subscribe(ctx, f) }); err != nil {
			return fmt.Errorf("subscribe target folder %s: %w", showPath(r.Target), err)
		}
	}
	return nil
}

// absent adds the pairs whose source folder is not listed. One listing is no
// evidence: a second one must agree before anything follows.
func (p *pass) absent(ctx context.Context, pairs []Pair) error {
	var missing []*PairState
	for _, x := range pairs {
		if _, ok := p.state.sources[folderKey(x.Source.Path)]; !ok {
			missing = append(missing, &PairState{Pair: x})
		}
	}
	if len(missing) == 0 {
		return nil
	}
	again, err := p.source.List(ctx)
	if err != nil {
		return fmt.Errorf("list source again: %w", err)
	}
	back := map[string]bool{}
	for _, f := range again.Folders {
		back[folderKey(f.Path)] = true
	}
	for _, s := range missing {
		s.SourceListed = back[folderKey(s.Pair.Source.Path)]
		s.Source.Proven = !s.SourceListed
		p.state.pairs = append(p.state.pairs, s)
		p.state.reports[s.Pair.ID] = &FolderReport{Source: s.Pair.Source.Path, Target: s.Pair.Target.Path, Reason: "no longer listed on the source"}
		p.report.Warnings = append(p.report.Warnings, fmt.Sprintf("folder %s is no longer listed on the source", showPath(s.Pair.Source.Path)))
	}
	return nil
}
