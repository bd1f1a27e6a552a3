package mailsync

import "context"

func (p *pass) situation() Situation {
	return Situation{Policy: p.Policy, Final: p.Final, KeepVanished: p.KeepVanished, MaxDelete: p.MaxDelete, OnSimilar: p.OnSimilar,
		RetryRejected: p.RetryRejected, Personality: p.Personality, Forward: p.Forward, Now: p.Clock.Now(), Fences: p.Fences, Trusted: p.state.trusted, Pairs: p.state.pairs,
		Others: p.state.others, SourceMessages: p.seenMessages()}
}

// seenMessages counts what the source shows: what was read, else what it listed.
func (p *pass) seenMessages() int {
	n := 0
	for _, s := range p.state.pairs {
		switch st := p.state.sources[folderKey(s.Pair.Source.Path)].Status; {
		case s.Source.Known:
			n += s.Source.Len()
		case st != nil:
			n += int(st.Messages)
		}
	}
	return n
}

// form is how messages of both sides are recognised.
func (p *pass) form() Form { return p.Personality.Form() }

// decide runs the delta, reading the octets it asks for.
func (p *pass) decide(ctx context.Context) (Actions, error) {
	if err := p.lookForForward(ctx); err != nil {
		return Actions{}, err
	}
	d := Sort(p.situation())
	if d.NeedsWholeTarget() {
		if err := p.lookEverywhere(ctx); err != nil {
			return Actions{}, err
		}
		d = Sort(p.situation())
	}
	prints, err := p.prints(ctx, d.Wanted())
	if err != nil {
		return Actions{}, err
	}
	if d.traces, err = p.traces(ctx, d.TwinsWanted()); err != nil {
		return Actions{}, err
	}
	return d.Decide(prints), nil
}
