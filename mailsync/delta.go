package mailsync

import (
	"cmp"
	"slices"
)

// Ref names a message of either side within one pass.
type Ref struct {
	OnTarget bool
	Folder   string // folderKey of its path
	UID      UID
}

// Delta is what changed, before octets were looked at: first Sort, then the
// digests of Wanted are taken, then Decide.
type Delta struct {
	s     Situation
	fresh []*freshMessage
	// vanished rows lost their source message; restless ones lost its UID
	// to a new UIDVALIDITY.
	vanished, restless []*placed
	lost               []*placed
	foreign            []*foreignMessage
	here               []*placed
	gone               []*placed
	forget             []int64
	// uncertain counts, by pair, rows whose message was not seen without
	// proof that it is gone.
	uncertain map[int64]int
	wanted    map[Ref]bool
}

// freshMessage is on the source and in no row.
type freshMessage struct {
	pair  *PairState
	meta  Meta
	taken bool
}

// foreignMessage is on the target and claimed by no row.
type foreignMessage struct {
	path     []string
	validity uint32
	meta     Meta
	taken    bool
}

// placed is a row with what was seen of it.
type placed struct {
	row  *Row
	pair *PairState
	// source and target are nil when the message is not there.
	source, target *Meta
	// renumbered: the target folder has a new UIDVALIDITY.
	renumbered bool
	noDelete   bool
	taken      bool
}

// where returns the folder of the row's target copy.
func (p *placed) where() []string {
	if p.row.TargetFolder != nil {
		return p.row.TargetFolder
	}
	return p.pair.Pair.Target.Path
}

// Sort compares both sides with the ledger. Nothing that was not seen, or not
// proven, counts as changed.
func Sort(s Situation) *Delta {
	d := &Delta{s: s, uncertain: map[int64]int{}, wanted: map[Ref]bool{}}
	views := d.views()
	claims := map[Ref]bool{}
	for _, p := range s.Pairs {
		known := map[UID]bool{}
		for _, r := range p.Rows {
			d.sortRow(&placed{row: r, pair: p}, views, known, claims)
		}
		d.findFresh(p, known)
	}
	d.findForeign(claims)
	return d
}

func (d *Delta) views() map[string]*View {
	views := map[string]*View{}
	for _, o := range d.s.Others {
		views[folderKey(o.Path)] = &o.View
	}
	for _, p := range d.s.Pairs {
		if !p.excluded() && p.Target.Known {
			views[folderKey(p.Pair.Target.Path)] = &p.Target
		}
	}
	return views
}

func (d *Delta) sortRow(x *placed, views map[string]*View, known map[UID]bool, claims map[Ref]bool) {
	r, p := x.row, x.pair
	if (r.Outcome == Excluded && !p.excluded()) || (r.Outcome == Rejected && d.s.RetryRejected) {
		d.forget = append(d.forget, r.ID)
		return
	}
	certain := d.seeTarget(x, views, claims)
	if r.Outcome == Gone {
		d.gone = append(d.gone, x)
		return
	}
	switch {
	case !p.Source.Known && p.SourceListed:
		return
	case p.Source.Known && r.SourceValidity != p.Source.UIDValidity:
		d.restless = append(d.restless, x)
		return
	}
	if m, ok := p.Source.find(r.SourceUID); ok {
		known[r.SourceUID] = true
		x.source = &m
		d.sortPresent(x, certain)
		return
	}
	if !p.Source.Proven {
		d.uncertain[p.Pair.ID]++
		return
	}
	d.vanished = append(d.vanished, x)
}

func (d *Delta) sortPresent(x *placed, certain bool) {
	switch {
	case !x.row.Outcome.Live() || x.pair.excluded():
	case x.target != nil:
		d.here = append(d.here, x)
	case certain:
		d.lost = append(d.lost, x)
	default:
		d.uncertain[x.pair.Pair.ID]++
	}
}

// seeTarget looks the row's copy up. It returns false where its absence would prove nothing.
func (d *Delta) seeTarget(x *placed, views map[string]*View, claims map[Ref]bool) (certain bool) {
	r := x.row
	if r.Outcome.Live() && r.TargetUID != 0 {
		claims[Ref{OnTarget: true, Folder: folderKey(x.where()), UID: r.TargetUID}] = true
	}
	v := views[folderKey(x.where())]
	if v == nil {
		return false
	}
	if r.TargetValidity != v.UIDValidity {
		delete(claims, Ref{OnTarget: true, Folder: folderKey(x.where()), UID: r.TargetUID})
		x.renumbered = true
		return v.Proven
	}
	if m, ok := v.find(r.TargetUID); ok {
		x.target = &m
	}
	return v.Proven
}

func (d *Delta) findFresh(p *PairState, known map[UID]bool) {
	for _, m := range p.Source.Messages {
		if !known[m.UID] {
			d.fresh = append(d.fresh, &freshMessage{pair: p, meta: m})
		}
	}
}

func (d *Delta) findForeign(claims map[Ref]bool) {
	add := func(path []string, v *View) {
		for _, m := range v.Messages {
			if !claims[Ref{OnTarget: true, Folder: folderKey(path), UID: m.UID}] {
				d.foreign = append(d.foreign, &foreignMessage{path: path, validity: v.UIDValidity, meta: m})
			}
		}
	}
	for _, p := range d.s.Pairs {
		if !p.excluded() && p.Target.Known {
			add(p.Pair.Target.Path, &p.Target)
		}
	}
	for _, o := range d.s.Others {
		add(o.Path, &o.View)
	}
}

// NeedsWholeTarget reports whether all folders of the target must be looked
// at before anything is decided: a copy is not where it was, or the ledger
// does not know what was done before the switch.
func (d *Delta) NeedsWholeTarget() bool {
	if d.s.Policy == Mirror {
		return len(d.astray()) > 0
	}
	return !d.s.Trusted && len(d.fresh) > 0
}

// Wanted returns the messages whose octets decide: those that the size does
// not tell apart from one on the other side, or from one that vanished.
func (d *Delta) Wanted() []Ref {
	var foreign, mine sizes
	byFolder := map[string]*sizes{}
	for _, f := range d.foreign {
		foreign.add(f.meta.Size)
		k := folderKey(f.path)
		if byFolder[k] == nil {
			byFolder[k] = &sizes{}
		}
		byFolder[k].add(f.meta.Size)
	}
	for _, x := range d.origins() {
		mine.add(x.row.Size)
	}
	var out []Ref
	var wide, lost sizes
	narrow := map[string]*sizes{}
	for _, f := range d.fresh {
		if f.pair.excluded() {
			continue
		}
		k := folderKey(f.pair.Pair.Target.Path)
		near := d.near(byFolder[k], f.meta.Size) || (d.anywhere() && d.near(&foreign, f.meta.Size))
		if near || d.near(&mine, f.meta.Size) {
			out = append(out, f.ref())
		}
		if narrow[k] == nil {
			narrow[k] = &sizes{}
		}
		narrow[k].add(f.meta.Size)
		wide.add(f.meta.Size)
	}
	for _, x := range d.astray() {
		lost.add(x.row.Size)
	}
	for _, f := range d.foreign {
		if d.near(narrow[folderKey(f.path)], f.meta.Size) || (d.anywhere() && d.near(&wide, f.meta.Size)) || d.near(&lost, f.meta.Size) {
			out = append(out, f.ref())
		}
	}
	for _, r := range out {
		d.wanted[r] = true
	}
	return out
}

// anywhere: adoption looks over all folders of the target.
func (d *Delta) anywhere() bool { return d.s.Policy == AddOnly && !d.s.Trusted }

// astray are live rows whose copy is not where they say, source message or not.
func (d *Delta) astray() []*placed {
	out := slices.Clone(d.lost)
	for _, x := range slices.Concat(d.restless, d.vanished) {
		if x.row.Outcome.Live() && x.target == nil {
			out = append(out, x)
		}
	}
	return out
}

// origins are the rows a fresh message may be the continuation of.
func (d *Delta) origins() []*placed {
	out := slices.Concat(d.restless, d.vanished)
	for _, x := range d.gone {
		if d.s.Policy == AddOnly || x.target != nil {
			out = append(out, x)
		}
	}
	return slices.DeleteFunc(out, func(x *placed) bool { return x.row.Digest.IsZero() || x.row.Origin == FromTarget })
}

func (f *freshMessage) ref() Ref {
	return Ref{Folder: folderKey(f.pair.Pair.Source.Path), UID: f.meta.UID}
}

func (f *foreignMessage) ref() Ref {
	return Ref{OnTarget: true, Folder: folderKey(f.path), UID: f.meta.UID}
}

// near is sizes.near where a size says something: what is written anew may be
// shorter or longer by anything.
func (d *Delta) near(s *sizes, n int64) bool {
	if d.s.Personality.Form().Semantic {
		return s != nil && len(s.all) > 0
	}
	return s.near(n)
}

// sizes answers whether something of nearly a size is in a set. RFC822.SIZE
// is wrong on some servers by line ends or a header: near is 1 % and 512 octets.
type sizes struct {
	all    []int64
	sorted bool
}

func (s *sizes) add(n int64) { s.all, s.sorted = append(s.all, n), false }

func (s *sizes) near(n int64) bool {
	if s == nil || len(s.all) == 0 {
		return false
	}
	if !s.sorted {
		slices.Sort(s.all)
		s.sorted = true
	}
	slack := n/100 + 512
	i, _ := slices.BinarySearchFunc(s.all, n-slack, cmp.Compare[int64])
	return i < len(s.all) && s.all[i] <= n+slack
}
