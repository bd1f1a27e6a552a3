package mailsync

import (
	"maps"
	"slices"
)

const (
	keptChanged  = "vanished on the source; kept: changed on the target since"
	keptAdopted  = "vanished on the source; kept: was on the target before us"
	keptPolicy   = "vanished on the source; kept: deletions are not mirrored"
	keptFence    = "vanished on the source; kept: UIDVALIDITY of the folder changed"
	keptMoved    = "vanished on the source; kept: a person filed it elsewhere on the target"
	belowFence   = "was on the source at the switch, and the ledger of that time is lost"
	awayOnTarget = "moved or deleted on the target"
)

// decision is the state of one Decide.
type decision struct {
	*Delta
	prints map[Ref]Print
	dirty  map[*Row]bool
	out    Actions
	// pools of unclaimed foreign messages by digest: in one folder, anywhere.
	local map[string]map[Digest][]*foreignMessage
	whole map[Digest][]*foreignMessage
	plain map[string]map[Digest][]*foreignMessage
	// wholePlain is plain for all folders.
	wholePlain map[Digest][]*foreignMessage
	byRef      map[Ref]*foreignMessage
	twins      map[Digest][]*foreignMessage
	// What needs no thought by itself, by pair.
	copies map[*PairState]*CopyList
	notes  map[noted]*NoteList
}

type noted struct {
	pair    *PairState
	outcome Outcome
}

// Decide turns a sorted delta into actions, given the digests of Wanted.
// A message whose digest is missing (it vanished meanwhile, or cannot be
// read) is left for a later pass.
func (d *Delta) Decide(prints map[Ref]Print) Actions {
	x := &decision{Delta: d, prints: prints, dirty: map[*Row]bool{}, copies: map[*PairState]*CopyList{}, notes: map[noted]*NoteList{}}
	x.out.Forget = slices.Clone(d.forget)
	x.out.Pending = maps.Clone(d.uncertain)
	x.fillPools()
	x.reidentify()
	x.followMoves()
	x.findLost()
	x.adopt()
	x.rest()
	x.withdraw()
	x.finishVanished()
	x.flags()
	for _, h := range x.out.Held {
		x.out.Pending[h.Pair.Pair.ID]++
	}
	x.record()
	x.list()
	return x.out
}

func (x *decision) fillPools() {
	x.local, x.plain = map[string]map[Digest][]*foreignMessage{}, map[string]map[Digest][]*foreignMessage{}
	x.whole, x.wholePlain = map[Digest][]*foreignMessage{}, map[Digest][]*foreignMessage{}
	put := func(pool map[string]map[Digest][]*foreignMessage, k string, d Digest, f *foreignMessage) {
		if pool[k] == nil {
			pool[k] = map[Digest][]*foreignMessage{}
		}
		pool[k][d] = append(pool[k][d], f)
	}
	x.byRef = map[Ref]*foreignMessage{}
	for _, f := range x.foreign {
		x.byRef[f.ref()] = f
		p, ok := x.prints[f.ref()]
		if !ok {
			continue
		}
		put(x.local, folderKey(f.path), p.Digest, f)
		put(x.plain, folderKey(f.path), p.Plain, f)
		x.whole[p.Digest] = append(x.whole[p.Digest], f)
		x.wholePlain[p.Plain] = append(x.wholePlain[p.Plain], f)
	}
	x.poolLeftBehind()
	x.poolTwins()
}

// poolLeftBehind makes the copies that ended rows left on the target
// available to what comes back.
func (x *decision) poolLeftBehind() {
	views := x.views()
	for _, g := range x.gone {
		if g.target == nil || x.byRef[g.copyRef()] != nil {
			continue
		}
		v := views[folderKey(g.where())]
		if i, ok := v.messages.search(g.row.TargetUID); ok && !x.claimed[v].has(i) {
			x.byRef[g.copyRef()] = &foreignMessage{path: g.where(), validity: v.UIDValidity, meta: *g.target}
		}
	}
}

// take claims an unclaimed message of a pool, one to one.
func take(pool map[Digest][]*foreignMessage, d Digest) *foreignMessage {
	for _, f := range pool[d] {
		if !f.taken {
			f.taken = true
			return f
		}
	}
	return nil
}

func (x *decision) touch(r *Row) { x.dirty[r] = true }

// record lists the changed rows in a fixed order.
func (x *decision) record() {
	for r := range x.dirty {
		x.out.Record = append(x.out.Record, r)
	}
	slices.SortFunc(x.out.Record, func(a, b *Row) int {
		switch {
		case a.Pair != b.Pair:
			return int(a.Pair - b.Pair)
		case a.SourceUID != b.SourceUID:
			return int(int64(a.SourceUID) - int64(b.SourceUID))
		}
		return int(a.ID - b.ID)
	})
}
