package mailsync

import (
	"fmt"
)

// adopt matches what is new on the source with what is unknown on the target.
func (x *decision) adopt() {
	for _, f := range x.fresh {
		if p, ok := x.prints[f.ref()]; ok && !f.taken && !f.pair.excluded() {
			if t := take(x.local[folderKey(f.pair.Pair.Target.Path)], p.Digest); t != nil {
				x.adoptAt(f, t, p)
			}
		}
	}
	x.deliver()
	for _, f := range x.fresh {
		p, ok := x.prints[f.ref()]
		if !ok || f.taken || f.pair.excluded() {
			continue
		}
		if t := x.elsewhere(p); t != nil {
			x.adoptAt(f, t, p)
			continue
		}
		x.similar(f, p)
	}
}

func (x *decision) elsewhere(p Print) *foreignMessage {
	if !x.anywhere() {
		return nil
	}
	return take(x.whole, p.Digest)
}

// similar: the target has the message altered, as its class alters messages,
// and we did not write it as far as the ledger knows.
func (x *decision) similar(f *freshMessage, p Print) {
	if x.s.OnSimilar == KeepBoth {
		return
	}
	t := take(x.plain[folderKey(f.pair.Pair.Target.Path)], p.Plain)
	if t == nil && x.anywhere() {
		t = take(x.wholePlain, p.Plain)
	}
	switch {
	case t == nil:
	case x.s.OnSimilar == AdoptSimilar:
		x.adoptAt(f, t, p)
	default:
		f.taken = true
		x.out.Held = append(x.out.Held, HeldMessage{Pair: f.pair, Meta: f.meta, Failure: true, Similar: true,
			Why: fmt.Sprintf("similar, altered: message %d of %s", t.meta.UID, showPath(t.path))})
	}
}

func (x *decision) adoptAt(f *freshMessage, t *foreignMessage, p Print) {
	f.taken = true
	r := &Row{Pair: f.pair.Pair.ID, SourceUID: f.meta.UID, SourceValidity: f.pair.Source.UIDValidity, TargetUID: t.meta.UID,
		TargetValidity: t.validity, Digest: p.Digest, Size: p.Octets, Date: f.meta.Date, Outcome: Adopted, Origin: FromSource,
		Left: t.meta.Flags, Settled: true}
	if p.Plain != p.Digest {
		r.Plain = p.Plain
	}
	if folderKey(t.path) != folderKey(f.pair.Pair.Target.Path) {
		r.TargetFolder = t.path
	}
	// The base is empty: all flags of the source are new to the target. Not
	// so below the fence, where a person may have taken them away.
	if x.s.Policy == AddOnly && x.s.Fences.below(f.pair.Pair, f.pair.Source.UIDValidity, f.meta) {
		r.Flags = sortedFlags(f.meta.Flags)
	}
	x.touch(r)
	source, target := f.meta, t.meta
	x.here = append(x.here, &placed{row: r, pair: f.pair, source: &source, target: &target})
}
