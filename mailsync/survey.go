package mailsync

import (
	"context"
	"fmt"
)

// surveys holds what one flight told of many folders. Each answer serves once:
// who looks a second time asks the server.
type surveys struct {
	source, target map[string]*View
	// second holds enumerations that came after the first.
	secondSource, secondTarget map[string]Surveyed
}

func newSurveys() surveys {
	return surveys{source: map[string]*View{}, target: map[string]*View{}, secondSource: map[string]Surveyed{}, secondTarget: map[string]Surveyed{}}
}

// survey asks one side about folders, where it can do so in one flight, and
// tells the answers; of what it could not tell nothing is kept.
func survey(ctx context.Context, side Source, asks []Ask, tell func(i int, a Surveyed)) error {
	s, ok := side.(Surveyor)
	if !ok || len(asks) == 0 {
		return nil
	}
	answers, err := s.Survey(ctx, asks)
	if err != nil {
		return fmt.Errorf("look at %d folders: %w", len(asks), err)
	}
	for i, a := range answers {
		if a.Err == nil {
			tell(i, a)
		}
	}
	return nil
}

// flight is questions to one side, and what becomes of the answers.
type flight struct {
	asks []Ask
	tell func(i int, a Surveyed)
}

// views makes views of folders, message by message as they are told. Of those
// that since tells the standing of, changes are enough; an answer that does not
// fit that is dropped.
func views(folders []Folder, since func(i int) *Status, into map[string]*View) flight {
	seen := make([]View, len(folders))
	f := flight{tell: func(i int, a Surveyed) {
		v := &seen[i]
		v.Status, v.Known = a.Status, true
		v.messages.order()
		if a.Changes == nil || v.outlined(*since(i), *a.Changes) {
			into[folderKey(folders[i].Path)] = v
		}
	}}
	for i, x := range folders {
		ask := Ask{Folder: x, Question: AskMessages, Message: seen[i].messages.add}
		if st := since(i); st != nil {
			ask.Question, ask.ChangedSince = AskChanges, st.HighestModSeq
		}
		f.asks = append(f.asks, ask)
	}
	return f
}

// everything: nothing is known of how any folder stood.
func everything(int) *Status { return nil }

// surveyBoth asks both sides at once. Afterwards neither has a folder open.
func (p *pass) surveyBoth(ctx context.Context, source, target flight) error {
	p.state.openSource, p.state.openTarget = "", ""
	done := make(chan error, 1)
	go func() { done <- survey(ctx, p.target, target.asks, target.tell) }()
	err := survey(ctx, p.source, source.asks, source.tell)
	if e := <-done; err == nil {
		err = e
	}
	return err
}

// surveyPairs reads the folders of pairs that are about to be looked at, and
// asks again about what the answers leave open. Pairs whose rows a history
// contradicts are listed.
func (p *pass) surveyPairs(ctx context.Context, due []*PairState) error {
	if err := p.viewPairs(ctx, due, p.before); err != nil {
		return err
	}
	doubted, err := p.loadAll(ctx, due)
	if err != nil {
		return err
	}
	if len(doubted) > 0 {
		if err := p.viewPairs(ctx, doubted, nothing); err != nil {
			return err
		}
		if _, err := p.loadAll(ctx, doubted); err != nil {
			return err
		}
	}
	return p.surveyOpen(ctx, due)
}

// viewPairs asks about the folders of pairs, in one flight for each side.
func (p *pass) viewPairs(ctx context.Context, due []*PairState, before func(*PairState) (source, target *Status)) error {
	type side struct {
		folders []Folder
		before  []*Status
	}
	var source, target side
	add := func(to *side, f Folder, before *Status) {
		to.folders, to.before = append(to.folders, f), append(to.before, before)
	}
	for _, s := range due {
		thenSource, thenTarget := before(s)
		if f, ok := p.sourceFolder(s); ok {
			add(&source, f, thenSource)
		}
		if f, ok := p.targetFolder(s); ok {
			add(&target, f, thenTarget)
		}
	}
	v := &p.state.surveys
	return p.surveyBoth(ctx, views(source.folders, func(i int) *Status { return source.before[i] }, v.source),
		views(target.folders, func(i int) *Status { return target.before[i] }, v.target))
}

// loadAll loads what was told of pairs, and returns those of which the history
// of a side was no use.
func (p *pass) loadAll(ctx context.Context, due []*PairState) (doubted []*PairState, err error) {
	for _, s := range due {
		known, err := p.loadSurveyed(ctx, s)
		if err != nil {
			return nil, err
		}
		if source, target := p.before(s); (!known || s.doubted) && (source != nil || target != nil) {
			s.loaded, s.Source, s.Target = false, View{}, View{}
			doubted = append(doubted, s)
		}
	}
	return doubted, nil
}

// surveyOpen asks, in one flight, for second enumerations of folders in which
// something is missing, and for the messages that a view of changes left out
// and no quiet row speaks for.
func (p *pass) surveyOpen(ctx context.Context, due []*PairState) error {
	v := &p.state.surveys
	var source, target open
	for _, s := range due {
		if !s.loaded {
			continue
		}
		if f, ok := p.sourceFolder(s); ok {
			source.ask(f, &s.Source, s.covered, s.expectedOnSource())
		}
		if f, ok := p.targetFolder(s); ok {
			target.ask(f, &s.Target, s.claimed, s.expectedOnTarget())
		}
	}
	err := p.surveyBoth(ctx, source.flight(v.secondSource), target.flight(v.secondTarget))
	if err != nil {
		return err
	}
	for _, s := range due {
		if s.loaded && (!s.Source.completed(s.covered) || !s.Target.completed(s.claimed)) {
			s.loaded, s.Source, s.Target = false, View{}, View{} // it changes as we look: folder by folder, then
		}
	}
	return nil
}

// open is what is left to be asked on one side.
type open struct {
	asks  []Ask
	views []*View
}

func (o *open) ask(f Folder, v *View, quiet marks, expected []UID) {
	a := Ask{Folder: f, Question: AskUIDs}
	if v.messages.partial {
		a = Ask{Folder: f, Question: AskMessages, UIDs: v.messages.untold(quiet), Message: v.messages.add}
		if len(a.UIDs) == 0 {
			return
		}
	} else if len(v.lacks(expected)) == 0 {
		return
	}
	o.asks, o.views = append(o.asks, a), append(o.views, v)
}

func (o *open) flight(second map[string]Surveyed) flight {
	return flight{o.asks, func(i int, a Surveyed) {
		v := o.views[i]
		switch {
		case !v.messages.partial:
			second[folderKey(o.asks[i].Folder.Path)] = a
		case a.Status.UIDValidity != v.UIDValidity:
			v.Known = false
		}
		v.messages.order()
	}}
}

// loadSurveyed reads the rows of a pair against what the survey told, if it
// told of both sides.
func (p *pass) loadSurveyed(ctx context.Context, s *PairState) (known bool, err error) {
	v := &p.state.surveys
	source, target := v.source[folderKey(s.Pair.Source.Path)], v.target[folderKey(s.Pair.Target.Path)]
	if _, asked := p.sourceFolder(s); asked != (source != nil) {
		return false, nil
	}
	if _, asked := p.targetFolder(s); asked != (target != nil) || !asked && !s.excluded() {
		return false, nil
	}
	delete(v.source, folderKey(s.Pair.Source.Path))
	delete(v.target, folderKey(s.Pair.Target.Path))
	return true, p.loadRows(ctx, s, source, target)
}

func (p *pass) sourceFolder(s *PairState) (Folder, bool) {
	f, ok := p.state.sources[folderKey(s.Pair.Source.Path)]
	return f, ok && s.SourceListed
}

func (p *pass) targetFolder(s *PairState) (Folder, bool) {
	f, ok := p.state.targets[folderKey(s.Pair.Target.Path)]
	return f, ok && !s.excluded()
}

// expectedOnSource are the UIDs that rows expect in the source folder, as far
// as it was not seen that they are there.
func (s *PairState) expectedOnSource() []UID {
	var out []UID
	for _, r := range s.Rows {
		if r.Outcome != Gone && r.SourceValidity == s.Source.UIDValidity {
			out = append(out, r.SourceUID)
		}
	}
	return out
}

// expectedOnTarget is the same for the target folder.
func (s *PairState) expectedOnTarget() []UID {
	var out []UID
	for _, r := range s.Rows {
		if r.Outcome.Live() && r.TargetFolder == nil && r.TargetValidity == s.Target.UIDValidity {
			out = append(out, r.TargetUID)
		}
	}
	return out
}

// takeAnswer uses an answer up.
func takeAnswer[A any](answers map[string]A, path []string) (A, bool) {
	k := folderKey(path)
	a, ok := answers[k]
	delete(answers, k)
	return a, ok
}

// lacks returns those of expected that the view does not have.
func (v *View) lacks(expected []UID) []UID {
	var missing []UID
	for _, u := range expected {
		if _, ok := v.messages.search(u); !ok {
			missing = append(missing, u)
		}
	}
	return missing
}
