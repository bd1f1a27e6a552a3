package imapstore

import (
	"context"
	"maps"

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
	s.names = true // of the target's messages, nobody wants to know
	return &Source{&reader{s}}, nil
}

// introduced waits for what the server says of itself, which is on its way
// until the first question is answered. A connection that ended says nothing.
func (r *reader) introduced() { _ = r.s.conn.Do(context.Background(), r.s.meet) }

// Identity implements mailsync.Source.
func (r *reader) Identity() mailsync.Identity {
	r.introduced()
	id := r.s.id
	id.ID = maps.Clone(id.ID)
	return id
}

// Meter returns what went over the connection so far.
func (r *reader) Meter() wire.Meter { return r.s.conn.Meter() }

// Capable reports a capability the server announced after the login.
func (r *reader) Capable(capability string) bool { return r.s.has(capability) }

// Close says goodbye and ends the connection without waiting for the answer:
// nothing that was acknowledged depends on it.
func (r *reader) Close() error {
	r.s.conn.Leave()
	r.s.drop()
	return nil
}
