package imapstore

import (
	"context"
	"fmt"

	"bascule/mailsync"
	"bascule/mailsync/wire"
)

var _ mailsync.Founder = (*Target)(nil)

// CreateAll implements mailsync.Founder: all CREATEs in one flight, then all
// SUBSCRIBEs. What is refused, and a name that needs a go-ahead, is left to
// Create, which tries more.
func (t *Target) CreateAll(ctx context.Context, folders []mailsync.NewFolder) ([]mailsync.Created, error) {
	out := make([]mailsync.Created, len(folders))
	err := t.s.do(ctx, fmt.Sprintf("create %d folders", len(folders)), func() error {
		if err := t.s.learnDelimiter(); err != nil {
			return err
		}
		for from := 0; from < len(folders); from += flightFolders {
			to := min(from+flightFolders, len(folders))
			if err := t.s.createFlight(folders[from:to], out[from:to]); err != nil {
				return err
			}
		}
		return t.s.subscribeAll(folders, out)
	})
	return out, err
}

func (s *session) createFlight(folders []mailsync.NewFolder, out []mailsync.Created) error {
	air := map[int]creating{}
	for i, f := range folders {
		raw, err := s.rawName(f.Path)
		if err == nil && s.waits(raw) {
			err = fmt.Errorf("the name %.100q is sent by itself", raw)
		}
		if out[i].Err = err; err != nil {
			continue
		}
		c, err := s.beginCreate(raw, f.Use)
		if err != nil {
			return err
		}
		air[i] = c
	}
	for i := range folders {
		c, ok := air[i]
		if !ok {
			continue
		}
		f, refusal, err := s.created(c)
		if err != nil {
			return err
		}
		out[i].Folder, out[i].Err = f, refusal
	}
	return nil
}

// subscribeAll leaves to the caller what a server refuses, for its own words.
func (s *session) subscribeAll(folders []mailsync.NewFolder, out []mailsync.Created) error {
	air := map[int]*wire.Command{}
	for i, f := range folders {
		if !f.Subscribe || out[i].Err != nil || out[i].Folder.Subscribed {
			continue
		}
		air[i] = s.conn.Begin("SUBSCRIBE", s.lit).Name(out[i].Folder.Raw)
		if err := air[i].End(); err != nil {
			return err
		}
	}
	for i := range folders {
		if air[i] == nil {
			continue
		}
		r, err := s.conn.Await(air[i].Tag, nil)
		if err != nil {
			return err
		}
		out[i].Subscribed = r.Type == "OK"
	}
	return nil
}
