package imapstore

import (
	"context"
	"errors"
	"fmt"
	"io"

	"bascule/mailsync"
	"bascule/mailsync/wire"
)

var (
	_ mailsync.Reader = (*Source)(nil)
	_ mailsync.Reader = (*Target)(nil)
)

// ReadAll implements mailsync.Reader. Bodies stream to fn as they come; what
// needs a second question, a message that was refused or came in an order that
// leaves doubt, is left to Fetch.
func (r *reader) ReadAll(ctx context.Context, readings []mailsync.Reading, fn func(reading int, m mailsync.Meta, octets int64, body io.Reader) error) ([]error, error) {
	refusals := make([]error, len(readings))
	all := &fetch{s: r.s}
	err := r.s.do(ctx, fmt.Sprintf("read messages of %d folders", len(readings)), func() error {
		f := r.s.newFlight()
		for i, g := range readings {
			if all.stop != nil {
				break
			}
			if r.s.metaFirst {
				refusals[i] = errApart
				continue
			}
			handle := func(m mailsync.Meta, octets int64, body io.Reader) error { return fn(i, m, octets, body) }
			if err := all.visits(f, g, handle, &refusals[i]); err != nil {
				return err
			}
		}
		return f.land()
	})
	if err == nil || errors.Is(err, errAbandoned) {
		err = all.stop
	}
	return refusals, err
}

var (
	errApart    = errors.New("server tells octets of messages before it says whose they are")
	errReplaced = errors.New("folder is another one: its UIDVALIDITY changed")
)

// visits reads one folder. What stops one stops all: f.stop and f.drained are
// those of the whole flight.
func (f *fetch) visits(air *flight, g mailsync.Reading, fn Handler, refusal *error) error {
	want := ascending(g.UIDs)
	got := make([]bool, len(want))
	f.bare = g.Bare
	var questions []question
	for _, set := range wire.Sets(want) {
		questions = append(questions, question{"UID FETCH", f.text(set.Text)})
	}
	for len(questions) > 0 {
		n := fitting(questions)
		v := &visit{verb: "EXAMINE", folder: g.Folder, questions: questions[:n]}
		questions = questions[n:]
		v.landed = func(v *visit, refused error) error {
			f.fn, f.want, f.got, f.late, f.bare = fn, want, got, false, g.Bare
			if refused == nil && f.s.open.status.UIDValidity != g.Validity {
				f.want, refused = nil, errReplaced
			}
			said, err := f.landed(v, refused)
			*refusal = errors.Join(*refusal, said)
			return err
		}
		if err := air.add(v); err != nil {
			return err
		}
	}
	return nil
}

func (f *fetch) landed(v *visit, refused error) (refusal, err error) {
	if refused != nil && !errors.Is(refused, errReplaced) {
		return refused, nil // its answers were read
	}
	for n := range v.sent {
		r, err := v.await(n, f.data)
		if err != nil {
			return nil, err
		}
		refused = errors.Join(refused, replied("UID FETCH", r))
	}
	if f.late {
		f.s.metaFirst = true
		refused = errors.Join(refused, errApart)
	}
	return refused, nil
}
