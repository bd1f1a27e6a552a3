package mbox

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"
	"time"

	"bascule/mailsync"
	"bascule/mailsync/uidlist"
)

// maxName is what file systems take for one name, less what lists and locks add.
const maxName = 230

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

// encode makes a file name of a component: what is more than a letter is escaped.
func encode(name string) string {
	var out strings.Builder
	for i, r := range name {
		switch {
		case r < ' ' || r == 0x7f || r == '/' || r == '\\' || r == '%' || r == ':' || i == 0 && (r == '.' || r == '~'):
			fmt.Fprintf(&out, "%%%02X", r)
		default:
			out.WriteRune(r)
		}
	}
	text := out.String()
	for _, end := range []string{".mbox", ".sbd"} {
		if cut, ok := strings.CutSuffix(text, end); ok {
			text = cut + "%2E" + end[1:]
		}
	}
	return text
}

// Create implements mailsync.Target. The special use is not kept.
func (s *store) Create(ctx context.Context, p []string, _ string) (mailsync.Folder, error) {
	if err := live(ctx); err != nil {
		return mailsync.Folder{}, err
	}
	if len(p) == 0 || slices.Contains(p, "") || len(p) > maxDepth {
		return mailsync.Folder{}, refusal("CREATE", "a name that no file can have")
	}
	parts := make([]string, len(p))
	for i, c := range p {
		if parts[i] = encode(strings.ToValidUTF8(c, "\uFFFD")); len(parts[i]) > maxName {
			return mailsync.Folder{}, refusal("CREATE", "the name is too long for a file")
		}
	}
	name := path.Join(parts...) + ".mbox"
	if len(p) == 1 && strings.EqualFold(p[0], "INBOX") {
		name = "INBOX.mbox"
	}
	if err := s.make(name); err != nil {
		return mailsync.Folder{}, fmt.Errorf("create %s: %w", strings.Join(p, "/"), full(err))
	}
	f, err := s.read(ctx, name)
	if err != nil {
		return mailsync.Folder{}, err
	}
	_ = f.Close()
	return s.describe(f), nil
}

func (s *store) make(name string) error {
	dir := path.Dir(name)
	if err := s.root.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := s.root.OpenFile(name, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), uidlist.SyncDir(s.root, dir))
}

// Subscribe implements mailsync.Target: every file is shown, there is nothing to say.
func (s *store) Subscribe(ctx context.Context, _ mailsync.Folder) error { return live(ctx) }

// Select implements mailsync.Target.
func (s *store) Select(ctx context.Context, f mailsync.Folder) (mailsync.Status, error) {
	return s.Examine(ctx, f)
}

// Accepts implements mailsync.Target.
func (s *store) Accepts() mailsync.Accepts {
	return mailsync.Accepts{Flags: systemFlags(), NewKeywords: true, MultiAppend: true}
}

// Move implements mailsync.Target: the format has no way to do it.
func (s *store) Move(context.Context, []mailsync.UID, mailsync.Folder) ([]mailsync.UID, error) {
	return nil, refusal("MOVE", "a message cannot be taken out of an mbox file")
}

// Expunge implements mailsync.Target: the format has no way to do it.
func (s *store) Expunge(context.Context, []mailsync.UID) error {
	return fmt.Errorf("expunge from an mbox file: %w", mailsync.ErrNoUIDPlus)
}

// Append implements mailsync.Target: the batch is written behind the last whole
// message, and cut off again when it cannot be completed.
func (s *store) Append(ctx context.Context, f mailsync.Folder, next func() (*mailsync.Outgoing, error)) (mailsync.Appended, error) {
	var done mailsync.Appended
	first, err := next()
	if err == nil && first == nil {
		return done, nil
	}
	var l *uidlist.List
	if err == nil {
		l, err = s.list(f.Raw).Update(ctx, func(l *uidlist.List) error {
			done.UIDs, err = s.extend(ctx, f.Raw, l, chained(first, next))
			return err
		})
	}
	if err != nil {
		return mailsync.Appended{}, &mailsync.AppendError{Unknown: len(done.UIDs) > 0, Err: fmt.Errorf("append to %s: %w", strings.Join(s.pathOf(f.Raw), "/"), full(err))}
	}
	done.UIDValidity = l.Validity
	return done, nil
}

func chained(first *mailsync.Outgoing, next func() (*mailsync.Outgoing, error)) func() (*mailsync.Outgoing, error) {
	return func() (*mailsync.Outgoing, error) {
		if m := first; m != nil {
			first = nil
			return m, nil
		}
		return next()
	}
}

// extend appends under the locks.
func (s *store) extend(ctx context.Context, name string, l *uidlist.List, next func() (*mailsync.Outgoing, error)) (uids []mailsync.UID, err error) {
	unlock, err := s.dotlock(ctx, name)
	if err != nil {
		return nil, err
	}
	defer unlock()
	seen, err := s.scan(ctx, name, l)
	if err != nil {
		return nil, err
	}
	defer seen.Close()
	w, err := s.root.OpenFile(name, os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	n, err := s.write(ctx, w, seen, next)
	if err == nil {
		err = w.Sync()
	}
	if err != nil {
		return nil, errors.Join(err, w.Truncate(seen.whole), w.Sync())
	}
	return s.number(ctx, w, seen, l, n)
}

// number reads what was appended, as any later run will, and gives it UIDs.
func (s *store) number(ctx context.Context, w *os.File, seen *folder, l *uidlist.List, wrote int) (uids []mailsync.UID, err error) {
	info, err := w.Stat()
	if err != nil {
		return nil, err
	}
	before := len(seen.keys)
	if err := seen.grow(ctx, file{seen.File, info.Size()}, info); err != nil {
		delete(s.seen, seen.name)
		return nil, err
	}
	if got := len(seen.keys) - before; got != wrote {
		return nil, fmt.Errorf("%d messages were written and %d are read back", wrote, got)
	}
	for _, k := range seen.keys[before:] {
		uids = append(uids, l.Add(k, seen.sizes[k]))
	}
	return uids, nil
}

// write appends a batch behind the last whole message.
func (s *store) write(ctx context.Context, w *os.File, seen *folder, next func() (*mailsync.Outgoing, error)) (n int, err error) {
	if err := w.Truncate(seen.whole); err != nil {
		return 0, err
	}
	if _, err := w.Seek(seen.whole, io.SeekStart); err != nil {
		return 0, err
	}
	b := bufio.NewWriterSize(w, 64<<10)
	if seen.whole > 0 {
		// What was cut is the blank line behind the last message too.
		if _, err := b.WriteString("\n"); err != nil {
			return 0, err
		}
	}
	for {
		var m *mailsync.Outgoing
		if err = live(ctx); err == nil {
			m, err = next()
		}
		if err != nil || m == nil {
			return n, errors.Join(err, b.Flush())
		}
		if err := s.message(b, m); err != nil {
			return n, err
		}
		n++
	}
}

// spoolName holds a message until its line ends are known.
const spoolName = ".bascule-spool"

// message writes one message.
func (s *store) message(b *bufio.Writer, m *mailsync.Outgoing) (err error) {
	if err := s.root.Remove(spoolName); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	spool, err := s.root.OpenFile(spoolName, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, spool.Close(), s.root.Remove(spoolName)) }()
	ends := &lineEnds{}
	n, err := io.Copy(io.MultiWriter(spool, ends), io.LimitReader(m.Body, m.Size))
	if err == nil && n != m.Size {
		err = fmt.Errorf("%d octets were announced, %d came: %w", m.Size, n, io.ErrUnexpectedEOF)
	}
	if err == nil {
		_, err = spool.Seek(0, io.SeekStart)
	}
	if err != nil {
		return err
	}
	date := m.Date
	if date.IsZero() {
		date = s.cfg.Clock.Now()
	}
	if _, err := b.WriteString(front(date, note{octets: n, lf: !ends.bare, date: date.Unix()}, m.Flags)); err != nil {
		return err
	}
	q := &quoter{w: b, lf: !ends.bare}
	if err := q.copyFrom(spool); err != nil {
		return err
	}
	end := "\n"
	if !ends.ended && n > 0 {
		end = "\n\n"
	}
	_, err = b.WriteString(end)
	return err
}

// front is what stands before a message: its From_ line and ours.
func front(date time.Time, n note, flags []string) string {
	return "From MAILER-DAEMON " + date.UTC().Format(time.ANSIC) + "\n" + n.String() + "\n" + flagLines(flags)
}

// lineEnds watches for LFs without a CR, and for an LF at the end.
type lineEnds struct {
	cr, bare, ended bool
}

func (l *lineEnds) Write(b []byte) (int, error) {
	for rest := b; ; {
		i := bytes.IndexByte(rest, '\n')
		if i < 0 {
			break
		}
		at := len(b) - len(rest) + i
		l.bare = l.bare || at == 0 && !l.cr || at > 0 && b[at-1] != '\r'
		rest = rest[i+1:]
	}
	if len(b) > 0 {
		l.cr, l.ended = b[len(b)-1] == '\r', b[len(b)-1] == '\n'
	}
	return len(b), nil
}

// dotlock takes the lock that mail programs know: a file that only one can make.
func (s *store) dotlock(ctx context.Context, name string) (unlock func(), err error) {
	lock := name + ".lock"
	for {
		f, err := s.root.OpenFile(lock, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err == nil {
			_ = f.Close()
			return func() { _ = s.root.Remove(lock) }, nil
		}
		if !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
		if info, err := s.root.Lstat(lock); err == nil && info.ModTime().Before(s.cfg.Clock.Now().Add(-staleLock)) {
			_ = s.root.Remove(lock)
			continue
		}
		t := time.NewTimer(lockEvery)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return nil, context.Cause(ctx)
		}
	}
}

const (
	lockEvery = 50 * time.Millisecond
	// staleLock is when a dotlock counts as left behind, as Dovecot has it.
	staleLock = 2 * time.Minute
)

// AddFlags implements mailsync.Target.
func (s *store) AddFlags(ctx context.Context, uids []mailsync.UID, flags []string) error {
	return s.flag(ctx, uids, func(have []string) []string { return append(slices.Clone(have), flags...) })
}

// RemoveFlags implements mailsync.Target.
func (s *store) RemoveFlags(ctx context.Context, uids []mailsync.UID, flags []string) error {
	return s.flag(ctx, uids, func(have []string) []string {
		return slices.DeleteFunc(slices.Clone(have), func(f string) bool {
			return slices.ContainsFunc(flags, func(g string) bool { return strings.EqualFold(f, g) })
		})
	})
}

// flag writes the file anew beside the old one, with other flags, and renames it.
func (s *store) flag(ctx context.Context, uids []mailsync.UID, change func([]string) []string) error {
	if s.open == nil {
		return errors.New("no folder is open")
	}
	name := s.open.name
	_, err := s.list(name).Update(ctx, func(l *uidlist.List) error {
		unlock, err := s.dotlock(ctx, name)
		if err != nil {
			return err
		}
		defer unlock()
		seen, err := s.scan(ctx, name, l)
		if err != nil {
			return err
		}
		defer seen.Close()
		return s.rewrite(seen, uids, change)
	})
	if err != nil {
		return fmt.Errorf("change flags in %s: %w", strings.Join(s.pathOf(name), "/"), full(err))
	}
	return s.refresh(ctx)
}

func (s *store) rewrite(seen *folder, uids []mailsync.UID, change func([]string) []string) error {
	fronts := map[int64]item{}
	for _, uid := range uids {
		e, ok := seen.list.Find(uid)
		if !ok {
			continue
		}
		it := seen.items[e.Key]
		if it.note == nil {
			return refusal("STORE", "the message was not written by bascule: its flags are left to the program that did")
		}
		fronts[it.at] = it
	}
	temp := path.Join(path.Dir(seen.name), "."+path.Base(seen.name)+".new")
	if err := s.root.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	w, err := s.root.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	b := bufio.NewWriterSize(w, 64<<10)
	from := int64(0)
	for _, at := range sorted(fronts) {
		it := fronts[at]
		_, err = io.Copy(b, io.NewSectionReader(seen.File, from, at-from))
		if err == nil {
			_, err = b.WriteString(front(it.date, *it.note, change(it.flags)))
		}
		if err != nil {
			return errors.Join(err, w.Close())
		}
		from = it.start
	}
	_, err = io.Copy(b, io.NewSectionReader(seen.File, from, seen.info.Size()-from))
	if err = errors.Join(err, b.Flush(), w.Sync(), w.Close()); err != nil {
		return err
	}
	if err := s.root.Rename(temp, seen.name); err != nil {
		return err
	}
	return uidlist.SyncDir(s.root, path.Dir(seen.name))
}

func sorted(m map[int64]item) []int64 {
	var out []int64
	for at := range m {
		out = append(out, at)
	}
	slices.Sort(out)
	return out
}
