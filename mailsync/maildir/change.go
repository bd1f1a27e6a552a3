package maildir

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"bascule/mailsync"
	"bascule/mailsync/uidlist"
)

// AddFlags implements mailsync.Target.
func (s *store) AddFlags(ctx context.Context, uids []mailsync.UID, flags []string) error {
	return s.flag(ctx, uids, flags, true)
}

// RemoveFlags implements mailsync.Target.
func (s *store) RemoveFlags(ctx context.Context, uids []mailsync.UID, flags []string) error {
	return s.flag(ctx, uids, flags, false)
}

func (s *store) flag(ctx context.Context, uids []mailsync.UID, flags []string, add bool) error {
	return s.each(ctx, "change flags in", uids, func(e uidlist.Entry, file string) error {
		words := s.open.words
		if add {
			var err error
			if words, err = s.learnFlags(s.open.dir, flags); err != nil {
				return err
			}
		}
		_, letters := split(file)
		to := "cur/" + e.Key + ":2," + change(letters, words.letters(flags), add)
		if to == file {
			return nil
		}
		return s.rename(path.Join(s.open.dir, file), path.Join(s.open.dir, to))
	})
}

func (s *store) rename(from, to string) error {
	if err := s.root.Rename(from, to); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// each does something to messages of the open folder under the lock of its
// list; those that are gone are left out.
func (s *store) each(ctx context.Context, what string, uids []mailsync.UID, do func(e uidlist.Entry, file string) error) error {
	if s.open == nil {
		return errors.New("no folder is open")
	}
	if err := live(ctx); err != nil {
		return err
	}
	_, err := s.list(s.open.dir).Update(ctx, func(l *uidlist.List) error {
		files, err := s.files(s.open.dir)
		if err != nil {
			return err
		}
		s.open.list, s.open.files = l, files
		for _, uid := range uids {
			e, ok := l.Find(uid)
			if !ok || files[e.Key] == "" {
				continue
			}
			if err := do(*e, files[e.Key]); err != nil {
				return err
			}
		}
		return uidlist.SyncDir(s.root, path.Join(s.open.dir, "cur"))
	})
	if err != nil {
		return fmt.Errorf("%s %s: %w", what, strings.Join(pathOf(s.open.dir), "/"), full(err))
	}
	return s.refresh(ctx)
}

// Move implements mailsync.Target. The two lists are locked one after the
// other: a run killed in between finds the message in its new place, as one
// that arrived there.
func (s *store) Move(ctx context.Context, uids []mailsync.UID, to mailsync.Folder) ([]mailsync.UID, error) {
	if err := s.refresh(ctx); err != nil {
		return nil, err
	}
	var moved []mailsync.UID
	_, err := s.list(to.Raw).Update(ctx, func(l *uidlist.List) error {
		for _, uid := range uids {
			there, ok, err := s.carry(l, uid, to.Raw)
			if err != nil {
				return err
			}
			if ok {
				moved = append(moved, there)
			}
		}
		return uidlist.SyncDir(s.root, path.Join(to.Raw, "cur"))
	})
	if err != nil {
		return nil, fmt.Errorf("move to %s: %w", strings.Join(pathOf(to.Raw), "/"), full(err))
	}
	if err := s.refresh(ctx); err != nil {
		return nil, err
	}
	if len(moved) != len(uids) {
		return nil, nil // one is gone: which UID is whose is for the caller to look at
	}
	return moved, nil
}

// carry renames one message into another folder; letters of keywords are
// another folder's.
func (s *store) carry(l *uidlist.List, uid mailsync.UID, to string) (mailsync.UID, bool, error) {
	e, ok := s.open.list.Find(uid)
	if !ok || s.open.files[e.Key] == "" {
		return 0, false, nil
	}
	file := s.open.files[e.Key]
	_, letters := split(file)
	flags := s.open.words.flags(letters)
	words, err := s.learnFlags(to, flags)
	if err != nil {
		return 0, false, err
	}
	err = s.root.Rename(path.Join(s.open.dir, file), path.Join(to, "cur", e.Key+":2,"+words.letters(flags)))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, err
	}
	return l.Add(e.Key, e.Size), true, nil
}

// Expunge implements mailsync.Target: of these messages, those marked \Deleted
// (RFC 4315 §2.1).
func (s *store) Expunge(ctx context.Context, uids []mailsync.UID) error {
	return s.each(ctx, "expunge", uids, func(_ uidlist.Entry, file string) error {
		if _, letters := split(file); !strings.Contains(letters, "T") {
			return nil
		}
		if err := s.root.Remove(path.Join(s.open.dir, file)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	})
}

// subscriptionFile lists folders as Dovecot does: one name a line, or, in its
// second version, components separated by tabs below a head.
const (
	subscriptionFile = "subscriptions"
	secondVersion    = "V\t2"
)

// subscriptions returns the directories of subscribed folders.
func (s *store) subscriptions() (map[string]bool, error) {
	b, err := small(s.root, subscriptionFile)
	out := map[string]bool{}
	second := bytes.HasPrefix(b, []byte(secondVersion))
	for line := range strings.Lines(string(b)) {
		name := strings.TrimRight(line, "\r\n")
		switch {
		case name == "" || name == secondVersion:
		case strings.EqualFold(name, inbox):
			out["."] = true
		case second:
			out["."+strings.ReplaceAll(name, "\t", ".")] = true
		default:
			out["."+name] = true
		}
	}
	return out, err
}

// Subscribe implements mailsync.Target.
func (s *store) Subscribe(ctx context.Context, f mailsync.Folder) error {
	if err := live(ctx); err != nil {
		return err
	}
	have, err := s.subscriptions()
	if err != nil || have[f.Raw] {
		return err
	}
	b, err := small(s.root, subscriptionFile)
	if err != nil {
		return err
	}
	name := strings.TrimPrefix(f.Raw, ".")
	if bytes.HasPrefix(b, []byte(secondVersion)) {
		name = strings.ReplaceAll(name, ".", "\t")
	}
	if f.Raw == "." {
		name = inbox
	}
	if len(b) > 0 && !bytes.HasSuffix(b, []byte("\n")) {
		b = append(b, '\n')
	}
	return s.replace(subscriptionFile, append(b, name+"\n"...))
}
