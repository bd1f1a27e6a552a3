package imapstore

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"bascule/internal/retry"
	"bascule/internal/safetext"
	"bascule/mailsync"
	"bascule/mailsync/wire"
)

// Examine implements mailsync.Source.
func (r *reader) Examine(ctx context.Context, f mailsync.Folder) (mailsync.Status, error) {
	return r.s.openFolder(ctx, "EXAMINE", f)
}

// openFolder sends EXAMINE or SELECT. Whatever was open before is not any more.
func (s *session) openFolder(ctx context.Context, verb string, f mailsync.Folder) (mailsync.Status, error) {
	s.open = opened{folder: f, writable: verb == "SELECT"}
	err := s.do(ctx, "open folder "+quote(f), func() error {
		reply, err := s.ask(s.openCommand(verb, f), s.opening)
		if err != nil {
			return err
		}
		return s.absent(f, replied(verb, reply))
	})
	if err != nil {
		s.open = opened{}
		return mailsync.Status{}, err
	}
	s.open.valid = true
	s.open.status.Messages = s.open.exists
	forget(&s.told) // what the opening told is known
	return s.open.status, nil
}

func (s *session) openCommand(verb string, f mailsync.Folder) *wire.Command {
	m := s.conn.Begin(verb, s.lit).Name(f.Raw)
	if s.condstore() && !s.qresync {
		m.Text(" (CONDSTORE)") // RFC 7162 §3.1.8
	}
	return m
}

// absent says that a folder is not there, for servers whose refusal has no
// response code: what is listed exists, whatever the reason it cannot be opened.
func (s *session) absent(f mailsync.Folder, refusal error) error {
	if refusal == nil || retry.IsTemporary(refusal) || errors.Is(refusal, mailsync.ErrNoFolder) {
		return refusal
	}
	there := false
	err := s.command(s.conn.Begin("LIST", s.lit).Text(` ""`).Name(f.Raw), "LIST", func(r *wire.Response) (bool, error) {
		if r.Type != "LIST" {
			return false, nil
		}
		item, err := s.conn.R.List()
		there = there || key(item.Name) == key(f.Raw) && !item.Has(`\NonExistent`)
		return true, err
	})
	if err != nil || there {
		return errors.Join(refusal, err)
	}
	return fmt.Errorf("%w: %w", mailsync.ErrNoFolder, refusal)
}

func quote(f mailsync.Folder) string {
	return strconv.Quote(safetext.Shorten(strings.Join(f.Path, "/"), 200))
}

// opening collects what a server says of the folder it opens.
func (s *session) opening(r *wire.Response) (wanted bool, err error) {
	o := &s.open
	if r.Type == "FLAGS" {
		o.flags, err = s.conn.R.Flags(nil)
		return true, err
	}
	if r.Type != "OK" {
		return r.Type == "EXISTS" || r.Type == "RECENT", nil
	}
	switch r.Code {
	case "CLOSED":
		// RFC 7162 §3.2.11: what came before concerns the folder left behind.
		*o = opened{folder: o.folder, writable: o.writable}
	case "UIDVALIDITY":
		o.status.UIDValidity, err = number32(r)
	case "UIDNEXT":
		var n uint32
		n, err = number32(r)
		o.status.UIDNext = mailsync.UID(n)
	case "HIGHESTMODSEQ":
		// A value that cannot be read is none: the folder is scanned whole.
		o.status.HighestModSeq, _ = strconv.ParseUint(r.Args, 10, 64)
	case "PERMANENTFLAGS":
		o.hasPermanent = true
		o.permanent = strings.Fields(strings.Trim(r.Args, "()"))
	default:
		return false, nil
	}
	return true, err
}

func number32(r *wire.Response) (uint32, error) {
	n, err := strconv.ParseUint(strings.TrimSpace(r.Args), 10, 32)
	if err != nil {
		return 0, &wire.ProtocolError{What: fmt.Sprintf("%s %.40q", r.Code, r.Args)}
	}
	return uint32(n), nil
}

// within runs f for the open folder.
func (s *session) within(ctx context.Context, what string, f func() error) error {
	if !s.open.valid {
		return fmt.Errorf("%s: %s: no folder is open", s.cfg.who(), what)
	}
	return s.do(ctx, what+" of folder "+quote(s.open.folder), f)
}
