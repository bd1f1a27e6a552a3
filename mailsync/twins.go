package mailsync

import (
	"fmt"
	"time"
)

// Forward says that the old side sends on to the target what it receives.
// Messages then come twice: by the forward and by the pull.
type Forward struct {
	// Since is when it began. What arrived before never comes by it.
	Since time.Time
	// Hosts are the names by which the MX hosts of the old side call
	// themselves in the Received fields they write.
	Hosts []string
	// Grace is how long the pull waits for the forward.
	Grace time.Duration
}

// WithdrawAction removes our own copy of a message that the forward brought
// after all; the row goes over to what it brought.
type WithdrawAction struct {
	Row    *Row
	Folder []string
	// Twin is what the forward brought, in TwinFolder at TwinValidity.
	Twin         Meta
	TwinFolder   []string
	TwinValidity uint32
	Print        Print
}

const (
	waitsForward = "waiting for the forward until %s"
	broughtBy    = "brought by the forward"
)

// since reports whether a message may come by the forward.
func (f *Forward) since(date time.Time) bool { return f != nil && !date.Before(f.Since) }

// waits reports until when the pull leaves a message to the forward. A date
// that lies ahead says nothing about when it arrived.
func (f *Forward) waits(date, now time.Time) (until time.Time, waits bool) {
	if !f.since(date) || date.After(now.Add(f.Grace)) {
		return time.Time{}, false
	}
	until = date.Add(f.Grace)
	return until, until.After(now)
}

// mayBeTwin: the row's copy is one that the forward may still bring.
func (f *Forward) mayBeTwin(r *Row) bool {
	return f.since(r.Date) && r.Outcome == Copied && r.Origin == FromSource
}

// earliest is the oldest date of what a forward can have brought, by another clock.
func (f *Forward) earliest() time.Time { return f.Since.Add(-time.Hour) }

// awaitsTwins reports whether a forward may have brought something of this:
// anywhere in the mailbox.
func (d *Delta) awaitsTwins() bool {
	found := false
	d.eachYoung(func(*PairState, int, Meta) { found = true })
	d.eachArrived(func([]string, *View, int, Meta) { found = true })
	return d.s.Forward != nil && found
}

// eachYoung calls fn with the unknown source messages that may come by the forward.
func (d *Delta) eachYoung(fn func(p *PairState, i int, m Meta)) {
	for _, p := range d.s.Pairs {
		if p.excluded() || d.s.Forward == nil {
			continue
		}
		d.unknown(p, func(i int) {
			if m := p.Source.At(i); d.s.Forward.since(m.Date) {
				fn(p, i, m)
			}
		})
	}
}

// eachArrived calls fn with the unclaimed target messages that may have come by it.
func (d *Delta) eachArrived(fn func(path []string, v *View, i int, m Meta)) {
	if d.s.Forward == nil {
		return
	}
	d.unclaimed(func(path []string, v *View, i int) {
		if m := v.At(i); !m.Date.Before(d.s.Forward.earliest()) {
			fn(path, v, i, m)
		}
	})
}

// TwinsWanted returns the messages whose traces decide, after Wanted: those of
// both sides of which the other may have the twin.
func (d *Delta) TwinsWanted() []Ref {
	if d.s.Forward == nil {
		return nil
	}
	var mine, theirs sizes
	d.eachYoung(func(_ *PairState, _ int, m Meta) { mine.add(m.Size) })
	for _, x := range d.ours {
		mine.add(x.row.Size)
	}
	d.eachArrived(func(_ []string, _ *View, _ int, m Meta) { theirs.add(m.Size) })
	return append(d.twinSources(&theirs), d.twinTargets(&mine)...)
}

func (d *Delta) twinSources(theirs *sizes) (out []Ref) {
	have := map[Ref]bool{}
	for _, f := range d.fresh {
		have[f.ref()] = true
	}
	d.eachYoung(func(p *PairState, i int, m Meta) {
		if f := (&freshMessage{pair: p, at: i, meta: m}); d.nearTwin(theirs, m.Size) {
			if out = append(out, f.ref()); !have[f.ref()] {
				d.fresh = append(d.fresh, f)
			}
		}
	})
	for _, x := range d.ours {
		if !d.nearTwin(theirs, x.row.Size) {
			continue
		}
		if x.target != nil {
			out = append(out, x.copyRef())
		} else if x.source != nil {
			out = append(out, x.sourceRef())
		}
	}
	return out
}

func (d *Delta) twinTargets(mine *sizes) (out []Ref) {
	have := map[Ref]bool{}
	for _, f := range d.foreign {
		have[f.ref()] = true
	}
	d.eachArrived(func(path []string, v *View, _ int, m Meta) {
		if f := (&foreignMessage{path: path, validity: v.UIDValidity, meta: m}); d.nearTwin(mine, m.Size) {
			if out = append(out, f.ref()); !have[f.ref()] {
				d.foreign = append(d.foreign, f)
			}
		}
	})
	return out
}

// nearTwin is near, with room for the fields that servers add on the way.
func (d *Delta) nearTwin(s *sizes, n int64) bool {
	return d.near(s, n) || s.within(n, n/100+32<<10)
}

func (p *placed) sourceRef() Ref {
	return Ref{Folder: folderKey(p.pair.Pair.Source.Path), UID: p.row.SourceUID}
}

// twin claims what the forward made of a message, one to one.
func (x *decision) twin(t Trace) *foreignMessage {
	if !t.certain() {
		return nil
	}
	for _, f := range x.twins[t.Key] {
		if !f.taken && t.twinOf(x.traces[f.ref()]) {
			f.taken = true
			return f
		}
	}
	return nil
}

// poolTwins makes what may have come by the forward findable.
func (x *decision) poolTwins() {
	x.twins = map[Digest][]*foreignMessage{}
	for _, f := range x.foreign {
		if t, ok := x.traces[f.ref()]; ok && !t.Key.IsZero() {
			x.twins[t.Key] = append(x.twins[t.Key], f)
		}
	}
}

// deliver finds messages that the forward brought already.
func (x *decision) deliver() {
	for _, f := range x.fresh {
		t, ok := x.traces[f.ref()]
		if !ok || f.taken || f.pair.excluded() {
			continue
		}
		if there := x.twin(t); there != nil {
			x.adoptAt(f, there, t.Print)
			x.delivered(x.here[len(x.here)-1].row, x.traces[there.ref()].Print)
		}
	}
}

// delivered makes a row that of a twin. Plain is that of what the target holds:
// it has more in its header than the source's.
func (x *decision) delivered(r *Row, held Print) {
	r.Outcome, r.Reason, r.Plain = Delivered, broughtBy, held.Plain
	x.touch(r)
}

// withdraw gives up our own copies of what came by the forward later still,
// if nobody has touched them.
func (x *decision) withdraw() {
	for _, p := range x.ours {
		if p.target == nil || p.taken || p.row.Outcome != Copied || p.row.TargetUID != p.target.UID || p.found {
			continue
		}
		there := x.twin(x.traces[p.copyRef()])
		if there == nil {
			continue
		}
		if !p.row.Settled || p.row.TargetFolder != nil || hasFlag(p.target.Flags, `\Seen`) || !leftAlone(p.row, p.target) {
			x.out.Twice++
			continue
		}
		p.taken, p.withdrawn = true, true
		x.out.Withdraws = append(x.out.Withdraws, WithdrawAction{Row: p.row, Folder: p.where(), Twin: there.meta, TwinFolder: there.path,
			TwinValidity: there.validity, Print: x.traces[there.ref()].Print})
	}
}

// lostTwin: a copy that is gone may have been withdrawn by a pass that was
// killed before it could say so.
func (x *decision) lostTwin(p *placed) bool {
	there := x.twin(x.traces[p.sourceRef()])
	if there == nil {
		return false
	}
	x.settleAt(p, there)
	x.delivered(p.row, x.traces[there.ref()].Print)
	return true
}

// leftToForward holds a young message back while the forward may bring it.
// The last delta waits for nothing.
func (x *decision) leftToForward(p *PairState, i int) bool {
	if x.s.Forward == nil || x.s.Final {
		return false
	}
	m := p.Source.At(i)
	until, waits := x.s.Forward.waits(m.Date, x.s.Now)
	if waits {
		x.out.Held = append(x.out.Held, HeldMessage{Pair: p, Meta: m, Why: fmt.Sprintf(waitsForward, until.UTC().Format(time.RFC3339))})
	}
	return waits
}
