package imapstore

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"bascule/internal/retry"
	"bascule/mailsync"
	"bascule/mailsync/wire"
)

// Scan implements mailsync.Source. A server that left messages out of a full
// scan is an error, never a shorter folder.
func (r *reader) Scan(ctx context.Context, changedSince uint64, fn func(mailsync.Meta) error) error {
	return r.s.scan(ctx, changedSince, fn, nil)
}

// Changes is Scan with the UIDs that disappeared since as well, as ranges in
// no order. It needs QRESYNC: Vanishes says whether that is enabled.
func (r *reader) Changes(ctx context.Context, changedSince uint64, fn func(mailsync.Meta) error, gone func(first, last mailsync.UID) error) error {
	return r.s.scan(ctx, changedSince, fn, gone)
}

// Vanishes reports whether Changes can be used.
func (r *reader) Vanishes() bool {
	r.introduced()
	return r.s.qresync
}

type scan struct {
	s      *session
	before opened // as it was when the question was asked
	bare   bool   // flags are all that was asked for
	since  uint64 // changes are told as they came about, not by UID
	fn     func(mailsync.Meta) error
	m      wire.Fetched
	last   uint32
	count  uint32
	stop   error
}

func (s *session) scan(ctx context.Context, since uint64, fn func(mailsync.Meta) error, gone func(first, last mailsync.UID) error) error {
	if since > 0 && !s.condstore() || gone != nil && !s.qresync {
		return fmt.Errorf("%s: scan folder %s: server keeps no history of changes", s.cfg.who(), quote(s.open.folder))
	}
	sc := &scan{s: s, since: since, fn: fn}
	err := s.within(ctx, "scan", func() error { return sc.run(since, gone) })
	if err != nil {
		return err
	}
	return sc.stop
}

func (sc *scan) run(since uint64, gone func(first, last mailsync.UID) error) error {
	s := sc.s
	sc.before = s.open
	if gone != nil {
		s.gone = sc.vanished(gone)
		defer func() { s.gone = nil }()
	}
	for {
		items := "UID FLAGS INTERNALDATE RFC822.SIZE" + s.naming(s.open.folder)
		if s.condstore() {
			items += " MODSEQ"
		}
		r, err := s.ask(s.conn.Begin("UID FETCH", s.lit).Text(scanText(all, items, since, gone != nil)), sc.data)
		if err != nil || sc.stop != nil {
			return err
		}
		if r.Type != "BAD" || sc.count > 0 || s.naming(s.open.folder) == "" {
			return sc.complete(r, since, false)
		}
		s.names = false // it promised names, and refuses to tell them
	}
}

// all is the set of all messages.
const all = "1:*"

// scanText is a scan behind its command.
func scanText(set, items string, since uint64, vanished bool) string {
	text := " " + set + " (" + items + ")"
	if since == 0 {
		return text
	}
	text += " (CHANGEDSINCE " + strconv.FormatUint(since, 10)
	if vanished {
		text += " VANISHED"
	}
	return text + ")"
}

// naming asks a source for the server's own names of messages, and in folders
// that show messages of others for their labels (X-GM-EXT-1; OBJECTID, RFC 8474).
func (s *session) naming(f mailsync.Folder) string {
	switch {
	case !s.names:
		return ""
	case s.labels() && slices.Contains([]string{`\All`, `\Flagged`, `\Important`}, f.Use):
		return " X-GM-MSGID X-GM-LABELS"
	case s.labels():
		return " X-GM-MSGID"
	case s.caps["OBJECTID"]:
		return " EMAILID"
	}
	return ""
}

// labels reports whether folders are labels.
func (s *session) labels() bool { return s.caps["X-GM-EXT-1"] }

// complete decides whether a reply ends a scan well; some says that not all
// messages were asked about.
func (sc *scan) complete(r wire.Response, since uint64, some bool) error {
	if err := replied("UID FETCH", r); err != nil && sc.before.exists > 0 {
		return err // 1:* of an empty folder is an error to some servers
	}
	// Unknown is never absent: fewer messages than the folder holds is a
	// server that failed half way.
	if lost := sc.s.open.expunged - sc.before.expunged; since == 0 && !some && sc.count+lost < sc.before.exists {
		return retry.Temporary(fmt.Errorf("server listed %d of %d messages", sc.count, sc.before.exists))
	}
	return nil
}

func (sc *scan) data(r *wire.Response) (bool, error) {
	if r.Type != "FETCH" {
		return false, nil
	}
	if err := sc.s.conn.R.Fetch(&sc.m, nil); err != nil {
		return true, err
	}
	m := &sc.m
	switch {
	case m.UID == 0 || !m.HasFlags || !sc.bare && (!m.HasDate || !m.HasSize):
		return false, nil // a change of flags, told in passing
	case sc.since == 0 && m.UID <= sc.last:
		return false, nil // told again, after it was asked for
	case sc.stop != nil:
		return true, nil
	}
	sc.last = m.UID
	sc.count++
	sc.stop = sc.fn(meta(m))
	return true, nil
}

func (sc *scan) vanished(gone func(first, last mailsync.UID) error) func(first, last uint32) error {
	return func(first, last uint32) error {
		if sc.stop == nil {
			sc.stop = gone(mailsync.UID(first), mailsync.UID(last))
		}
		return nil
	}
}

// meta copies what the reader reuses.
func meta(m *wire.Fetched) mailsync.Meta {
	flags := make([]string, 0, len(m.Flags))
	for _, f := range m.Flags {
		if f != `\Recent` {
			flags = append(flags, f)
		}
	}
	slices.Sort(flags)
	out := mailsync.Meta{UID: mailsync.UID(m.UID), Size: m.Size, Date: m.Date, Flags: slices.Compact(flags), ModSeq: m.ModSeq}
	if len(m.Object) > 0 {
		out.Object = mailsync.NewObjectID(m.Object)
	}
	if m.HasLabels {
		out.Labels = append([]string{}, m.Labels...)
	}
	return out
}

// UIDs implements mailsync.Source.
func (r *reader) UIDs(ctx context.Context) ([]mailsync.UID, error) {
	var uids []mailsync.UID
	err := r.s.within(ctx, "enumerate messages", func() (err error) {
		uids, err = r.s.search()
		return err
	})
	return uids, err
}

// search asks for all UIDs.
func (s *session) search() ([]mailsync.UID, error) {
	var uids []mailsync.UID
	r, err := s.ask(s.conn.Begin("UID SEARCH", s.lit).Text(s.searchText()), s.searching(&uids))
	if err != nil {
		return nil, err
	}
	return ordered(uids), replied("UID SEARCH", r)
}

// searchText asks for ranges where the server can (RFC 4731).
func (s *session) searchText() string {
	if s.has("ESEARCH") {
		return " RETURN (ALL) ALL"
	}
	return " ALL"
}

// searching collects UIDs one by one. What a server invents beyond the
// messages it said it holds (and some that may arrive meanwhile) is refused.
func (s *session) searching(uids *[]mailsync.UID) wire.Data {
	most := uint64(s.open.exists) + uint64(s.open.exists)/2 + 10_000
	return s.finding(func(first, last uint32) error {
		if uint64(last-first) >= most-uint64(len(*uids)) {
			return &wire.ProtocolError{What: fmt.Sprintf("more than %d messages in a folder of %d", most, s.open.exists)}
		}
		for u := uint64(first); u <= uint64(last); u++ {
			*uids = append(*uids, mailsync.UID(u))
		}
		return nil
	})
}

// finding tells what SEARCH and ESEARCH found, however long the set is.
func (s *session) finding(part func(first, last uint32) error) wire.Data {
	return func(r *wire.Response) (bool, error) {
		switch r.Type {
		case "SEARCH", "ESEARCH":
			return true, s.found(r.Type, part)
		}
		return false, nil
	}
}

func ordered(uids []mailsync.UID) []mailsync.UID {
	slices.Sort(uids)
	return slices.Compact(uids)
}

// found reads numbers and sets.
func (s *session) found(kind string, part func(first, last uint32) error) error {
	for after := ""; ; {
		here := kind == "SEARCH" || after == "ALL"
		if set, err := s.conn.R.Number(); err != nil {
			return err
		} else if set && here {
			if err := s.conn.R.Ranges(part); err != nil {
				return err
			}
			after = ""
			continue
		}
		t, err := s.conn.R.Token()
		switch {
		case err != nil || t.Kind == wire.End:
			return err
		case t.Kind == wire.Open: // the search correlator: (TAG "b7")
			for t.Kind != wire.Close && t.Kind != wire.End && err == nil {
				t, err = s.conn.R.Token()
			}
			if err != nil {
				return err
			}
		case here:
			return &wire.ProtocolError{What: fmt.Sprintf("search result %.60q", t.Text)}
		default:
			after = string(t.Text)
		}
	}
}
