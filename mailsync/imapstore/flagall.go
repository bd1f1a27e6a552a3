package imapstore

import (
	"context"
	"errors"
	"fmt"

	"bascule/mailsync"
	"bascule/mailsync/wire"
)

var _ mailsync.Flagger = (*Target)(nil)

// storeFlight is how many messages may be under way in STOREs: a server may
// answer for each of them, and nobody reads while commands are written.
const storeFlight = 1000

// ChangeFlags implements mailsync.Flagger: one STORE behind the other.
func (t *Target) ChangeFlags(ctx context.Context, changes []mailsync.FlagChange) ([]error, error) {
	refusals := make([]error, len(changes))
	for _, c := range changes {
		if !wire.ValidFlag(c.Flag) {
			return refusals, fmt.Errorf("change flags: %w: %.60q", ErrFlag, c.Flag)
		}
	}
	err := t.writing(ctx, "change flags of messages", func() error {
		f := &flagging{s: t.s, refusals: refusals}
		for i, c := range changes {
			if err := f.send(i, c); err != nil {
				return err
			}
		}
		return f.land()
	})
	return refusals, err
}

type flagging struct {
	s        *session
	refusals []error
	air      []storing
	messages int
}

// storing is a STORE whose reply was not read.
type storing struct {
	change  int
	command *wire.Command
}

func (f *flagging) send(i int, c mailsync.FlagChange) error {
	item := " +FLAGS.SILENT ("
	if c.Remove {
		item = " -FLAGS.SILENT ("
	}
	for _, set := range wire.Sets(ascending(c.UIDs)) {
		if f.messages+len(set.Nums) > storeFlight {
			if err := f.land(); err != nil {
				return err
			}
		}
		m := f.s.conn.Begin("UID STORE", f.s.lit).Text(" " + set.Text + item + c.Flag + ")")
		if err := m.End(); err != nil {
			return err
		}
		f.air = append(f.air, storing{i, m})
		f.messages += len(set.Nums)
	}
	return nil
}

func (f *flagging) land() error {
	for _, a := range f.air {
		r, err := f.s.conn.Await(a.command.Tag, changed)
		if err != nil {
			return err
		}
		f.refusals[a.change] = errors.Join(f.refusals[a.change], replied("UID STORE", r))
	}
	f.air, f.messages = f.air[:0], 0
	return nil
}

// changed takes what a server tells of each message it changes: flags,
// mod-sequences (RFC 7162 §3.1.3), that it is gone.
func changed(r *wire.Response) (bool, error) {
	return r.Type == "FETCH" || r.Type == "EXPUNGE" || r.Type == "VANISHED", nil
}
