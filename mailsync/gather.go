package mailsync

import "slices"

// A folder with so little to copy is not opened for it: opening it takes as
// long as copying it, on a long way, and what opening first saves the server
// (a lock, an index) pays for many messages only.
const (
	fewMessages = 64
	fewBytes    = 2 << 20
	// gatheredBytes end a segment of many folders, so that several lanes have
	// something to do where it is worth connecting them.
	gatheredBytes = 16 << 20
)

// few reports whether so little is to be copied to a folder that is there that
// it can go with that of others: one batch.
func (p *pass) few(s *PairState, list []uint32) bool {
	_, there := p.targetFolder(s)
	return there && len(list) > 0 && len(list) <= min(fewMessages, p.BatchMessages) && s.octets(list) <= fewBytes
}

// gathers reports whether both sides can do without opening folder by folder.
func (p *pass) gathers() bool {
	_, reads := p.source.(Reader)
	_, opens := p.target.(Storer)
	return reads && opens && p.streams()
}

// gather puts the folders with few messages together, of which the target said
// a moment ago what they keep.
func (f *flow) gather() {
	if !f.p.gathers() {
		return
	}
	var many []segment
	var octets int64
	f.queue = slices.DeleteFunc(f.queue, func(g segment) bool {
		s := g.portions[0].pair
		c, ok := f.p.state.confirmed[folderKey(s.Pair.Target.Path)]
		var at []uint32
		for _, q := range g.portions {
			at = append(at, q.at...)
		}
		if !ok || c.err != nil || !f.p.few(s, at) {
			return false
		}
		if len(many) == 0 || octets > gatheredBytes {
			many, octets = append(many, segment{form: g.form, avoid: g.avoid, many: true}), 0
		}
		last := &many[len(many)-1]
		for _, q := range g.portions {
			q.accepts = c.accepts
			last.portions = append(last.portions, q)
		}
		octets += s.octets(at)
		return true
	})
	f.long = len(f.queue) > 0
	f.queue = append(f.queue, many...)
}
