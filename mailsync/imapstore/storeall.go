package imapstore

import (
	"context"
	"errors"
	"fmt"

	"bascule/mailsync"
	"bascule/mailsync/wire"
)

var _ mailsync.Storer = (*Target)(nil)

// StoreAll implements mailsync.Storer: SELECT and the STOREs of one folder
// behind those of another.
func (t *Target) StoreAll(ctx context.Context, storings []mailsync.Storing) ([]mailsync.Stored, error) {
	out := make([]mailsync.Stored, len(storings))
	for _, g := range storings {
		for _, c := range g.Changes {
			if !wire.ValidFlag(c.Flag) {
				return nil, fmt.Errorf("change flags: %w: %.60q", ErrFlag, c.Flag)
			}
		}
	}
	err := t.flight(ctx, "change flags of messages", func(f *flight) error {
		for i, g := range storings {
			out[i].Refusals = make([]error, len(g.Changes))
			if err := t.visits(f, g.Folder, storeQuestions(g.Changes), &out[i]); err != nil {
				return err
			}
		}
		return nil
	})
	return out, err
}

// ExpungeAll implements mailsync.Storer. Without UIDPLUS every folder refuses.
func (t *Target) ExpungeAll(ctx context.Context, removals []mailsync.Removal) ([]mailsync.Stored, error) {
	out := make([]mailsync.Stored, len(removals))
	err := t.flight(ctx, "expunge messages", func(f *flight) error {
		for i, g := range removals {
			out[i].Refusals = make([]error, 1)
			if !t.s.has("UIDPLUS") {
				out[i].Err = mailsync.ErrNoUIDPlus
				continue
			}
			var all []questionOf
			for _, set := range wire.Sets(ascending(g.UIDs)) {
				all = append(all, questionOf{question{"UID EXPUNGE", " " + set.Text}, 0})
			}
			if err := t.visits(f, g.Folder, all, &out[i]); err != nil {
				return err
			}
			if err := f.add(t.standing(g.Folder, &out[i])); err != nil {
				return err
			}
		}
		return nil
	})
	return out, err
}

// standing looks how a folder is left.
func (t *Target) standing(folder mailsync.Folder, out *mailsync.Stored) *visit {
	return &visit{verb: "EXAMINE", folder: folder, landed: func(_ *visit, refusal error) error {
		if refusal == nil {
			st := t.s.open.status
			out.After = &st
		}
		return nil
	}}
}

func (t *Target) flight(ctx context.Context, what string, send func(f *flight) error) error {
	return t.s.do(ctx, what, func() error {
		f := t.s.newFlight()
		if err := send(f); err != nil {
			return err
		}
		return f.land()
	})
}

// questionOf is a question and the change it belongs to.
type questionOf struct {
	question
	of int
}

func storeQuestions(changes []mailsync.FlagChange) []questionOf {
	var out []questionOf
	for i, c := range changes {
		item := " +FLAGS.SILENT ("
		if c.Remove {
			item = " -FLAGS.SILENT ("
		}
		for _, set := range wire.Sets(ascending(c.UIDs)) {
			out = append(out, questionOf{question{"UID STORE", " " + set.Text + item + c.Flag + ")"}, i})
		}
	}
	return out
}

// visits opens a folder for writing as often as its questions need; once when there are none.
func (t *Target) visits(f *flight, folder mailsync.Folder, all []questionOf, out *mailsync.Stored) error {
	for first := true; first || len(all) > 0; first = false {
		n := fitting(all)
		part := all[:n]
		all = all[n:]
		v := &visit{verb: "SELECT", folder: folder}
		for _, q := range part {
			v.questions = append(v.questions, q.question)
		}
		v.landed = func(v *visit, refusal error) error { return t.landed(v, refusal, part, first, out) }
		if err := f.add(v); err != nil {
			return err
		}
	}
	return nil
}

func (t *Target) landed(v *visit, refusal error, part []questionOf, first bool, out *mailsync.Stored) error {
	if refusal != nil {
		if first {
			out.Err = refusal
		}
		for _, q := range part {
			out.Refusals[q.of] = errors.Join(out.Refusals[q.of], refusal)
		}
		return nil
	}
	out.Status, out.Accepts = t.s.open.status, t.accepts(&t.s.open)
	for n, q := range part {
		r, err := v.await(n, changed)
		if err != nil {
			return err
		}
		out.Refusals[q.of] = errors.Join(out.Refusals[q.of], replied(q.name, r))
	}
	return nil
}

// changed takes what a server tells of each message it changes: flags,
// mod-sequences (RFC 7162 §3.1.3), that it is gone.
func changed(r *wire.Response) (bool, error) {
	return r.Type == "FETCH" || r.Type == "EXPUNGE" || r.Type == "VANISHED", nil
}
