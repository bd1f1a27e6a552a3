package mailsync

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
)

// lane is a connection to each side that copies folder after folder. The
// first one has the connections of the pass itself, and no loan.
type lane struct {
	source Source
	target Target
	loan   Loan
}

// segment is what a lane copies at once, in the batches it is announced in:
// one folder, or few messages of each of many.
type segment struct {
	portions []portion
	form     Form
	// avoid are keywords that messages are refused for.
	avoid []string
	// many folders are read behind one another, and none is waited for.
	many bool
}

// portion is a batch to be announced: messages of one folder, by their places
// in the source view.
type portion struct {
	pair     *PairState
	from, to Folder
	at       []uint32
	// accepts is what the target folder keeps, where nobody waits for it to be
	// opened; open says that it is opened nevertheless.
	accepts Accepts
	open    bool
}

// pairs are the folders of the segment, in order.
func (g segment) pairs() []*PairState {
	var out []*PairState
	for _, q := range g.portions {
		if len(out) == 0 || out[len(out)-1] != q.pair {
			out = append(out, q.pair)
		}
	}
	return out
}

// announced is a batch whose intent is durable.
type announced struct {
	number int
	pair   *PairState
	batch  []CopyAction
	intent *Intent
	claim  *Claim
	sent   []*sentMessage
}

// laneEvent is what a lane tells the pass.
type laneEvent struct {
	lane *lane
	// batch is one that the target answered, with appended and err; else the segment ended with err.
	batch    *announced
	appended Appended
	err      error
	// suspect is the message during which the connection ended, or 0; of is its folder.
	suspect UID
	of      *PairState
}

// stream carries one segment. One goroutine reads the source, the caller of
// run writes the target, and the pass announces batches and records answers.
type stream struct {
	segment
	lane   *lane
	events chan<- laneEvent
	// batches are announced here, in order; closed when there are no more.
	announcements chan *announced

	groups  []group
	parcels chan parcel
	stop    chan struct{}
	// enough, when closed, ends the segment after the message in hand.
	enough <-chan struct{}
	// verdict is what becomes of messages after stop was closed.
	verdict error
	// accepts is what the folder keeps that was opened.
	accepts Accepts
	// readErr is why the source ended early: written by the reading
	// goroutine, read after parcels is closed.
	readErr error

	// clean is true once the target answered everything it was sent.
	clean    bool
	underway []*announced
	current  *announced
	held     *parcel // given to the target
	peeked   *parcel // of a later batch
}

func newStream(g segment, l *lane, events chan<- laneEvent) *stream {
	t := &stream{segment: g, lane: l, events: events, announcements: make(chan *announced, window), parcels: make(chan parcel), stop: make(chan struct{})}
	for n, q := range g.portions {
		if n == 0 || g.portions[n-1].pair != q.pair {
			t.groups = append(t.groups, group{from: q.from, validity: q.pair.Source.UIDValidity})
		}
		of := &t.groups[len(t.groups)-1]
		for at, i := range q.at {
			b := q.pair.Source.messages.at(int(i))
			of.asked = append(of.asked, place{uid: b.uid, batch: int32(n), at: int32(at), empty: b.size == 0})
		}
	}
	return t
}

// group is the messages of one source folder.
type group struct {
	from     Folder
	validity uint32
	asked    []place // in the order of UIDs
}

// place is where a message of the segment is: in which batch, and where there.
type place struct {
	uid       UID
	batch, at int32
	// empty messages have no octets; seen ones came already.
	empty, seen bool
}

// find returns the place of a message, or nil for one that nobody asked for.
func (g *group) find(uid UID) *place {
	i, ok := slices.BinarySearchFunc(g.asked, uid, func(x place, u UID) int { return cmp.Compare(x.uid, u) })
	if !ok {
		return nil
	}
	return &g.asked[i]
}

// run copies the segment and tells how it ended.
func (t *stream) run(ctx context.Context) {
	err := t.carry(ctx)
	e := laneEvent{lane: t.lane, err: err}
	if t.current != nil && len(t.current.sent) > 0 {
		if last := t.current.sent[len(t.current.sent)-1]; !last.whole {
			e.suspect, e.of = last.action.Meta.UID, t.current.pair
		}
	}
	t.events <- e
}

// open opens the one folder of a segment on the target, while the source
// begins to deliver, and insists on its UIDVALIDITY.
func (t *stream) open(ctx context.Context) error {
	if t.many {
		return nil
	}
	q := t.portions[0]
	st, err := t.lane.target.Select(ctx, q.to)
	if err == nil && st.UIDValidity != q.pair.Target.UIDValidity {
		err = fmt.Errorf("target folder %s: %w", showPath(q.to.Path), errFolderChanged)
	}
	t.accepts = t.lane.target.Accepts()
	return err
}

func (t *stream) carry(ctx context.Context) error {
	reading, abandon := context.WithCancelCause(ctx)
	defer abandon(nil)
	go t.read(reading)
	t.verdict = errDiscarded
	err := t.open(ctx)
	if err == nil {
		if err = t.lane.target.(Streamer).AppendStream(ctx, t.nextBatch, t.answered); err != nil {
			t.verdict = err // the source's connection is of no use either: the pass begins anew
			err = fmt.Errorf("append to %s: %w", t.where(false), err)
		}
	}
	t.clean = err == nil
	if asked(t.enough) {
		abandon(ErrStopped) // the rest of the segment is not waited for
	}
	close(t.stop)
	t.release(t.verdict)
	for p := range t.parcels {
		p.done <- t.verdict
	}
	if err != nil {
		return err
	}
	if t.readErr != nil {
		return fmt.Errorf("read messages of %s: %w", t.where(true), t.readErr)
	}
	return nil
}

// where names what a segment is about.
func (t *stream) where(source bool) string {
	switch {
	case t.many:
		return fmt.Sprintf("%d folders", len(t.groups))
	case source:
		return showPath(t.portions[0].from.Path)
	}
	return showPath(t.portions[0].to.Path)
}

// read hands each message over and waits until its octets are used. A folder
// that is refused, or another one by now, delivers nothing: its batches end
// empty, and the plain way finds the words for it.
func (t *stream) read(ctx context.Context) {
	defer close(t.parcels)
	all, ok := t.lane.source.(Reader)
	if !ok {
		t.readErr = t.readPlainly(ctx)
		return
	}
	readings := make([]Reading, len(t.groups))
	for i, g := range t.groups {
		readings[i] = Reading{Folder: g.from, Validity: g.validity, UIDs: g.uids(), Bare: true}
	}
	_, t.readErr = all.ReadAll(ctx, readings, func(i int, m Meta, octets int64, body io.Reader) error {
		return t.hand(&t.groups[i], m, octets, body)
	})
}

// readPlainly serves sources that cannot read behind one another: their
// segments are of one folder.
func (t *stream) readPlainly(ctx context.Context) error {
	g := &t.groups[0]
	st, err := t.lane.source.Examine(ctx, g.from)
	if err == nil && st.UIDValidity != g.validity {
		err = fmt.Errorf("source folder %s: %w", showPath(g.from.Path), errFolderChanged)
	}
	if err == nil {
		_, err = t.lane.source.Fetch(ctx, g.uids(), func(m Meta, octets int64, body io.Reader) error { return t.hand(g, m, octets, body) })
	}
	return err
}

func (t *stream) hand(g *group, m Meta, octets int64, body io.Reader) error {
	at := g.find(m.UID)
	if at == nil || at.seen || octets == 0 && !at.empty {
		return discard(body)
	}
	at.seen = true
	p := parcel{meta: m, place: at, octets: octets, body: body, done: make(chan error, 1)}
	select {
	case t.parcels <- p:
	case <-t.stop:
		p.done <- t.verdict
	}
	if err := <-p.done; err != nil && !errors.Is(err, errDiscarded) {
		return err
	}
	return discard(body)
}

func (g *group) uids() []UID {
	out := make([]UID, len(g.asked))
	for i, a := range g.asked {
		out[i] = a.uid
	}
	return out
}

// nextBatch is asked by the target for what to send next.
func (t *stream) nextBatch(wait bool) (*Batch, bool) {
	if t.current != nil && t.broken() || asked(t.enough) {
		return nil, false
	}
	var b *announced
	more := true
	if wait {
		b, more = <-t.announcements
	} else {
		select {
		case b, more = <-t.announcements:
		default:
		}
	}
	if b == nil {
		return nil, more
	}
	t.current = b
	t.underway = append(t.underway, b)
	q := t.portions[b.number]
	return &Batch{To: q.to, Open: q.open, Next: t.nextMessage}, true
}

func (t *stream) broken() bool {
	n := len(t.current.sent)
	return n > 0 && !t.current.sent[n-1].whole
}

// nextMessage gives the target the next message of the current batch. The
// first of a later batch ends it; what comes late is left for another time.
func (t *stream) nextMessage() (*Outgoing, error) {
	if t.broken() {
		return nil, io.ErrUnexpectedEOF
	}
	if t.held != nil {
		t.held.done <- nil
		t.held = nil
	}
	if asked(t.enough) {
		return nil, nil
	}
	for {
		p := t.peeked
		t.peeked = nil
		if p == nil {
			got, ok := <-t.parcels
			if !ok {
				return nil, nil
			}
			p = &got
		}
		switch n := int(p.place.batch); {
		case n < t.current.number:
			p.done <- errDiscarded
		case n > t.current.number:
			t.peeked = p
			return nil, nil
		default:
			return t.give(p), nil
		}
	}
}

func (t *stream) give(p *parcel) *Outgoing {
	t.held = p
	s := &sentMessage{action: t.current.batch[p.place.at], hash: t.form.NewHasher(), octets: p.octets, whole: p.octets == 0}
	s.flags = sendFlags(s.action.Meta.Flags, t.keeps(), allFlags, t.avoid)
	t.current.sent = append(t.current.sent, s)
	return &Outgoing{Size: p.octets, Date: s.action.Meta.Date, Flags: s.flags, Body: &tee{from: p.body, message: s}}
}

// keeps is what the folder of the current batch accepts.
func (t *stream) keeps() Accepts {
	if t.many {
		return t.portions[t.current.number].accepts
	}
	return t.accepts
}

func (t *stream) release(err error) {
	for _, p := range []*parcel{t.held, t.peeked} {
		if p != nil {
			p.done <- err
		}
	}
	t.held, t.peeked = nil, nil
}

// answered passes the answer to the oldest batch under way on.
func (t *stream) answered(done Appended, err error) {
	b := t.underway[0]
	t.underway = t.underway[1:]
	t.events <- laneEvent{lane: t.lane, batch: b, appended: done, err: err}
}
