package mailsync

import (
	"slices"
)

// reidentify finds messages again whose folder has a new UIDVALIDITY on the
// source. What is not found again is never deleted.
func (x *decision) reidentify() {
	byPair := x.freshByDigest()
	for _, p := range x.restless {
		if f := takeFresh(byPair[p.pair][x.ownRow(p.row)]); f != nil && !p.row.Digest.IsZero() {
			x.relink(p, f)
			continue
		}
		if p.row.Digest.IsZero() {
			x.out.Forget = append(x.out.Forget, p.row.ID)
			continue
		}
		p.noDelete = true
		x.vanished = append(x.vanished, p)
	}
}

func (x *decision) freshByDigest() map[*PairState]map[Digest][]*freshMessage {
	out := map[*PairState]map[Digest][]*freshMessage{}
	for _, f := range x.fresh {
		p, ok := x.prints[f.ref()]
		if !ok {
			continue
		}
		if out[f.pair] == nil {
			out[f.pair] = map[Digest][]*freshMessage{}
		}
		out[f.pair][x.own(p)] = append(out[f.pair][x.own(p)], f)
	}
	return out
}

// own is what tells a message of the source from others of the source: the
// octets, unless it writes them anew each time.
func (x *decision) own(p Print) Digest {
	if x.s.Personality.Source == Semantic {
		return p.Plain
	}
	return p.Digest
}

func (x *decision) ownRow(r *Row) Digest { return x.s.Personality.own(r) }

// own is the same of a message that has a row.
func (p Personality) own(r *Row) Digest {
	if p.Source == Semantic {
		return r.plain()
	}
	return r.Digest
}

// plain is the second digest of a row's message.
func (r *Row) plain() Digest {
	if r.Plain.IsZero() {
		return r.Digest
	}
	return r.Plain
}

func takeFresh(list []*freshMessage) *freshMessage {
	for _, f := range list {
		if !f.taken {
			f.taken = true
			return f
		}
	}
	return nil
}

// relink gives a row the new UID of its source message in the same folder.
func (x *decision) relink(p *placed, f *freshMessage) {
	p.row.SourceUID, p.row.SourceValidity = f.meta.UID, f.pair.Source.UIDValidity
	m := f.meta
	p.source, p.taken = &m, true
	x.touch(p.row)
	switch {
	case !p.row.Outcome.Live():
	case p.target != nil:
		x.here = append(x.here, p)
	case x.absenceProven(p):
		x.lost = append(x.lost, p)
	}
}

func (x *decision) absenceProven(p *placed) bool {
	v := x.views()[folderKey(p.where())]
	return v != nil && v.Proven
}

// followMoves joins what vanished with the same octets that are new.
func (x *decision) followMoves() {
	byPair := x.freshByDigest()
	origins := slices.Clone(x.vanished)
	for _, g := range x.gone {
		if x.s.Policy == AddOnly || g.target != nil {
			origins = append(origins, g)
		}
	}
	for _, samePair := range []bool{true, false} {
		for _, p := range origins {
			if p.taken || p.row.Digest.IsZero() || p.row.Origin == FromTarget || !x.copyIsFree(p) {
				continue
			}
			if f := x.continuation(p, byPair, samePair); f != nil {
				x.follow(p, f)
			}
		}
	}
}

// copyIsFree: a row that ended claims its copy no longer; another may have it now.
func (x *decision) copyIsFree(p *placed) bool {
	if p.row.Outcome != Gone || p.target == nil {
		return true
	}
	f := x.byRef[p.copyRef()]
	return f != nil && !f.taken
}

func (p *placed) copyRef() Ref {
	return Ref{OnTarget: true, Folder: folderKey(p.where()), UID: p.row.TargetUID}
}

func (x *decision) continuation(p *placed, byPair map[*PairState]map[Digest][]*freshMessage, samePair bool) *freshMessage {
	if samePair {
		return takeFresh(byPair[p.pair][x.ownRow(p.row)])
	}
	for _, q := range x.s.Pairs {
		if q == p.pair || q.excluded() {
			continue
		}
		if f := takeFresh(byPair[q][x.ownRow(p.row)]); f != nil {
			return f
		}
	}
	return nil
}

func (x *decision) follow(p *placed, f *freshMessage) {
	if p.row.Outcome == Gone {
		x.revive(p)
	}
	if f.pair == p.pair {
		x.relink(p, f)
		return
	}
	live, home := p.row.Outcome.Live(), p.where()
	p.taken = true
	if live && x.s.Policy == Mirror && p.target != nil && p.row.TargetFolder == nil {
		x.out.Moves = append(x.out.Moves, MoveAction{Row: p.row, From: home, To: f.pair, Source: f.meta, Target: *p.target})
		return
	}
	if live && x.s.Policy == AddOnly {
		p.row.Outcome, p.row.Reason = Moved, "moved on the source to "+showPath(f.pair.Pair.Source.Path)
	}
	p.row.Pair, p.pair = f.pair.Pair.ID, f.pair
	p.row.TargetFolder = home
	if folderKey(home) == folderKey(f.pair.Pair.Target.Path) {
		p.row.TargetFolder = nil
	}
	x.relink(p, f)
}

// revive brings a row back whose message came back to the source.
func (x *decision) revive(p *placed) {
	if f := x.byRef[p.copyRef()]; f != nil && p.target != nil {
		f.taken = true
	}
	orphan := p.row.Reason == orphanReason
	p.row.Outcome, p.row.Reason = Adopted, ""
	switch {
	case p.target == nil:
		p.row.Outcome, p.row.Reason = Released, awayOnTarget
	case orphan:
		p.row.Outcome, p.row.Settled = Copied, false
	}
}
