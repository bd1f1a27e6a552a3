package imapstore

import (
	"context"
	"errors"

	"bascule/mailsync"
	"bascule/mailsync/wire"
)

var (
	_ mailsync.Streamer = (*Target)(nil)
	_ mailsync.Copier   = (*Target)(nil)
)

// streamFlight is how many batches may be under way. Their octets are in the
// sockets, not in memory.
const streamFlight = 48

// AppendStream implements mailsync.Streamer: one MULTIAPPEND behind the other.
// Servers that must be waited for in the middle of a command get them one by one.
func (t *Target) AppendStream(ctx context.Context, next func(wait bool) (*mailsync.Batch, bool), done func(mailsync.Appended, error)) error {
	st := &stream{t: t, next: next, done: done}
	if !t.multi() || t.s.lit != wire.LiteralPlus {
		return st.oneByOne(ctx)
	}
	return t.s.do(ctx, "append messages", func() error {
		t.s.conn.Patience(t.s.lim.Commit)
		defer t.s.conn.Patience(0)
		return st.run()
	})
}

type stream struct {
	t    *Target
	next func(wait bool) (*mailsync.Batch, bool)
	done func(mailsync.Appended, error)
	air  []underway
	last string // the folder opened last
}

// underway is a batch whose answer was not read; command is nil for one that
// had nothing to send.
type underway struct {
	*appending
	// opened is the SELECT before it, or nil.
	opened, command *wire.Command
}

func (st *stream) run() error {
	for {
		batch, more := st.next(len(st.air) == 0)
		switch {
		case !more && len(st.air) == 0:
			return st.t.s.conn.Ended()
		case batch == nil || len(st.air) >= streamFlight:
			if err := st.land(); err != nil {
				return err
			}
		}
		if batch == nil {
			continue
		}
		opened, err := st.open(batch)
		if err != nil {
			return st.lost(err)
		}
		a := &appending{t: st.t, folder: batch.To, next: batch.Next, lit: st.t.s.lit}
		m, err := a.send()
		if err != nil {
			return st.lost(err)
		}
		st.air = append(st.air, underway{a, opened, m})
	}
}

// lost passes on the answers that came before the connection broke while
// something was written. What got none keeps its fate unknown.
func (st *stream) lost(err error) error {
	for len(st.air) > 0 && st.land() == nil {
	}
	return err
}

// open selects the folder of a batch, which saves the server work for each
// message. Should that be refused, APPEND names the folder all the same.
func (st *stream) open(b *mailsync.Batch) (*wire.Command, error) {
	if !b.Open || st.last == b.To.Raw || st.t.s.waits(b.To.Raw) {
		return nil, nil
	}
	st.last = b.To.Raw
	m := st.t.s.openCommand("SELECT", b.To)
	return m, m.End()
}

// selected reads the answer to a SELECT. What is open afterwards can be written.
func (b underway) selected() error {
	if b.opened == nil {
		return nil
	}
	s := b.t.s
	s.open = opened{folder: b.folder, writable: true}
	r, err := s.conn.Await(b.opened.Tag, s.opening)
	s.open.valid = r.Type == "OK"
	return err
}

// land reads the answer to the oldest batch.
func (st *stream) land() error {
	if len(st.air) == 0 {
		return nil
	}
	b := st.air[0]
	if err := b.selected(); err != nil {
		return err
	}
	var err error
	if b.command != nil {
		err = b.answered(b.command)
	}
	if b.unknown {
		return err
	}
	st.air = st.air[1:]
	st.done(b.outcome(err))
	return nil
}

// oneByOne is Append in a loop.
func (st *stream) oneByOne(ctx context.Context) error {
	for {
		batch, more := st.next(true)
		if !more {
			return nil
		}
		if batch == nil {
			continue
		}
		out, err := st.t.Append(ctx, batch.To, batch.Next)
		var ae *mailsync.AppendError
		if errors.As(err, &ae) && ae.Unknown {
			return err
		}
		st.done(out, err)
	}
}
