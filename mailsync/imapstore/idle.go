package imapstore

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"bascule/mailsync/wire"
)

// idleAtMost is when an IDLE is ended and begun again: servers drop it after
// 30 minutes (RFC 2177 §3), some after ten.
const idleAtMost = 9 * time.Minute

// Idles reports whether the server can be watched.
func (r *reader) Idles() bool { return r.s.has("IDLE") }

// Idle waits until something changed in the open folder, and, where the server
// has NOTIFY, in any other of the mailbox, or for most, which is cut to what
// servers bear; it reports whether it was told of a change. A server that says
// nothing is not a folder that did not change: look anyway.
func (r *reader) Idle(ctx context.Context, most time.Duration) (changed bool, err error) {
	s := r.s
	if !r.Idles() {
		return false, fmt.Errorf("%s: watch folder %s: server has no IDLE", s.cfg.who(), quote(s.open.folder))
	}
	most = min(most, idleAtMost)
	if err := s.within(ctx, "watch", s.watched); err != nil {
		return false, err
	}
	err = s.within(ctx, "watch", func() error {
		s.conn.Patience(most + s.lim.Patience)
		defer s.conn.Patience(0)
		return s.lend(func() (err error) {
			changed, err = s.idle(ctx, most)
			return err
		})
	})
	return changed, err
}

// watched begins to note what happens, and asks once to be told of all folders
// of the person (RFC 5465 §5). What happened in one that is not open arrives
// as a STATUS response, at any time from then on (§5.2). A server that refuses
// tells of the open folder only.
func (s *session) watched() error {
	if s.told.Load() != nil {
		return nil
	}
	told, noticed := make(chan struct{}, 1), make(chan struct{}, 1)
	s.told.Store(&told)
	s.noticed.Store(&noticed)
	if !s.caps["NOTIFY"] {
		return nil
	}
	const events = "(MessageNew MessageExpunge FlagChange)"
	_, err := s.ask(s.conn.Begin("NOTIFY", s.lit).Text(" SET (selected-delayed "+events+") (personal "+events+")"), nil)
	return err
}

// idle is one IDLE of the library. What it is for arrives through untagged,
// in the goroutine of the library's reader.
func (s *session) idle(ctx context.Context, most time.Duration) (changed bool, err error) {
	cmd, err := s.lib.Idle()
	if err != nil {
		return false, s.refused("IDLE", err)
	}
	timer := time.NewTimer(most)
	defer timer.Stop()
	select {
	case <-*s.told.Load():
		changed = true
	case <-*s.noticed.Load():
		changed = true
	case <-timer.C:
	case <-s.lib.Closed():
	case <-ctx.Done():
	}
	if err := cmd.Close(); err != nil {
		return changed, err
	}
	return changed, s.refused("IDLE", cmd.Wait())
}

// changes are the responses that tell of a change, in the open folder or in
// another.
func (s *session) changes(r *wire.Response) {
	switch r.Type {
	case "EXISTS", "EXPUNGE", "VANISHED", "FETCH":
		signal(&s.told)
	case "STATUS":
		signal(&s.noticed)
	}
}

// signal notes that something happened, once somebody watches.
func signal(to *atomic.Pointer[chan struct{}]) {
	if c := to.Load(); c != nil {
		select {
		case *c <- struct{}{}:
		default:
		}
	}
}

// forget takes a signal back.
func forget(of *atomic.Pointer[chan struct{}]) {
	if c := of.Load(); c != nil {
		select {
		case <-*c:
		default:
		}
	}
}

// Namespace returns the prefix and the delimiter of the personal namespace
// (RFC 2342), such as "INBOX." and '.'; known is false where the server did
// not say.
func (r *reader) Namespace() (prefix string, delim rune, known bool) {
	r.introduced()
	return r.s.personal()
}
