package mailsync

import (
	"cmp"
	"context"
	"slices"
	"sync"
)

// window is how many batches a lane may have announced and not recorded: what
// has to be looked for after a crash. Of small messages it takes that many to
// fill a way of 40 ms; the octets of large ones are bounded by Budget.
const window = 48

// A segment ends here, so that what is read in vain after a refusal is bounded.
const (
	segmentBytes   = 64 << 20
	segmentBatches = 400
)

// flow copies segments on several lanes at once. It is the pass's own
// goroutine that announces and records: lanes only move octets.
type flow struct {
	p      *pass
	queue  []segment
	events chan laneEvent
	// opened brings lanes that were connected meanwhile.
	opened  chan *lane
	opening int
	// unwanted is true once a server would not have another connection.
	unwanted bool
	// wake says that room or budget became free.
	wake  chan struct{}
	lanes []*lane
	busy  map[*lane]*progress
	// left is what the plain way must look at: refused batches and what the
	// source did not deliver.
	left  map[*PairState][]uint32
	doubt []doubted
	// long is true when folders are copied that are opened for it.
	long bool
	// halted folders get nothing more: the server said something that is not
	// about one message.
	halted map[*PairState]bool
	err    error
	// enough ends all after what was announced is recorded.
	enough error
	wg     sync.WaitGroup
}

// progress is a segment on a lane.
type progress struct {
	*stream
	next    int    // the batch to be announced next
	claim   *Claim // its octets, or nil
	open    map[*announced]bool
	closing bool
}

// streams reports whether both what must be known and what must be possible is there.
func (p *pass) streams() bool {
	_, ok := p.target.(Streamer)
	a := p.target.Accepts()
	return ok && a.UIDPlus && a.MultiAppend
}

// flowAll copies what can be streamed, and returns what is left for the plain way.
func (p *pass) flowAll(ctx context.Context, due map[*PairState][]uint32) (map[*PairState][]uint32, error) {
	f := &flow{p: p, events: make(chan laneEvent), opened: make(chan *lane), busy: map[*lane]*progress{},
		left: map[*PairState][]uint32{}, halted: map[*PairState]bool{}, wake: make(chan struct{}, 1), lanes: []*lane{{source: p.source, target: p.target}}}
	for _, s := range p.state.pairs {
		f.cut(s, due[s])
	}
	f.gather()
	// Long folders first: the last one decides when all are done.
	slices.SortStableFunc(f.queue, func(a, b segment) int { return cmp.Compare(len(b.portions), len(a.portions)) })
	p.state.openSource, p.state.openTarget = "", ""
	ctx, cancel := context.WithCancelCause(ctx)
	defer f.end(cancel)
	stop := p.Stop
	for f.spread(ctx); len(f.busy) > 0; f.spread(ctx) {
		select {
		case l := <-f.opened:
			f.opening--
			if l != nil {
				f.lanes = append(f.lanes, l)
			}
			f.unwanted = f.unwanted || l == nil
		case e := <-f.events:
			f.heard(ctx, e)
		case <-stop:
			f.stop(ErrStopped)
			stop = nil
		case <-f.wake:
			for _, pr := range f.busy {
				f.announce(ctx, pr, nil)
			}
		}
	}
	if f.err != nil {
		return nil, f.err
	}
	f.giveUp(func(*PairState) bool { return true })
	for _, d := range f.doubt {
		if err := p.recordFound(ctx, d.pair, d.intent, d.sent); err != nil {
			return nil, err
		}
	}
	if f.long {
		p.state.confirmed = nil // too long ago
	}
	return f.left, f.enough
}

// spread gives lanes work, lanes too many back, and asks for more of them.
func (f *flow) spread(ctx context.Context) {
	f.widen(ctx)
	f.start(ctx)
	f.narrow()
}

// cut makes segments of what a folder needs; suspects are left to the plain way, alone.
func (f *flow) cut(s *PairState, list []uint32) {
	from, ok := f.p.sourceFolder(s)
	to, there := f.p.targetFolder(s)
	if !ok || !there {
		f.left[s] = list
		return
	}
	var octets int64
	first := len(f.queue)
	for _, batch := range f.p.batches(s, list) {
		if first := s.Source.messages.at(int(batch[0])).uid; f.p.suspicion(s, first) > 0 || f.p.wary(s, first) {
			f.left[s] = append(f.left[s], batch...)
			continue
		}
		n := len(f.queue) - 1
		if n < first || octets > segmentBytes || len(f.queue[n].portions) >= segmentBatches {
			f.queue = append(f.queue, segment{form: f.p.form(), avoid: f.p.avoid})
			n, octets = len(f.queue)-1, 0
		}
		f.queue[n].portions = append(f.queue[n].portions, portion{pair: s, from: from, to: to, at: batch})
		octets += s.octets(batch)
	}
}

func (l *lane) close() {
	if l == nil {
		return
	}
	var wg sync.WaitGroup
	if l.source != nil {
		wg.Go(func() { _ = l.source.Close() })
	}
	if l.target != nil {
		wg.Go(func() { _ = l.target.Close() })
	}
	wg.Wait()
	if l.loan != nil {
		l.loan.Return()
	}
}

// start gives idle lanes work. Two lanes on one folder would wait for each
// other in the server's locks.
func (f *flow) start(ctx context.Context) {
	f.giveUp(func(s *PairState) bool { return f.halted[s] })
	for _, l := range f.lanes {
		i := slices.IndexFunc(f.queue, func(g segment) bool {
			return !slices.ContainsFunc(g.portions, func(q portion) bool { return f.working(q.pair) })
		})
		if i < 0 || f.err != nil || f.enough != nil {
			return
		}
		if f.busy[l] != nil || l.recalled() {
			continue
		}
		pr := &progress{stream: newStream(f.queue[i], l, f.events), open: map[*announced]bool{}}
		pr.enough = f.p.Stop
		f.queue = slices.Delete(f.queue, i, i+1)
		f.busy[l] = pr
		f.wg.Go(func() { pr.run(ctx) })
		f.announce(ctx, pr, nil)
	}
}

// giveUp leaves segments of some folders to the plain way.
func (f *flow) giveUp(which func(*PairState) bool) {
	f.queue = slices.DeleteFunc(f.queue, func(g segment) bool {
		if slices.ContainsFunc(g.portions, func(q portion) bool { return !which(q.pair) }) {
			return false // of many folders, announce leaves out those that are halted
		}
		for _, q := range g.portions {
			f.leave(q)
		}
		return true
	})
}

// leave leaves a batch to the plain way.
func (f *flow) leave(q portion) { f.left[q.pair] = append(f.left[q.pair], q.at...) }

func (f *flow) working(s *PairState) bool {
	for _, pr := range f.busy {
		if slices.Contains(pr.pairs(), s) {
			return true
		}
	}
	return false
}

// announce makes intents durable until the window is full, the first one
// together with the record of what ended.
func (f *flow) announce(ctx context.Context, pr *progress, c *Change) {
	for f.err == nil {
		for !pr.closing && pr.next < len(pr.portions) && f.halted[pr.portions[pr.next].pair] {
			pr.claim.Release()
			pr.claim = nil
			f.leave(pr.portions[pr.next])
			pr.next++
		}
		more := !pr.closing && pr.next < len(pr.portions) && len(pr.open) < window && f.granted(pr)
		if !more && c == nil {
			break
		}
		if c == nil {
			c = &Change{}
		}
		var b *announced
		if more {
			q := pr.portions[pr.next]
			batch := q.pair.actions(q.at)
			b = &announced{number: pr.next, pair: q.pair, batch: batch, intent: f.p.intent(q.pair, batch), claim: pr.claim}
			c.Open = b.intent
			pr.next++
			pr.claim = nil
		}
		if err := f.p.commit(ctx, *c); err != nil {
			f.fail(err)
			break
		}
		if c = nil; b != nil {
			f.p.Tap("before APPEND")
			pr.open[b] = true
			pr.announcements <- b // has room for the window
		}
	}
	if pr.next == len(pr.portions) {
		f.close(pr)
	}
}

// granted reports whether the next batch may be announced. One that waits for
// octets is looked at again when the flow is woken.
func (f *flow) granted(pr *progress) bool {
	if pr.claim == nil {
		q := pr.portions[pr.next]
		octets := q.pair.octets(q.at)
		if err := f.p.Room.Enough(octets); err != nil {
			f.stop(err)
			return false
		}
		pr.claim = f.p.Budget.Ask(octets, f.wake)
	}
	return pr.claim.Granted()
}

func octetsOf(batch []CopyAction) (n int64) {
	for _, a := range batch {
		n += a.Meta.Size
	}
	return n
}

// stop lets all lanes end after what was announced, and records their answers.
func (f *flow) stop(err error) {
	if f.enough == nil {
		f.enough = err
	}
	for _, pr := range f.busy {
		f.close(pr)
	}
}

// forget releases the octets of what will not be answered any more.
func (pr *progress) forget() {
	pr.claim.Release()
	for b := range pr.open {
		b.claim.Release()
	}
}

// close lets a stream end after what was announced.
func (f *flow) close(pr *progress) {
	if !pr.closing {
		pr.closing = true
		close(pr.announcements)
	}
}
