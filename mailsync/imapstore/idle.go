package imapstore

import (
	"context"
	"fmt"
	"time"

	"bascule/mailsync/wire"
)

// idleAtMost is when an IDLE is ended and begun again: servers drop it after
// 30 minutes (RFC 2177 §3), some after ten.
const idleAtMost = 9 * time.Minute

// Idles reports whether the server can be watched.
func (r *reader) Idles() bool { return r.s.has("IDLE") }

// Idle waits until something changed in the open folder, or for most, which
// is cut to what servers bear; it reports whether it was told of a change. A
// server that says nothing is not a folder that did not change: look anyway.
func (r *reader) Idle(ctx context.Context, most time.Duration) (changed bool, err error) {
	s := r.s
	if !r.Idles() {
		return false, fmt.Errorf("%s: watch folder %s: server has no IDLE", s.cfg.who(), quote(s.open.folder))
	}
	most = min(most, idleAtMost)
	told := make(chan struct{}, 1)
	s.told.Store(&told)
	defer s.told.Store(nil)
	err = s.within(ctx, "watch", func() error {
		s.conn.Patience(most + s.lim.Patience)
		defer s.conn.Patience(0)
		return s.lend(func() (err error) {
			changed, err = s.idle(ctx, most, told)
			return err
		})
	})
	return changed, err
}

// idle is one IDLE of the library. What it is for arrives through untagged,
// in the goroutine of the library's reader.
func (s *session) idle(ctx context.Context, most time.Duration, told chan struct{}) (changed bool, err error) {
	cmd, err := s.lib.Idle()
	if err != nil {
		return false, s.refused("IDLE", err)
	}
	timer := time.NewTimer(most)
	defer timer.Stop()
	select {
	case <-told:
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

// changes are the responses that tell of a change in the open folder.
func (s *session) changes(r *wire.Response) {
	told := s.told.Load()
	if told == nil {
		return
	}
	switch r.Type {
	case "EXISTS", "EXPUNGE", "VANISHED", "FETCH":
		select {
		case *told <- struct{}{}:
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
