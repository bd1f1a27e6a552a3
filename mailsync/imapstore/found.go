package imapstore

import (
	"context"
	"fmt"

	"bascule/mailsync"
	"bascule/mailsync/wire"
)

var _ mailsync.Founder = (*Target)(nil)

// CreateAll implements mailsync.Founder: all CREATEs and SUBSCRIBEs in one
// flight. What is refused, and a name that needs a go-ahead, is left to Create,
// which tries more.
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
		return nil
	})
	return out, err
}

func (s *session) createFlight(folders []mailsync.NewFolder, out []mailsync.Created) error {
	air, subscribe := map[int]creating{}, map[int]*wire.Command{}
	var astray []string
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
		if f.Subscribe {
			subscribe[i] = s.conn.Begin("SUBSCRIBE", s.lit).Name(raw)
			if err := subscribe[i].End(); err != nil {
				return err
			}
		}
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
		if m := subscribe[i]; m != nil {
			r, err := s.conn.Await(m.Tag, nil)
			if err != nil {
				return err
			}
			out[i].Subscribed = r.Type == "OK" && refusal == nil
			if r.Type == "OK" && refusal != nil {
				astray = append(astray, c.raw)
			}
		}
	}
	return s.unsubscribe(astray)
}

// unsubscribe takes subscriptions back of folders that were refused: servers
// may subscribe to what is not there (RFC 3501 §6.3.6).
func (s *session) unsubscribe(names []string) error {
	for _, raw := range names {
		if _, err := s.ask(s.conn.Begin("UNSUBSCRIBE", s.lit).Name(raw), nil); err != nil {
			return err
		}
	}
	return nil
}
