package mailsync

import (
	"slices"
)

// rest decides about what is new and nowhere on the target.
func (x *decision) rest() {
	looked := map[*PairState]map[int]*freshMessage{}
	for _, f := range x.fresh {
		if looked[f.pair] == nil {
			looked[f.pair] = map[int]*freshMessage{}
		}
		looked[f.pair][f.at] = f
	}
	for _, p := range x.s.Pairs {
		x.unknown(p, func(i int) {
			if f := looked[p][i]; f == nil || !f.taken {
				x.newcomer(p, i, f)
			}
		})
	}
}

// newcomer decides about one message; f is nil where its octets were not asked for.
func (x *decision) newcomer(p *PairState, i int, f *freshMessage) {
	switch {
	case p.excluded():
		x.note(p, i, f, Excluded, p.Pair.Reason)
	case f != nil && x.wanted[f.ref()] && x.unread(f):
		x.out.Held = append(x.out.Held, HeldMessage{Pair: p, Meta: f.meta, Failure: true, Why: "listed, but not delivered when it was asked for"})
	case x.s.Policy == AddOnly && x.fenced(p, i):
		x.note(p, i, f, Released, belowFence)
	case x.s.Policy == AddOnly && !x.s.Final && isDraft(p, i):
		x.out.Held = append(x.out.Held, HeldMessage{Pair: p, Meta: p.Source.At(i), Why: "draft: copied by the last delta"})
	case x.leftToForward(p, i):
	default:
		l := x.copiesOf(p)
		l.At = append(l.At, uint32(i))
	}
}

func (x *decision) copiesOf(p *PairState) *CopyList {
	if x.copies[p] == nil {
		x.copies[p] = &CopyList{Pair: p, Again: map[uint32]*Row{}}
	}
	return x.copies[p]
}

func (x *decision) copyAgain(p *placed) {
	i, ok := p.pair.Source.messages.search(p.source.UID)
	if !ok {
		panic("bug: a message that is placed on the source is not in its view")
	}
	l := x.copiesOf(p.pair)
	l.At = append(l.At, uint32(i))
	l.Again[uint32(i)] = p.row
}

// list brings what was collected into the order of pairs and messages.
func (x *decision) list() {
	for _, p := range x.s.Pairs {
		if l := x.copies[p]; l != nil {
			slices.Sort(l.At)
			x.out.Copies = append(x.out.Copies, *l)
		}
		for _, o := range []Outcome{Excluded, Released} {
			if l := x.notes[noted{p, o}]; l != nil {
				x.out.Notes = append(x.out.Notes, *l)
			}
		}
	}
}

func (x *decision) unread(f *freshMessage) bool {
	_, ok := x.prints[f.ref()]
	return !ok
}

func (x *decision) fenced(p *PairState, i int) bool {
	return !x.s.Trusted && !x.s.Fences.CopyBelow && x.s.Fences.below(p.Pair, p.Source.UIDValidity, p.Source.At(i))
}

func isDraft(p *PairState, i int) bool {
	return p.Use == `\Drafts` || hasFlag(p.Source.messages.flags(i), `\Draft`)
}

// note gives a message its outcome. One that was read has a row with its digest.
func (x *decision) note(p *PairState, i int, f *freshMessage, o Outcome, why string) {
	if f != nil {
		if print, ok := x.prints[f.ref()]; ok {
			r := noteRow(p, i, o, why)
			r.Digest, r.Size = print.Digest, print.Octets
			x.touch(r)
			return
		}
	}
	k := noted{p, o}
	if x.notes[k] == nil {
		x.notes[k] = &NoteList{Pair: p, Outcome: o, Reason: why}
	}
	x.notes[k].At = append(x.notes[k].At, uint32(i))
}

func noteRow(p *PairState, i int, o Outcome, why string) *Row {
	m := p.Source.At(i)
	return &Row{Pair: p.Pair.ID, SourceUID: m.UID, SourceValidity: p.Source.UIDValidity, Size: m.Size, Date: m.Date,
		Flags: m.Flags, Outcome: o, Origin: FromSource, Reason: why, Settled: true}
}
