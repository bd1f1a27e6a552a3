package imapstore

import (
	"context"
	"maps"
	"time"

	"bascule/mailsync"
	"bascule/mailsync/wire"
)

// Source is the side that is only read. Its connection admits nothing that
// could change a mailbox, whatever this package does.
type Source struct{ *reader }

// reader is what source and target have in common.
type reader struct{ s *session }

var (
	_ mailsync.Source = (*Source)(nil)
	_ mailsync.Target = (*Target)(nil)
)

// OpenSource connects and logs in, read-only.
func OpenSource(ctx context.Context, cfg Config) (*Source, error) {
	s, err := start(ctx, cfg, wire.ReadOnly)
	if err != nil {
		return nil, err
	}
	return &Source{&reader{s}}, nil
}

// Identity implements mailsync.Source.
func (r *reader) Identity() mailsync.Identity {
	id := r.s.id
	id.ID = maps.Clone(id.ID)
	return id
}

// Meter returns what went over the connection so far.
func (r *reader) Meter() wire.Meter { return r.s.conn.Meter() }

// Capable reports a capability the server announced after the login.
func (r *reader) Capable(capability string) bool { return r.s.has(capability) }

// farewell bounds how long a LOGOUT may take.
const farewell = 5 * time.Second

// Close logs out and ends the connection. Nothing that was acknowledged
// depends on it, so a server that does not answer is no error.
func (r *reader) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), farewell)
	defer cancel()
	_ = r.s.conn.Do(ctx, func() error {
		return r.s.tap.Lend(func() error { return r.s.lib.Logout().Wait() })
	})
	r.s.drop()
	return nil
}
