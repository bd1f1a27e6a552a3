package mailsync

import (
	"context"
	"errors"
	"io"
)

// sentMessage is one that was given to the target, whatever came of it.
type sentMessage struct {
	action CopyAction
	flags  []string
	hash   *Hasher
	octets int64
	whole  bool
}

// transfer streams one batch from the source into one APPEND on the target.
// One goroutine reads the source; the other, the caller, writes the target;
// no message is ever held in memory.
type transfer struct {
	byUID  map[UID]CopyAction
	flags  func(Meta) []string
	form   Form
	parcel chan parcel
	stop   chan struct{}
	// enough, when closed, ends the batch after the message in hand.
	enough <-chan struct{}
	// Written by the reading goroutine, read after parcel is closed.
	missing  []UID
	fetchErr error
	// Owned by the writing side.
	sent    []*sentMessage
	current *parcel
	first   *parcel
}

type parcel struct {
	meta   Meta
	place  *place // in a segment
	octets int64
	body   io.Reader
	done   chan error
}

var errDiscarded = errors.New("not wanted any more")

func newTransfer(batch []CopyAction, flags func(Meta) []string) *transfer {
	t := &transfer{byUID: map[UID]CopyAction{}, flags: flags, parcel: make(chan parcel), stop: make(chan struct{})}
	for _, a := range batch {
		t.byUID[a.Meta.UID] = a
	}
	return t
}

// run returns what the target said. With nothing to send, nothing is sent.
func (t *transfer) run(ctx context.Context, source Source, target Target, to Folder, uids []UID) (Appended, error) {
	go t.read(ctx, source, uids)
	first, ok := <-t.parcel
	if !ok {
		return Appended{}, nil
	}
	t.first = &first
	appended, err := target.Append(ctx, to, t.next)
	close(t.stop)
	t.release(errDiscarded)
	for p := range t.parcel {
		p.done <- errDiscarded
	}
	return appended, err
}

// read hands each message over and waits until its octets are used.
func (t *transfer) read(ctx context.Context, source Source, uids []UID) {
	defer close(t.parcel)
	seen := map[UID]bool{}
	missing, err := source.Fetch(ctx, uids, func(m Meta, octets int64, body io.Reader) error {
		if _, asked := t.byUID[m.UID]; !asked || seen[m.UID] || (octets == 0 && t.byUID[m.UID].Meta.Size > 0) {
			return discard(body)
		}
		seen[m.UID] = true
		p := parcel{meta: m, octets: octets, body: body, done: make(chan error, 1)}
		select {
		case t.parcel <- p:
		case <-t.stop:
			return discard(body)
		}
		if err := <-p.done; err != nil && !errors.Is(err, errDiscarded) {
			return err
		}
		return discard(body)
	})
	t.missing, t.fetchErr = missing, err
	for _, u := range uids {
		if err == nil && !seen[u] {
			t.missing = append(t.missing, u)
		}
	}
	t.missing = compactUIDs(t.missing)
}

// discard reads what nobody wants, so that the connection stays in step.
func discard(body io.Reader) error {
	_, err := io.Copy(io.Discard, body)
	return err
}

// next gives the target the next message. A source that failed between two
// messages ends the batch there: what was sent is whole.
func (t *transfer) next() (*Outgoing, error) {
	if n := len(t.sent); n > 0 && !t.sent[n-1].whole {
		return nil, io.ErrUnexpectedEOF
	}
	if t.current != nil {
		t.current.done <- nil
		t.current = nil
	}
	if asked(t.enough) {
		return nil, nil
	}
	p := t.first
	if p == nil {
		got, ok := <-t.parcel
		if !ok {
			return nil, nil
		}
		p = &got
	}
	t.first, t.current = nil, p
	s := &sentMessage{action: t.byUID[p.meta.UID], hash: t.form.NewHasher(), octets: p.octets}
	s.flags = t.flags(s.action.Meta)
	t.sent = append(t.sent, s)
	return &Outgoing{Size: p.octets, Date: s.action.Meta.Date, Flags: s.flags, Body: &tee{from: p.body, message: s}}, nil
}

// release lets the reading goroutine go on from the message in hand.
func (t *transfer) release(err error) {
	for _, p := range []*parcel{t.first, t.current} {
		if p != nil {
			p.done <- err
		}
	}
	t.first, t.current = nil, nil
}

// suspect is the message during which the connection ended, if there is one:
// the last that was begun, or the only one of its batch.
func (t *transfer) suspect() (UID, bool) {
	if n := len(t.sent); n > 0 && (!t.sent[n-1].whole || len(t.byUID) == 1) {
		return t.sent[n-1].action.Meta.UID, true
	}
	return 0, false
}

// tee digests what the target reads, and knows when that was all.
type tee struct {
	from    io.Reader
	message *sentMessage
	read    int64
}

func (t *tee) Read(b []byte) (int, error) {
	n, err := t.from.Read(b)
	t.message.hash.Write(b[:n])
	t.read += int64(n)
	t.message.whole = t.read == t.message.octets
	if err == io.EOF && !t.message.whole {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}
