package mailsync

import (
	"context"
	"errors"

	"bascule/internal/retry"
)

// doubted is a batch that was accepted without saying under which UIDs.
type doubted struct {
	pair   *PairState
	intent *Intent
	sent   []*sentMessage
}

func (f *flow) heard(ctx context.Context, e laneEvent) {
	pr := f.busy[e.lane]
	if e.batch != nil {
		f.landed(ctx, pr, e)
		return
	}
	delete(f.busy, e.lane)
	pr.forget()
	if e.suspect != 0 {
		f.p.suspects[suspectKey(e.of, e.suspect)]++
	}
	f.close(pr)
	switch {
	case f.p.stopped() != nil && pr.clean:
		for b := range pr.open {
			f.withdraw(ctx, pr, b) // nothing of it was sent
		}
	case e.err != nil:
		for _, b := range pr.underway {
			f.p.doubt(b.pair, b.batch)
		}
		f.failed(ctx, pr, e.err)
	}
	for ; pr.next < len(pr.portions); pr.next++ {
		f.leave(pr.portions[pr.next])
	}
}

// failed ends everything when a connection did. What a server said about one
// folder is that folder's matter: the plain way finds the words for it.
func (f *flow) failed(ctx context.Context, pr *progress, err error) {
	var se *ServerError
	own := errors.As(err, &se) && se.Status != "BYE" || errors.Is(err, ErrNoFolder) || errors.Is(err, errFolderChanged)
	if !own || retry.IsTemporary(err) || ctx.Err() != nil || !pr.clean && pr.current != nil {
		if ctx.Err() == nil && !retry.IsTemporary(err) {
			err = retry.Temporary(err)
		}
		f.fail(err)
		return
	}
	for _, s := range pr.pairs() {
		f.halted[s] = true
	}
	for b := range pr.open {
		f.withdraw(ctx, pr, b)
	}
}

// fail lets all lanes end after what was announced.
func (f *flow) fail(err error) {
	if f.err == nil {
		f.err = err
	}
	for _, pr := range f.busy {
		f.close(pr)
	}
}

// withdraw closes the intent of a batch of which nothing was sent.
func (f *flow) withdraw(ctx context.Context, pr *progress, b *announced) {
	if err := f.p.commit(ctx, Change{Close: b.intent.ID}); err != nil {
		f.fail(err)
	}
	f.leave(pr.portions[b.number])
}

// landed records an answer, and announces the next batch with it.
func (f *flow) landed(ctx context.Context, pr *progress, e laneEvent) {
	e.batch.claim.Release()
	if f.err != nil {
		return // the intent stays open: who comes next looks
	}
	delete(pr.open, e.batch)
	f.p.Tap("after APPEND")
	s, b := e.batch.pair, e.batch
	sent, uids := b.sent, e.appended
	if e.err != nil {
		var ae *AppendError
		if !errors.As(e.err, &ae) || ae.Unknown {
			f.fail(retry.Temporary(e.err))
			return
		}
		sent, uids = sent[:min(ae.Accepted, len(sent))], Appended{UIDs: ae.UIDs, UIDValidity: s.Target.UIDValidity}
		f.refusedBy(b, ae)
	}
	if len(sent) < len(b.batch) {
		for _, a := range without(b.batch, sent, nil) {
			i, _ := s.Source.messages.search(a.Meta.UID)
			f.left[s] = append(f.left[s], uint32(i))
		}
	}
	if len(sent) > 0 && (len(uids.UIDs) != len(sent) || uids.UIDValidity != s.Target.UIDValidity) {
		f.doubt = append(f.doubt, doubted{s, b.intent, sent})
		f.announce(ctx, pr, nil)
		return
	}
	rows := f.p.sentRows(s, b.intent, sent, uids.UIDs)
	f.announce(ctx, pr, &Change{Rows: rows, Close: b.intent.ID})
	if f.err == nil {
		f.p.countCopied(s, rows)
	}
}

func (f *flow) refusedBy(b *announced, ae *AppendError) {
	var se *ServerError
	if !errors.As(ae.Err, &se) || retry.IsTemporary(ae.Err) || stops(se) || se.Code == "TRYCREATE" {
		f.halted[b.pair] = true
		return
	}
	if se.Status == "BAD" {
		f.p.doubtRefused(b.pair, b.batch)
	}
}
