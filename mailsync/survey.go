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

// keep puts answers under the names of their folders.
func keep(asks []Ask, into map[string]Surveyed) flight {
	return flight{asks, func(i int, a Surveyed) { into[folderKey(asks[i].Folder.Path)] = a }}
}

// views makes views of folders, message by message as they are told.
func views(folders []Folder, into map[string]*View) flight {
	seen := make([]View, len(folders))
	f := flight{tell: func(i int, a Surveyed) {
		v := &seen[i]
		v.Status, v.Known = a.Status, true
		v.messages.order()
		into[folderKey(folders[i].Path)] = v
	}}
	for i, x := range folders {
		f.asks = append(f.asks, Ask{Folder: x, Question: AskMessages, Message: seen[i].messages.add})
	}
	return f
}

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
// enumerates again those where something is missing.
func (p *pass) surveyPairs(ctx context.Context, due []*PairState) error {
	v := &p.state.surveys
	var source, target []Folder
	for _, s := range due {
		if f, ok := p.sourceFolder(s); ok {
			source = append(source, f)
		}
		if f, ok := p.targetFolder(s); ok {
			target = append(target, f)
		}
	}
	if err := p.surveyBoth(ctx, views(source, v.source), views(target, v.target)); err != nil {
		return err
	}
	var missingSource, missingTarget []Ask
	for _, s := range due {
		known, err := p.loadSurveyed(ctx, s)
		if err != nil {
			return err
		}
		if f, ok := p.sourceFolder(s); ok && known && len(s.Source.lacks(s.expectedOnSource())) > 0 {
			missingSource = append(missingSource, Ask{Folder: f, Question: AskUIDs})
		}
		if f, ok := p.targetFolder(s); ok && known && len(s.Target.lacks(s.expectedOnTarget())) > 0 {
			missingTarget = append(missingTarget, Ask{Folder: f, Question: AskUIDs})
		}
	}
	return p.surveyBoth(ctx, keep(missingSource, v.secondSource), keep(missingTarget, v.secondTarget))
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
