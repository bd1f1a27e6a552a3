package mailsync

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
)

// toRead is messages of one folder whose digests are wanted; like says which
// folder that was when it was looked at.
type toRead struct {
	like Sighting
	from Folder
	uids []UID
}

// ref is a message of the folder of a sighting, as a delta names it.
func (s Sighting) ref(uid UID) Ref {
	return Ref{OnTarget: s.OnTarget, Folder: folderKey(s.Folder), UID: uid}
}

// prints returns the digests of messages, from memory where the ledger has
// them. The others are read from both sides at once, many folders behind one
// another, and then folder by folder what did not come that way.
func (p *pass) prints(ctx context.Context, wanted []Ref) (map[Ref]Print, error) {
	out := map[Ref]Print{}
	var source, target []toRead
	for _, g := range p.groups(wanted) {
		if err := p.remembered(ctx, &g, out); err != nil {
			return nil, err
		}
		switch {
		case len(g.uids) == 0:
		case g.like.OnTarget:
			target = append(target, g)
		default:
			source = append(source, g)
		}
	}
	if err := p.readBoth(ctx, source, target, out); err != nil {
		return nil, err
	}
	for _, g := range slices.Concat(source, target) {
		g.uids = slices.DeleteFunc(g.uids, func(u UID) bool { _, ok := out[g.like.ref(u)]; return ok })
		if err := p.folderError(ctx, p.pairOf(g.like), p.printsOf(ctx, g, out)); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// groups sorts wanted messages by the folder they were seen in.
func (p *pass) groups(refs []Ref) []toRead {
	byFolder := map[Ref][]UID{}
	for _, r := range refs {
		folder := Ref{OnTarget: r.OnTarget, Folder: r.Folder}
		byFolder[folder] = append(byFolder[folder], r.UID)
	}
	seen := p.seenValidities()
	var out []toRead
	for folder, uids := range byFolder {
		from := p.state.sources[folder.Folder]
		if folder.OnTarget {
			from = p.state.targets[folder.Folder]
		}
		like := Sighting{OnTarget: folder.OnTarget, Folder: strings.Split(folder.Folder, "\x00"), Validity: seen[folder]}
		out = append(out, toRead{like: like, from: from, uids: compactUIDs(uids)})
	}
	slices.SortFunc(out, func(a, b toRead) int { return cmp.Compare(folderKey(a.like.Folder), folderKey(b.like.Folder)) })
	return out
}

// seenValidities is the UIDVALIDITY of each folder as it was looked at. The
// UIDs of a delta mean nothing in a folder that has another.
func (p *pass) seenValidities() map[Ref]uint32 {
	out := map[Ref]uint32{}
	for _, s := range p.state.pairs {
		out[Ref{Folder: folderKey(s.Pair.Source.Path)}] = s.Source.UIDValidity
		if s.Target.Known {
			out[Ref{OnTarget: true, Folder: folderKey(s.Pair.Target.Path)}] = s.Target.UIDValidity
		}
	}
	for _, o := range p.state.others {
		out[Ref{OnTarget: true, Folder: folderKey(o.Path)}] = o.View.UIDValidity
	}
	return out
}

// pairOf is the pair a folder belongs to; one of the target that no pair maps
// to stands for itself.
func (p *pass) pairOf(x Sighting) *PairState {
	for _, s := range p.state.pairs {
		path := s.Pair.Source.Path
		if x.OnTarget {
			path = s.Pair.Target.Path
		}
		if folderKey(path) == folderKey(x.Folder) {
			return s
		}
	}
	return &PairState{Pair: Pair{Source: Side{Path: x.Folder}}}
}

// remembered takes the digests that the ledger knows.
func (p *pass) remembered(ctx context.Context, g *toRead, out map[Ref]Print) error {
	known, err := p.Ledger.Sightings(ctx, g.like.OnTarget, g.like.Folder, g.like.Validity)
	if err != nil {
		return fmt.Errorf("read ledger: %w", err)
	}
	g.uids = slices.DeleteFunc(g.uids, func(u UID) bool {
		print, ok := known[u]
		if ok = ok && p.form().made(print.Plain); ok {
			out[g.like.ref(u)] = print
		}
		return ok
	})
	return nil
}

// sightingsAtOnce is how many digests are recorded in one transaction.
const sightingsAtOnce = 500

// readBoth reads folders of both sides at the same time, as far as these can
// read more than one at once. The goroutine of the pass records.
func (p *pass) readBoth(ctx context.Context, source, target []toRead, out map[Ref]Print) error {
	p.state.openSource, p.state.openTarget = "", ""
	both, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	seen, ended := make(chan Sighting), make(chan error, 2)
	go func() { ended <- readMany(both, p.source, source, p.form(), seen) }()
	go func() { ended <- readMany(both, p.target, target, p.form(), seen) }()
	var batch []Sighting
	var err error
	for sides := 2; sides > 0; {
		select {
		case s := <-seen:
			out[s.ref(s.UID)] = s.Print
			batch = append(batch, s)
		case e := <-ended:
			sides--
			err = cmp.Or(err, e)
		}
		if len(batch) >= sightingsAtOnce || sides == 0 {
			err = cmp.Or(err, p.recordSightings(ctx, batch))
			batch = nil
		}
		if err != nil {
			cancel(err) // the other side's connection is of no use any more
		}
	}
	return err
}

func (p *pass) recordSightings(ctx context.Context, batch []Sighting) error {
	if len(batch) == 0 {
		return nil
	}
	return p.commit(ctx, Change{Sightings: batch})
}

// readMany digests messages of many folders of one side in one flight. What is
// refused or does not come is left to whoever asked.
func readMany(ctx context.Context, side Source, folders []toRead, form Form, seen chan<- Sighting) error {
	r, ok := side.(Reader)
	if !ok || len(folders) == 0 {
		return nil
	}
	readings := make([]Reading, len(folders))
	for i, g := range folders {
		readings[i] = Reading{Folder: g.from, Validity: g.like.Validity, UIDs: g.uids}
	}
	_, err := r.ReadAll(ctx, readings, func(i int, m Meta, octets int64, body io.Reader) error {
		s, err := digested(folders[i].like, form, m, octets, body)
		if err != nil || s == nil {
			return err
		}
		select {
		case seen <- *s:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	})
	if err != nil {
		return fmt.Errorf("read messages of %d folders: %w", len(folders), err)
	}
	return nil
}

// digested is the digest of one message, or nil: one that came empty and is
// not was not read.
func digested(like Sighting, form Form, m Meta, octets int64, body io.Reader) (*Sighting, error) {
	print, err := form.PrintOf(body)
	if err != nil || octets == 0 && m.Size > 0 {
		return nil, err
	}
	like.UID, like.Print = m.UID, print
	return &like, nil
}

// printsOf reads messages of one folder, which is opened for that.
func (p *pass) printsOf(ctx context.Context, g toRead, out map[Ref]Print) error {
	if len(g.uids) == 0 {
		return nil
	}
	side, err := p.openSeen(ctx, g.like)
	if err != nil {
		return err
	}
	for chunk := range slices.Chunk(g.uids, sightingsAtOnce) {
		if err := p.readPrints(ctx, side, g.like, chunk, out); err != nil {
			return fmt.Errorf("read messages of %s: %w", showPath(g.like.Folder), err)
		}
	}
	return nil
}

// openSeen opens the folder of a sighting and insists that it is the one that was seen.
func (p *pass) openSeen(ctx context.Context, x Sighting) (Source, error) {
	if !x.OnTarget {
		return p.source, p.sourceAt(ctx, x.Folder, x.Validity)
	}
	st, err := p.openTargetFolder(ctx, x.Folder, false)
	if err == nil && st.UIDValidity != x.Validity {
		p.state.openTarget = ""
		err = fmt.Errorf("target folder %s: %w", showPath(x.Folder), errFolderChanged)
	}
	return p.target, err
}

func (p *pass) readPrints(ctx context.Context, side Source, like Sighting, uids []UID, out map[Ref]Print) error {
	var batch []Sighting
	_, err := side.Fetch(ctx, uids, func(m Meta, octets int64, body io.Reader) error {
		s, err := digested(like, p.form(), m, octets, body)
		if err != nil || s == nil {
			return err
		}
		batch = append(batch, *s)
		out[s.ref(s.UID)] = s.Print
		return nil
	})
	if e := p.recordSightings(ctx, batch); e != nil {
		return e
	}
	return err
}
