package mailsync

import (
	"context"
	"fmt"
	"slices"
)

// surveys holds what one flight told of many folders. Each answer serves once:
// who looks a second time asks the server.
type surveys struct {
	source, target map[string]Surveyed
	// second holds enumerations that came after the first.
	secondSource, secondTarget map[string]Surveyed
}

func newSurveys() surveys {
	return surveys{source: map[string]Surveyed{}, target: map[string]Surveyed{}, secondSource: map[string]Surveyed{}, secondTarget: map[string]Surveyed{}}
}

// survey asks one side about folders, where it can do so in one flight; of
// what it could not tell nothing is kept.
func survey(ctx context.Context, side Source, asks []Ask, into map[string]Surveyed) error {
	s, ok := side.(Surveyor)
	if !ok || len(asks) < 2 {
		return nil
	}
	answers, err := s.Survey(ctx, asks)
	if err != nil {
		return fmt.Errorf("look at %d folders: %w", len(asks), err)
	}
	for i, a := range answers {
		if a.Err == nil {
			into[folderKey(asks[i].Folder.Path)] = a
		}
	}
	return nil
}

// surveyBoth asks both sides at once. Afterwards neither has a folder open.
func (p *pass) surveyBoth(ctx context.Context, source, target []Ask, intoSource, intoTarget map[string]Surveyed) error {
	p.state.openSource, p.state.openTarget = "", ""
	done := make(chan error, 1)
	go func() { done <- survey(ctx, p.target, target, intoTarget) }()
	err := survey(ctx, p.source, source, intoSource)
	if e := <-done; err == nil {
		err = e
	}
	return err
}

// surveyPairs reads the folders of pairs that are about to be looked at, and
// enumerates again those where something is missing.
func (p *pass) surveyPairs(ctx context.Context, due []*PairState) error {
	v := &p.state.surveys
	var source, target []Ask
	for _, s := range due {
		if f, ok := p.sourceFolder(s); ok {
			source = append(source, Ask{Folder: f, Question: AskMessages})
		}
		if f, ok := p.targetFolder(s); ok {
			target = append(target, Ask{Folder: f, Question: AskMessages})
		}
	}
	if err := p.surveyBoth(ctx, source, target, v.source, v.target); err != nil {
		return err
	}
	source, target = nil, nil
	for _, s := range due {
		if err := p.loadRows(ctx, s); err != nil {
			return err
		}
		if f, ok := p.sourceFolder(s); ok && lacks(v.source, f, s.expectedOnSource) {
			source = append(source, Ask{Folder: f, Question: AskUIDs})
		}
		if f, ok := p.targetFolder(s); ok && lacks(v.target, f, s.expectedOnTarget) {
			target = append(target, Ask{Folder: f, Question: AskUIDs})
		}
	}
	return p.surveyBoth(ctx, source, target, v.secondSource, v.secondTarget)
}

func (p *pass) sourceFolder(s *PairState) (Folder, bool) {
	f, ok := p.state.sources[folderKey(s.Pair.Source.Path)]
	return f, ok && s.SourceListed
}

func (p *pass) targetFolder(s *PairState) (Folder, bool) {
	f, ok := p.state.targets[folderKey(s.Pair.Target.Path)]
	return f, ok && !s.excluded()
}

func lacks(answers map[string]Surveyed, f Folder, expected func(validity uint32) []UID) bool {
	a, ok := answers[folderKey(f.Path)]
	if !ok {
		return false
	}
	v := viewOf(a.Status, a.Messages)
	return len(v.lacks(expected(v.UIDValidity))) > 0
}

func (s *PairState) expectedOnSource(validity uint32) []UID {
	var out []UID
	for _, r := range s.Rows {
		if r.Outcome != Gone && r.SourceValidity == validity {
			out = append(out, r.SourceUID)
		}
	}
	return out
}

func (s *PairState) expectedOnTarget(validity uint32) []UID {
	var out []UID
	for _, r := range s.Rows {
		if r.Outcome.Live() && r.TargetFolder == nil && r.TargetValidity == validity {
			out = append(out, r.TargetUID)
		}
	}
	return out
}

// takeAnswer uses an answer up.
func takeAnswer(answers map[string]Surveyed, path []string) (Surveyed, bool) {
	k := folderKey(path)
	a, ok := answers[k]
	delete(answers, k)
	return a, ok
}

// viewOf sorts what a scan told. Servers may report a message twice; the last word counts.
func viewOf(st Status, messages []Meta) View {
	v := View{Status: st, Known: true, Messages: messages}
	for i := range v.Messages {
		v.Messages[i].Flags = sortedFlags(v.Messages[i].Flags)
	}
	slices.SortStableFunc(v.Messages, func(a, b Meta) int { return int(int64(a.UID) - int64(b.UID)) })
	v.Messages = lastOfEach(v.Messages)
	return v
}

func lastOfEach(sorted []Meta) []Meta {
	out := sorted[:0]
	for i, m := range sorted {
		if i+1 == len(sorted) || sorted[i+1].UID != m.UID {
			out = append(out, m)
		}
	}
	return out
}

// lacks returns those of expected that the view does not have.
func (v *View) lacks(expected []UID) []UID {
	var missing []UID
	for _, u := range expected {
		if _, ok := v.find(u); !ok {
			missing = append(missing, u)
		}
	}
	return missing
}
