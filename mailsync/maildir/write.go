package maildir

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"bascule/mailsync"
	"bascule/mailsync/uidlist"
)

const (
	// exactField marks files whose bare LFs are the message's own.
	exactField = "X"
	// maxName is what file systems take for one name.
	maxName = 255
	// maxSyncs bounds files being synced at once: a journal takes them together.
	maxSyncs = 8
	// staleTemp is when a file in tmp counts as left behind (Maildir's own rule).
	staleTemp = 36 * time.Hour
)

func refusal(command, text string) error {
	return &mailsync.ServerError{Command: command, Status: "NO", Code: "CANNOT", Text: text}
}

// full words a file system without room as servers do, which ends a pass.
func full(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return errors.Join(&mailsync.ServerError{Command: "APPEND", Status: "NO", Code: "OVERQUOTA", Text: "no room in the file system"}, err)
	}
	return err
}

// Create implements mailsync.Target. The special use is not kept.
func (s *store) Create(ctx context.Context, p []string, _ string) (mailsync.Folder, error) {
	if err := live(ctx); err != nil {
		return mailsync.Folder{}, err
	}
	dir := dirOf(p)
	switch {
	case len(p) == 0 || slices.Contains(p, ""):
		return mailsync.Folder{}, refusal("CREATE", "a folder without a name")
	case len(dir) > maxName:
		return mailsync.Folder{}, refusal("CREATE", "the name is too long for a directory")
	}
	if err := makeFolder(s.root, dir); err != nil {
		return mailsync.Folder{}, fmt.Errorf("create %s: %w", strings.Join(p, "/"), full(err))
	}
	f, err := s.read(ctx, dir)
	if err != nil {
		return mailsync.Folder{}, err
	}
	subscribed, err := s.subscriptions()
	st := f.status()
	return mailsync.Folder{Path: pathOf(dir), Raw: dir, Delim: '.', Selectable: true, Status: &st, Subscribed: subscribed[dir]}, err
}

// Select implements mailsync.Target.
func (s *store) Select(ctx context.Context, f mailsync.Folder) (mailsync.Status, error) {
	return s.Examine(ctx, f)
}

// Accepts implements mailsync.Target.
func (s *store) Accepts() mailsync.Accepts {
	a := mailsync.Accepts{UIDPlus: true, Move: true, MultiAppend: true, NewKeywords: true}
	for _, l := range standard() {
		a.Flags = append(a.Flags, l.flag)
	}
	if s.open != nil {
		a.NewKeywords = s.open.words.used() < maxKeywords
		a.Flags = append(a.Flags, slices.DeleteFunc(slices.Clone(s.open.words), func(w string) bool { return w == "" })...)
	}
	return a
}

// incoming is a message in tmp.
type incoming struct {
	temp, base string
	flags      []string
	size       int64
}

// Append implements mailsync.Target: everything is written to tmp and synced,
// then renamed at once.
func (s *store) Append(ctx context.Context, f mailsync.Folder, next func() (*mailsync.Outgoing, error)) (mailsync.Appended, error) {
	batch, err := s.receive(ctx, f.Raw, next)
	if err == nil && len(batch) == 0 {
		return mailsync.Appended{}, nil
	}
	if err != nil {
		s.discard(f.Raw, batch)
		return mailsync.Appended{}, &mailsync.AppendError{Err: fmt.Errorf("append to %s: %w", strings.Join(pathOf(f.Raw), "/"), full(err))}
	}
	return s.deliver(ctx, f.Raw, batch)
}

func (s *store) receive(ctx context.Context, dir string, next func() (*mailsync.Outgoing, error)) (batch []incoming, err error) {
	var syncs errgroup.Group
	syncs.SetLimit(maxSyncs)
	for {
		var m *mailsync.Outgoing
		if err = live(ctx); err == nil {
			m, err = next()
		}
		if err != nil || m == nil {
			return batch, errors.Join(err, syncs.Wait())
		}
		in, file, err := s.write(dir, m)
		batch = append(batch, in)
		if err != nil {
			return batch, errors.Join(err, syncs.Wait())
		}
		syncs.Go(func() error { return errors.Join(file.Sync(), file.Close()) })
	}
}

// write stores one message in tmp.
func (s *store) write(dir string, m *mailsync.Outgoing) (incoming, *os.File, error) {
	name, err := s.unique()
	if err != nil {
		return incoming{}, nil, err
	}
	in := incoming{temp: path.Join(dir, "tmp", name), flags: m.Flags, size: m.Size}
	f, err := s.root.OpenFile(in.temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return in, nil, err
	}
	var ends lineEnds
	n, err := io.Copy(io.MultiWriter(f, &ends), io.LimitReader(m.Body, m.Size))
	if err == nil && n != m.Size {
		err = fmt.Errorf("%d octets were announced, %d came: %w", m.Size, n, io.ErrUnexpectedEOF)
	}
	if err == nil && !m.Date.IsZero() {
		err = s.root.Chtimes(in.temp, m.Date, m.Date)
	}
	if err != nil {
		return in, nil, errors.Join(err, f.Close())
	}
	in.base = fmt.Sprintf("%s,S=%d,W=%d", name, n, n)
	if ends.bare {
		in.base = fmt.Sprintf("%s,S=%d,%s=1", name, n, exactField)
	}
	return in, f, nil
}

// unique is a name that no other file has, wherever it is made.
func (s *store) unique() (string, error) {
	s.written++
	var r [8]byte
	if _, err := io.ReadFull(s.cfg.Random, r[:]); err != nil {
		return "", fmt.Errorf("draw a file name: %w", err)
	}
	now := s.cfg.Clock.Now()
	return fmt.Sprintf("%d.M%dP%dQ%dR%s.%s", now.Unix(), now.Nanosecond()/1000, s.cfg.PID, s.written, hex.EncodeToString(r[:]), hostPart(s.cfg.Host)), nil
}

// hostPart keeps what is harmless in a file name.
func hostPart(host string) string {
	safe := strings.Map(func(r rune) rune {
		if r == '-' || r == '_' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' {
			return r
		}
		return '_'
	}, host)
	return safe[:min(len(safe), 64)]
}

func (s *store) discard(dir string, batch []incoming) {
	for _, in := range batch {
		if in.temp != "" {
			_ = s.root.Remove(in.temp)
		}
	}
}

// deliver renames a batch into cur and gives it UIDs, under the lock of the list.
func (s *store) deliver(ctx context.Context, dir string, batch []incoming) (mailsync.Appended, error) {
	var done mailsync.Appended
	l, err := s.list(dir).Update(ctx, func(l *uidlist.List) error {
		words, err := s.learn(dir, batch)
		if err != nil {
			return err
		}
		for _, in := range batch {
			if err := s.root.Rename(in.temp, path.Join(dir, "cur", in.base+":2,"+words.letters(in.flags))); err != nil {
				return err
			}
			done.UIDs = append(done.UIDs, l.Add(in.base, in.size))
		}
		return uidlist.SyncDir(s.root, path.Join(dir, "cur"))
	})
	if err != nil {
		s.discard(dir, batch[len(done.UIDs):])
		// Some may have arrived, and their UIDs may not be on record.
		return done, &mailsync.AppendError{Unknown: true, Err: fmt.Errorf("append to %s: %w", strings.Join(pathOf(dir), "/"), full(err))}
	}
	done.UIDValidity = l.Validity
	return done, nil
}

// learn gives letters to keywords of a batch that have none.
func (s *store) learn(dir string, batch []incoming) (keywords, error) {
	var flags []string
	for _, in := range batch {
		flags = append(flags, in.flags...)
	}
	return s.learnFlags(dir, flags)
}

func (s *store) learnFlags(dir string, flags []string) (keywords, error) {
	have, err := s.keywords(dir)
	if err != nil {
		return nil, err
	}
	want := have.with(flags)
	if want.used() == have.used() {
		return have, nil
	}
	if err := s.replace(path.Join(dir, keywordFile), want.format()); err != nil {
		return nil, err
	}
	if s.open != nil && s.open.dir == dir {
		s.open.words = want
	}
	return want, nil
}

// replace writes a small file anew: temp, fsync, rename, fsync of the directory.
func (s *store) replace(name string, content []byte) error {
	temp, err := s.unique()
	if err != nil {
		return err
	}
	temp = path.Join("tmp", temp)
	f, err := s.root.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := s.root.Rename(temp, name); err != nil {
		return err
	}
	return uidlist.SyncDir(s.root, path.Dir(name))
}

// sweep removes what killed runs left in tmp long ago.
func (s *store) sweep() {
	dirs, _, err := s.directories()
	if err != nil {
		return
	}
	before := s.cfg.Clock.Now().Add(-staleTemp)
	for _, dir := range dirs {
		entries, err := s.entries(path.Join(dir, "tmp"))
		for _, e := range entries {
			name := path.Join(dir, "tmp", e.Name())
			if regular(e) && err == nil && changedBefore(s.root, name, before) {
				_ = s.root.Remove(name)
			}
		}
	}
}

// changedBefore looks at the time of the name too: the time of the file may be
// an old message's.
func changedBefore(root *os.Root, name string, before time.Time) bool {
	info, err := root.Lstat(name)
	written := time.Unix(int64(min(seconds(path.Base(name)), 1<<40)), 0)
	return err == nil && info.ModTime().Before(before) && written.Before(before)
}
