package mailsync

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
)

func (p *pass) situation() Situation {
	return Situation{Policy: p.Policy, Final: p.Final, KeepVanished: p.KeepVanished, MaxDelete: p.MaxDelete, OnSimilar: p.OnSimilar,
		RetryRejected: p.RetryRejected, Personality: p.Personality, Fences: p.Fences, Trusted: p.state.trusted, Pairs: p.state.pairs,
		Others: p.state.others, SourceMessages: p.seenMessages()}
}

// seenMessages counts what the source shows: what was read, else what it listed.
func (p *pass) seenMessages() int {
	n := 0
	for _, s := range p.state.pairs {
		switch st := p.state.sources[folderKey(s.Pair.Source.Path)].Status; {
		case s.Source.Known:
			n += len(s.Source.Messages)
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
	return d.Decide(prints), nil
}

// prints returns the digests of messages, from memory where the ledger has them.
func (p *pass) prints(ctx context.Context, wanted []Ref) (map[Ref]Print, error) {
	out := map[Ref]Print{}
	for _, g := range groupRefs(wanted) {
		if err := p.printsOf(ctx, g, out); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func groupRefs(refs []Ref) [][]Ref {
	refs = slices.Clone(refs)
	slices.SortFunc(refs, func(a, b Ref) int {
		switch {
		case a.OnTarget != b.OnTarget && b.OnTarget:
			return -1
		case a.OnTarget != b.OnTarget:
			return 1
		case a.Folder != b.Folder:
			return strings.Compare(a.Folder, b.Folder)
		}
		return int(int64(a.UID) - int64(b.UID))
	})
	var out [][]Ref
	for i, r := range refs {
		if i == 0 || r.OnTarget != refs[i-1].OnTarget || r.Folder != refs[i-1].Folder {
			out = append(out, nil)
		}
		out[len(out)-1] = append(out[len(out)-1], r)
	}
	return out
}

// printsOf reads the messages of one folder of one side.
func (p *pass) printsOf(ctx context.Context, refs []Ref, out map[Ref]Print) error {
	onTarget, path, validity := refs[0].OnTarget, strings.Split(refs[0].Folder, "\x00"), uint32(0)
	side := Source(p.target)
	if onTarget {
		st, err := p.openTargetFolder(ctx, path, false)
		if err != nil {
			return err
		}
		validity = st.UIDValidity
	} else {
		st, err := p.examine(ctx, path)
		if err != nil {
			return err
		}
		side, validity = p.source, st.UIDValidity
	}
	known, err := p.Ledger.Sightings(ctx, onTarget, path, validity)
	if err != nil {
		return fmt.Errorf("read ledger: %w", err)
	}
	var unread []UID
	for _, r := range refs {
		if print, ok := known[r.UID]; ok && p.form().made(print.Plain) {
			out[r] = print
			continue
		}
		unread = append(unread, r.UID)
	}
	for chunk := range slices.Chunk(unread, 500) {
		if err := p.readPrints(ctx, side, Sighting{OnTarget: onTarget, Folder: path, Validity: validity}, refs[0], chunk, out); err != nil {
			return fmt.Errorf("read messages of %s: %w", showPath(path), err)
		}
	}
	return nil
}

func (p *pass) readPrints(ctx context.Context, side Source, like Sighting, ref Ref, uids []UID, out map[Ref]Print) error {
	var seen []Sighting
	_, err := side.Fetch(ctx, uids, func(m Meta, octets int64, body io.Reader) error {
		print, err := p.form().PrintOf(body)
		if err != nil || (octets == 0 && m.Size > 0) {
			return err
		}
		like.UID, like.Print, ref.UID = m.UID, print, m.UID
		seen = append(seen, like)
		out[ref] = print
		return nil
	})
	if len(seen) > 0 {
		if e := p.commit(ctx, Change{Sightings: seen}); e != nil {
			return e
		}
	}
	return err
}
