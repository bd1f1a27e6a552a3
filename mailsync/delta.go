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
	s Situation
	// known are the messages of a source that have a row, claimed those of a
	// target that a live row has.
	known   map[*PairState]marks
	claimed map[*View]marks
	// fresh and foreign are those of unknown and unclaimed messages that may
	// be more than new, or somebody else's: mostly none.
	fresh   []*freshMessage
	foreign []*foreignMessage
	// vanished rows lost their source message; restless ones lost its UID
	// to a new UIDVALIDITY.
	vanished, restless []*placed
	lost               []*placed
	here               []*placed
	gone               []*placed
	// ours are copies of what a forward may still bring; traces were read of
	// TwinsWanted.
	ours   []*placed
	traces map[Ref]Trace
	forget []int64
	// uncertain counts, by pair, rows whose message was not seen without
	// proof that it is gone.
	uncertain map[int64]int
	wanted    map[Ref]bool
}

// freshMessage is on the source and in no row.
type freshMessage struct {
	pair  *PairState
	at    int // its place in the view
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
	withdrawn  bool
	found      bool // its copy was not where the row said
	// elsewhere: the message left this view for another folder; secured: its
	// copy is there as well.
	elsewhere, secured bool
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
	d := &Delta{s: s, uncertain: map[int64]int{}, wanted: map[Ref]bool{}, known: map[*PairState]marks{}, claimed: map[*View]marks{}}
	views := d.views()
	for _, p := range s.Pairs {
		d.claimed[&p.Target] = slices.Clone(p.claimed)
	}
	for _, p := range s.Pairs {
		known := p.covered.or(p.elsewhere)
		for _, r := range p.Rows {
			d.sortRow(&placed{row: r, pair: p}, views, &known)
		}
		d.known[p] = known
	}
	return d
}

// unknown calls fn with the place of each source message that has no row.
func (d *Delta) unknown(p *PairState, fn func(i int)) {
	known := d.known[p]
	for i := range p.Source.Len() {
		if !known.has(i) {
			fn(i)
		}
	}
}

func (d *Delta) hasUnknown() bool {
	for _, p := range d.s.Pairs {
		found := false
		d.unknown(p, func(int) { found = true })
		if found {
			return true
		}
	}
	return false
}

// unclaimed calls fn with each target message that no row has.
func (d *Delta) unclaimed(fn func(path []string, v *View, i int)) {
	in := func(path []string, v *View) {
		claimed := d.claimed[v]
		for i := range v.Len() {
			if !claimed.has(i) {
				fn(path, v, i)
			}
		}
	}
	for _, p := range d.s.Pairs {
		if !p.excluded() && p.Target.Known {
			in(p.Pair.Target.Path, &p.Target)
		}
	}
	for _, o := range d.s.Others {
		in(o.Path, &o.View)
	}
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

func (d *Delta) sortRow(x *placed, views map[string]*View, known *marks) {
	r, p := x.row, x.pair
	if (r.Outcome == Excluded && !p.excluded()) || (r.Outcome == Rejected && d.s.RetryRejected) {
		d.forget = append(d.forget, r.ID)
		return
	}
	certain := d.seeTarget(x, views)
	if d.s.Forward.mayBeTwin(r) && !p.excluded() {
		d.ours = append(d.ours, x)
	}
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
	if i, ok := p.Source.messages.search(r.SourceUID); ok {
		known.set(i)
		m := p.Source.At(i)
		x.source = &m
		if r.Outcome.Live() && p.elsewhere.has(i) {
			x.elsewhere, x.secured = true, p.secured[r.ID]
			d.vanished = append(d.vanished, x)
			return
		}
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
func (d *Delta) seeTarget(x *placed, views map[string]*View) (certain bool) {
	r := x.row
	v := views[folderKey(x.where())]
	if v == nil {
		return false
	}
	if r.TargetValidity != v.UIDValidity {
		x.renumbered = true
		return v.Proven
	}
	if i, ok := v.messages.search(r.TargetUID); ok {
		m := v.At(i)
		x.target = &m
		if r.Outcome.Live() {
			claimed := d.claimed[v]
			claimed.set(i)
			d.claimed[v] = claimed
		}
	}
	return v.Proven
}

// NeedsWholeTarget reports whether all folders of the target must be looked
// at before anything is decided: a copy is not where it was, or the ledger
// does not know what was done before the switch.
func (d *Delta) NeedsWholeTarget() bool {
	switch {
	case d.awaitsTwins():
		return true
	case d.s.Policy == Mirror:
		return len(d.astray()) > 0
	}
	return !d.s.Trusted && d.hasUnknown()
}

// Wanted returns the messages whose octets decide: those that the size does
// not tell apart from one on the other side, or from one that vanished.
func (d *Delta) Wanted() []Ref {
	foreign, byFolder := d.foreignSizes()
	var mine, lost, wide sizes
	for _, x := range d.origins() {
		mine.add(x.row.Size)
	}
	for _, x := range d.astray() {
		lost.add(x.row.Size)
	}
	narrow := map[string]*sizes{}
	for _, p := range d.s.Pairs {
		if p.excluded() {
			continue
		}
		k := folderKey(p.Pair.Target.Path)
		near := byFolder[k]
		if d.anywhere() {
			near = foreign
		}
		d.unknown(p, func(i int) {
			size := p.Source.messages.size(i)
			if d.near(near, size) || d.near(&mine, size) {
				d.want(&freshMessage{pair: p, at: i, meta: p.Source.At(i)})
			}
			if len(byFolder) > 0 {
				wide.add(size)
				add(narrow, k, size)
			}
		})
	}
	d.unclaimed(func(path []string, v *View, i int) {
		size := v.messages.size(i)
		if d.near(narrow[folderKey(path)], size) || (d.anywhere() && d.near(&wide, size)) || d.near(&lost, size) {
			d.wantForeign(&foreignMessage{path: path, validity: v.UIDValidity, meta: v.At(i)})
		}
	})
	out := make([]Ref, 0, len(d.wanted))
	for _, f := range d.fresh {
		out = append(out, f.ref())
	}
	for _, f := range d.foreign {
		out = append(out, f.ref())
	}
	return out
}

// foreignSizes are those of unclaimed messages, of all and by folder.
func (d *Delta) foreignSizes() (all *sizes, byFolder map[string]*sizes) {
	all, byFolder = &sizes{}, map[string]*sizes{}
	d.unclaimed(func(path []string, v *View, i int) {
		size := v.messages.size(i)
		add(byFolder, folderKey(path), size)
		if d.anywhere() {
			all.add(size)
		}
	})
	return all, byFolder
}

func add(groups map[string]*sizes, k string, n int64) {
	if groups[k] == nil {
		groups[k] = &sizes{}
	}
	groups[k].add(n)
}

func (d *Delta) want(f *freshMessage) {
	d.fresh = append(d.fresh, f)
	d.wanted[f.ref()] = true
}

func (d *Delta) wantForeign(f *foreignMessage) {
	d.foreign = append(d.foreign, f)
	d.wanted[f.ref()] = true
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

func (s *sizes) near(n int64) bool { return s.within(n, n/100+512) }

// within reports whether something is in the set that differs from n by slack
// at most.
func (s *sizes) within(n, slack int64) bool {
	if s == nil || len(s.all) == 0 {
		return false
	}
	if !s.sorted {
		slices.Sort(s.all)
		s.sorted = true
	}
	i, _ := slices.BinarySearchFunc(s.all, n-slack, cmp.Compare[int64])
	return i < len(s.all) && s.all[i] <= n+slack
}
