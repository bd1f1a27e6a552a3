package mailsync

import "slices"

// Copying folder after folder waits for each to open, for its first octets and
// for its last answer. Folders that were opened a moment ago are therefore put
// together: the source reads one behind the other, and the target is told the
// folder with each batch. What is said of them here is how much goes together.
const (
	// fewMessages are appended without opening the folder: what that saves the
	// server, a lock and an index, pays for many messages only.
	fewMessages = 64
	// gatheredBytes bound a folder that goes with others. A larger one keeps
	// its connections busy by itself.
	gatheredBytes = 16 << 20
	// leastBatches and leastBytes are not worth being divided among connections:
	// another one takes four waits before it is of use.
	leastBatches = 8
	leastBytes   = 8 << 20
)

// gathers reports whether both sides can do without opening folder by folder.
func (p *pass) gathers() bool {
	_, reads := p.source.(Reader)
	_, opens := p.target.(Storer)
	return reads && opens && p.streams()
}

// gathered reports whether what is to be copied to a folder goes with that of others.
func (p *pass) gathered(s *PairState, list []uint32) bool {
	_, there := p.targetFolder(s)
	return there && len(list) > 0 && s.octets(list) <= gatheredBytes
}

// large counts the batches that are worth a connection.
func (g segment) large() int {
	n := 0
	for _, q := range g.portions {
		if q.open || !g.many {
			n++
		}
	}
	return n
}

func (g segment) octets() (n int64) {
	for _, q := range g.portions {
		n += q.pair.octets(q.at)
	}
	return n
}

// gather puts folders together, of which the target said a moment ago what they
// keep, into so many segments that each connection gets two of them, if there is
// enough for that.
func (f *flow) gather() {
	if !f.p.gathers() {
		return
	}
	var small []segment
	var octets int64
	batches := 0
	f.queue = slices.DeleteFunc(f.queue, func(g segment) bool {
		if !f.joins(&g) {
			return false
		}
		small = append(small, g)
		octets += g.octets()
		batches += g.large()
		return true
	})
	f.long = len(f.queue) > 0 || batches > 1 // one is under way no longer than what is not opened
	share := 2 * int64(f.p.Connections)
	f.queue = append(f.queue, joined(small, max(leastBytes, octets/share), max(leastBatches, batches/int(share)))...)
}

// joins marks what goes with others.
func (f *flow) joins(g *segment) bool {
	s := g.portions[0].pair
	c, ok := f.p.state.confirmed[folderKey(s.Pair.Target.Path)]
	if !ok || c.err != nil || g.octets() > gatheredBytes {
		return false
	}
	messages := 0
	for _, q := range g.portions {
		messages += len(q.at)
	}
	g.many = true
	for i := range g.portions {
		g.portions[i].accepts, g.portions[i].open = c.accepts, len(g.portions) > 1 || messages > fewMessages
	}
	return true
}

// joined makes segments of folders, each until it has so many octets or large batches.
func joined(small []segment, octets int64, batches int) []segment {
	var out []segment
	for _, g := range small {
		n := len(out) - 1
		if n < 0 || out[n].octets() >= octets || out[n].large() >= batches {
			out = append(out, g)
			continue
		}
		out[n].portions = append(out[n].portions, g.portions...)
	}
	return out
}
