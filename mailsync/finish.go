package mailsync

import (
	"context"
	"fmt"
	"time"
)

// finish records where every folder stands, so that an unchanged one is not
// opened by the next pass, and completes the report.
func (p *pass) finish(ctx context.Context) error {
	now := p.Clock.Now()
	var changed []*Pair
	all := true
	if err := p.surveyWritten(ctx); err != nil {
		return err
	}
	for id, n := range p.uncovered() {
		p.state.pending[id] = max(p.state.pending[id], n)
	}
	for _, s := range p.state.pairs {
		before := s.Pair
		all = all && (s.Source.Known || !s.SourceListed || p.unchanged(s))
		if err := p.folderError(ctx, s, p.finishPair(ctx, s, now)); err != nil {
			return err
		}
		if !samePair(before, s.Pair) {
			changed = append(changed, &s.Pair)
		}
	}
	if len(changed) > 0 {
		if err := p.commit(ctx, Change{Pairs: changed}); err != nil {
			return err
		}
	}
	return p.summarize(ctx, all, now)
}

func samePair(a, b Pair) bool {
	return a.Source.Status == b.Source.Status && a.Target.Status == b.Target.Status && a.Pending == b.Pending && a.Absent == b.Absent &&
		a.Displaced == b.Displaced && a.LastArrival.Equal(b.LastArrival)
}

func (p *pass) finishPair(ctx context.Context, s *PairState, now time.Time) error {
	if !s.SourceListed {
		s.Pair.Absent++
	}
	if !s.Source.Known && !s.Target.Known {
		return nil
	}
	s.Pair.Pending = p.state.pending[s.Pair.ID]
	s.Pair.Displaced = 0
	for _, r := range s.Rows {
		if r.Pair != s.Pair.ID {
			continue
		}
		if r.TargetFolder != nil && r.Outcome.Live() {
			s.Pair.Displaced++
		}
		s.arrive(r, now)
	}
	if s.arrival.After(s.Pair.LastArrival) {
		s.Pair.LastArrival = s.arrival
	}
	s.Pair.Source.Status = s.Source.Status
	if s.excluded() {
		return nil
	}
	return p.finishTarget(ctx, s)
}

// uncovered counts, by pair, source messages that have no row after all that
// was done and did not vanish meanwhile: whatever kept them from one, their
// folder is looked at again. A folder recorded as seen would hide them from
// every later pass.
func (p *pass) uncovered() map[int64]int {
	byID, open := map[int64]*PairState{}, map[int64]int{}
	for _, s := range p.state.pairs {
		byID[s.Pair.ID] = s
	}
	for _, s := range p.state.pairs {
		for _, r := range s.Rows {
			home := byID[r.Pair]
			if home == nil || r.Outcome == Gone || r.SourceValidity != home.Source.UIDValidity {
				continue
			}
			if i, ok := home.Source.messages.search(r.SourceUID); ok {
				home.covered.set(i)
			}
		}
	}
	for id, s := range byID {
		open[id] = s.Source.Len() - s.covered.or(s.elsewhere).count() - p.state.vanished[id]
	}
	return open
}

// surveyWritten asks where the folders stand that we wrote to, unless reading
// them back was the last that was done there.
func (p *pass) surveyWritten(ctx context.Context) error {
	var asks []Ask
	for _, s := range p.state.pairs {
		_, known := p.state.standing[folderKey(s.Pair.Target.Path)]
		if f, ok := p.targetFolder(s); ok && !known && (s.Source.Known || s.Target.Known) && p.touched(s) {
			asks = append(asks, Ask{Folder: f, Question: AskStatus})
		}
	}
	p.state.surveys = newSurveys()
	return p.surveyBoth(ctx, flight{}, flight{asks, func(i int, a Surveyed) { p.state.standing[folderKey(asks[i].Folder.Path)] = a.Status }})
}

// touched reports whether we did anything to the target folder of a pair.
func (p *pass) touched(s *PairState) bool {
	k := folderKey(s.Pair.Target.Path)
	return p.state.writes[k] != nil || p.state.created[k] || p.stored(s)
}

// finishTarget records the target as it is now if all that happened since the
// look was ours; otherwise as it was then, and the next pass looks again.
func (p *pass) finishTarget(ctx context.Context, s *PairState) error {
	s.Pair.Target.Status = s.Target.Status
	if _, ok := p.state.targets[folderKey(s.Pair.Target.Path)]; !ok || !p.touched(s) {
		return nil
	}
	w := p.wrote(s.Pair.Target.Path)
	st, err := p.standing(ctx, s.Pair.Target.Path)
	if err != nil {
		return err
	}
	expected := int(s.Target.Status.Messages) + w.appended - w.removed
	if st.UIDValidity == s.Target.UIDValidity && st.UIDNext == max(s.Target.UIDNext, w.last+1) && int(st.Messages) == expected {
		s.Pair.Target.Status = st
	}
	return nil
}

func (p *pass) standing(ctx context.Context, path []string) (Status, error) {
	if st, ok := takeAnswer(p.state.standing, path); ok {
		return st, nil
	}
	return p.openTargetFolder(ctx, path, false)
}

// stored reports whether flags of the pair's copies were changed.
func (p *pass) stored(s *PairState) bool { return p.state.flagged[folderKey(s.Pair.Target.Path)] }

func (p *pass) summarize(ctx context.Context, all bool, now time.Time) error {
	r := &p.report
	left := 0
	for _, s := range p.state.pairs {
		left += p.state.pending[s.Pair.ID]
		r.Folders = append(r.Folders, *p.state.reports[s.Pair.ID])
		if s.inbound() && s.Pair.LastArrival.After(r.LastArrival) {
			r.LastArrival = s.Pair.LastArrival
		}
		r.Fences = append(r.Fences, Fence{Source: s.Pair.Source.Path, SourceValidity: s.Pair.Source.UIDValidity, SourceNext: s.Pair.Source.UIDNext,
			TargetValidity: s.Pair.Target.UIDValidity, TargetNext: s.Pair.Target.UIDNext})
	}
	r.SourceMessages = p.seenMessages()
	sortExceptions(r.Exceptions)
	r.TargetID = p.target.Identity().ID
	all = all && len(p.state.pairs) == len(p.state.reports)
	if all {
		r.Looked = r.Started
	}
	r.Complete = all && left == len(r.Held) && len(r.Failures) == 0 && r.Refusal == ""
	var err error
	if r.Head, err = p.Ledger.Head(ctx); err == nil {
		r.Totals, err = p.Ledger.Counts(ctx)
	}
	if err != nil {
		return fmt.Errorf("read ledger: %w", err)
	}
	p.countElsewhere()
	return nil
}
