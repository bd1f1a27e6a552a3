package storetest

import (
	"context"
	"errors"
	"io"

	"bascule/mailsync"
)

var (
	_ mailsync.Reader = (*conn)(nil)
	_ mailsync.Storer = (*conn)(nil)
)

// ReadAll is the commands one by one: others work in between.
func (c *conn) ReadAll(ctx context.Context, readings []mailsync.Reading, fn func(int, mailsync.Meta, int64, io.Reader) error) ([]error, error) {
	refusals := make([]error, len(readings))
	var stop error
	for i, g := range readings {
		st, err := c.Examine(ctx, g.Folder)
		if err == nil && st.UIDValidity != g.Validity {
			err = errors.New("folder was replaced")
		}
		if err == nil {
			_, err = c.Fetch(ctx, g.UIDs, func(m mailsync.Meta, octets int64, body io.Reader) error {
				stop = fn(i, m, octets, body)
				return stop
			})
		}
		if stop != nil || c.dead {
			return refusals, errors.Join(stop, err)
		}
		refusals[i] = err
	}
	c.open = nil
	return refusals, nil
}

// StoreAll is the commands one by one.
func (c *conn) StoreAll(ctx context.Context, storings []mailsync.Storing) ([]mailsync.Stored, error) {
	out := make([]mailsync.Stored, len(storings))
	for i, g := range storings {
		if err := c.visit(ctx, g.Folder, &out[i]); err != nil {
			return out, err
		}
		for _, x := range g.Changes {
			err := out[i].Err
			if err == nil {
				err = c.store(ctx, x.UIDs, []string{x.Flag}, !x.Remove)
			}
			if out[i].Refusals = append(out[i].Refusals, err); c.dead {
				return out, err
			}
		}
	}
	c.open = nil
	return out, nil
}

// visit opens a folder for writing. Only the end of the connection is an error.
func (c *conn) visit(ctx context.Context, f mailsync.Folder, out *mailsync.Stored) error {
	c.open = nil
	out.Status, out.Err = c.Select(ctx, f)
	out.Accepts = c.Accepts()
	if c.dead {
		return out.Err
	}
	return nil
}

// ExpungeAll is the commands one by one.
func (c *conn) ExpungeAll(ctx context.Context, removals []mailsync.Removal) ([]mailsync.Stored, error) {
	out := make([]mailsync.Stored, len(removals))
	for i, g := range removals {
		out[i].Refusals = make([]error, 1)
		if err := c.visit(ctx, g.Folder, &out[i]); err != nil {
			return out, err
		}
		if out[i].Err != nil {
			continue
		}
		if out[i].Refusals[0] = c.Expunge(ctx, g.UIDs); c.dead {
			return out, out[i].Refusals[0]
		}
		if st, err := c.Examine(ctx, g.Folder); err == nil {
			out[i].After = &st
		} else if c.dead {
			return out, err
		}
	}
	c.open = nil
	return out, nil
}
