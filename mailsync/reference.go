package mailsync

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sort"

	"bascule/internal/retry"
)

// A message that is in several folders of the source, by the server's own name
// of it, is sent once: the target makes it again out of the copy it has. What
// it cannot, or what is in doubt, is sent like any other.

// reference is a message to be made out of the copy of another, by their places
// in the source views of their folders.
type reference struct{ of, at uint32 }

// errand is what one folder gets out of another.
type errand struct {
	from, to *PairState
	list     []reference
}

// nameOf is a message that is due, or has a copy.
type nameOf struct {
	object   ObjectID
	pair, at uint32 // pair is its place among those of the pass
}

// refers reports whether the target copies from folder to folder, and says what
// became of it.
func (p *pass) refers() bool {
	_, ok := p.target.(Copier)
	return ok && !p.copiesRefused && p.target.Accepts().UIDPlus
}

// errands takes out of what is due what can be made out of copies: those of
// earlier passes, as far as their folders were read, and those of this one.
func (p *pass) errands(due map[*PairState][]uint32) []errand {
	if !p.refers() {
		return nil
	}
	names := p.namesOf(due)
	have := p.copied(names)
	byPairs := map[[2]uint32]*errand{}
	taken := map[*PairState]marks{}
	for len(names) > 0 {
		n := 1
		for n < len(names) && names[n].object == names[0].object {
			n++
		}
		p.choose(names[:n], have, func(of, x nameOf) {
			k := [2]uint32{of.pair, x.pair}
			if byPairs[k] == nil {
				byPairs[k] = &errand{from: p.state.pairs[of.pair], to: p.state.pairs[x.pair]}
			}
			byPairs[k].list = append(byPairs[k].list, reference{of.at, x.at})
			m := taken[byPairs[k].to]
			m.set(int(x.at))
			taken[byPairs[k].to] = m
		})
		names = names[n:]
	}
	for s, m := range taken {
		due[s] = slices.DeleteFunc(slices.Clone(due[s]), func(i uint32) bool { return m.has(int(i)) })
	}
	return inOrder(byPairs)
}

// inOrder lists errands by the folder they come from.
func inOrder(byPairs map[[2]uint32]*errand) []errand {
	keys := make([][2]uint32, 0, len(byPairs))
	for k := range byPairs {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b [2]uint32) int { return slices.Compare(a[:], b[:]) })
	out := make([]errand, len(keys))
	for i, k := range keys {
		out[i] = *byPairs[k]
		slices.SortFunc(out[i].list, func(a, b reference) int { return cmp.Compare(a.of, b.of) })
	}
	return out
}

// namesOf lists what is due and has a name, by name, and then as folders come.
func (p *pass) namesOf(due map[*PairState][]uint32) []nameOf {
	room := 0
	for s, list := range due {
		if s.Source.messages.names.n > 0 {
			room += len(list)
		}
	}
	out := make([]nameOf, 0, room)
	for n, s := range p.state.pairs {
		for _, i := range due[s] {
			if id := s.Source.messages.object(int(i)); !id.IsZero() {
				out = append(out, nameOf{id, uint32(n), i})
			}
		}
	}
	slices.SortFunc(out, compareNames)
	return out
}

func compareNames(a, b nameOf) int {
	return cmp.Or(a.object.compare(b.object), cmp.Compare(a.pair, b.pair), cmp.Compare(a.at, b.at))
}

// copied lists, by name, messages that have an outcome already and the name of
// one that is due. In a view of changes only what changed has a name.
func (p *pass) copied(due []nameOf) (out []nameOf) {
	for n, s := range p.state.pairs {
		if len(due) == 0 || s.excluded() || !s.Source.Known || !s.Target.Known {
			continue
		}
		for i := range s.Source.Len() {
			id := s.Source.messages.object(i)
			if id.IsZero() || !s.covered.has(i) {
				continue
			}
			if _, ok := slices.BinarySearchFunc(due, id, func(x nameOf, id ObjectID) int { return x.object.compare(id) }); ok {
				out = append(out, nameOf{id, uint32(n), uint32(i)})
			}
		}
	}
	slices.SortFunc(out, compareNames)
	return out
}

// choose finds, among messages of one name, which are made out of which: out of
// one that has a copy, or else out of the first. The server's word for it that
// they are one is taken where it says the same of them otherwise.
func (p *pass) choose(same, have []nameOf, take func(of, x nameOf)) {
	of, rest := same[0], same[1:]
	i, ok := slices.BinarySearchFunc(have, of.object, func(x nameOf, id ObjectID) int { return x.object.compare(id) })
	if ok {
		of, rest = have[i], same
	}
	for _, x := range rest {
		if x.pair != of.pair && alike(p.state.pairs[of.pair], int(of.at), p.state.pairs[x.pair], int(x.at)) {
			take(of, x)
		}
	}
}

// alike: the source says the same of two messages.
func alike(a *PairState, i int, b *PairState, j int) bool {
	x, y := &a.Source.messages, &b.Source.messages
	return x.size(i) == y.size(j) && x.date(i).Equal(y.date(j)) && equalFlags(x.flags(i), y.flags(j))
}

// original is a copy that others are made out of.
type original struct {
	place  uint32
	target UID
	left   uint32 // the set of its flags, among those of the target view
	digest Digest
	size   int64
}

// originals finds the copies that the errands out of one folder are about, in
// the ledger: what was sent in this pass is not kept elsewhere.
func (p *pass) originals(ctx context.Context, from *PairState, errands []errand) ([]original, error) {
	var wanted, made marks
	for _, e := range errands {
		for _, r := range e.list {
			wanted.set(int(r.of))
		}
	}
	for _, c := range from.sent {
		made.set(int(c.source))
	}
	var out []original
	err := p.Ledger.Rows(ctx, from.Pair.ID, func(r Row) error {
		i, ok := from.placeOf(&r)
		if ok && wanted.has(i) && from.serves(&r, i, made) {
			out = append(out, original{uint32(i), r.TargetUID, from.Target.messages.set(r.Left), r.Digest, r.Size})
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read ledger: %w", err)
	}
	slices.SortFunc(out, func(a, b original) int { return cmp.Compare(a.place, b.place) })
	return out, nil
}

// serves: we wrote the copy of a row, of a message whose flags are what they
// were, and it is as we left it, by the look or since.
func (s *PairState) serves(r *Row, i int, made marks) bool {
	if r.Outcome != Copied || r.Origin != FromSource || r.TargetFolder != nil || r.TargetValidity != s.Target.UIDValidity ||
		r.Digest.IsZero() || !r.Plain.IsZero() || len(r.Flux) > 0 || !equalFlags(r.Flags, s.Source.messages.flags(i)) {
		return false
	}
	j, seen := s.Target.messages.search(r.TargetUID)
	if !seen {
		return made.has(i)
	}
	return r.Settled && (!s.Target.messages.told(j) || equalFlags(s.Target.messages.flags(j), r.Left))
}

// runErrands copies within the target, and returns what must be sent after all.
func (p *pass) runErrands(ctx context.Context, errands []errand) (left map[*PairState][]uint32, err error) {
	left = map[*PairState][]uint32{}
	for len(errands) > 0 {
		n := 1
		for n < len(errands) && errands[n].from == errands[0].from {
			n++
		}
		found, err := p.originals(ctx, errands[0].from, errands[:n])
		if err != nil {
			return nil, err
		}
		for _, e := range errands[:n] {
			if err := p.folderError(ctx, e.to, p.runErrand(ctx, e, found, left)); err != nil {
				return nil, err
			}
		}
		errands = errands[n:]
	}
	return left, nil
}

// copiedAtOnce bounds what has to be looked for after a crash.
const copiedAtOnce = 500

func (p *pass) runErrand(ctx context.Context, e errand, found []original, left map[*PairState][]uint32) error {
	for chunk := range slices.Chunk(e.list, copiedAtOnce) {
		if err := p.stopped(); err != nil {
			return err
		}
		b := &byReference{errand: e}
		for _, r := range chunk {
			i, ok := slices.BinarySearchFunc(found, r.of, func(o original, place uint32) int { return cmp.Compare(o.place, place) })
			if !ok || !p.refers() {
				left[e.to] = append(left[e.to], r.at)
				continue
			}
			b.of, b.at = append(b.of, found[i]), append(b.at, r.at)
		}
		sort.Sort(b)
		if len(b.at) == 0 {
			continue
		}
		missed, err := p.copyWithin(ctx, b)
		if err != nil {
			return err
		}
		left[e.to] = append(left[e.to], missed...)
	}
	return nil
}

// byReference is one COPY: the message at at[i] becomes out of of[i].
type byReference struct {
	errand
	of []original
	at []uint32
}

// A batch is announced in the order in which the target will make it.
func (b *byReference) Len() int           { return len(b.of) }
func (b *byReference) Less(i, j int) bool { return b.of[i].target < b.of[j].target }
func (b *byReference) Swap(i, j int) {
	b.of[i], b.of[j] = b.of[j], b.of[i]
	b.at[i], b.at[j] = b.at[j], b.at[i]
}

// copyWithin announces, copies and records. It returns what was not made.
func (p *pass) copyWithin(ctx context.Context, b *byReference) (missed []uint32, err error) {
	if err := p.ensureForCopy(ctx, b.to); err != nil {
		return nil, err
	}
	if err := p.targetAt(ctx, b.from.Pair.Target.Path, b.from.Target.UIDValidity); err != nil {
		return nil, err
	}
	p.state.confirmed = nil // too long ago
	actions := b.to.actions(b.at)
	in := p.intent(b.to, actions)
	if err := p.commit(ctx, Change{Open: in}); err != nil {
		return nil, err
	}
	uids := make([]UID, len(b.of))
	for i, o := range b.of {
		uids[i] = o.target
	}
	var done CopiedWithin
	err = p.write("COPY", func() (err error) {
		done, err = p.target.(Copier).CopyWithin(ctx, uids, p.state.targets[folderKey(b.to.Pair.Target.Path)])
		return err
	})
	switch {
	case isRefusal(err):
		p.copiesRefused = true
	case err != nil:
		// The intent stays open: look before sending again.
		return nil, retry.Temporary(fmt.Errorf("copy %d messages from %s to %s: %w", len(uids), showPath(b.from.Pair.Target.Path), showPath(b.to.Pair.Target.Path), err))
	}
	made, err := p.madeWithin(ctx, b, in, actions, done, err == nil)
	if err != nil {
		return nil, err
	}
	if err := p.commit(ctx, Change{Rows: made.rows(), Close: in.ID}); err != nil {
		return nil, err
	}
	p.account(b.to, made)
	p.countWithin(b.to, made)
	return slices.DeleteFunc(slices.Clone(b.at), func(i uint32) bool { return b.to.covered.has(int(i)) }), nil
}

// madeWithin are the rows of what was made: by what the server says of it, or
// where that is not sure by what arrived.
func (p *pass) madeWithin(ctx context.Context, b *byReference, in *Intent, actions []CopyAction, done CopiedWithin, accepted bool) (made whereabouts, err error) {
	if !accepted || done.UIDValidity != in.Validity || len(done.UIDs) == 0 {
		p.state.openTarget = ""
		return p.findSent(ctx, b.to, *in, b.to.knownOf(in), unheard())
	}
	for i, o := range b.of {
		uid := done.UIDs[o.target]
		if uid == 0 {
			continue // it was not there to be copied
		}
		r := copiedRow(b.to, actions[i].Row, in, actions[i].Meta, Print{Digest: o.digest, Plain: o.digest, Octets: o.size}, uid)
		r.Left = b.from.Target.messages.sets.of(o.left)
		made.copied = append(made.copied, r)
	}
	return made, nil
}

func (p *pass) countWithin(s *PairState, made whereabouts) {
	for _, r := range made.inDoubt {
		if i, ok := s.Source.messages.search(r.SourceUID); ok {
			s.covered.set(i)
		}
	}
	w, rows := p.wrote(s.Pair.Target.Path), made.copied
	for _, r := range rows {
		w.last = max(w.last, r.TargetUID)
		p.report.Referenced++
		p.report.Saved += r.Size
	}
	s.referenced = s.referenced || len(rows) > 0
	p.countCopied(s, rows)
}
