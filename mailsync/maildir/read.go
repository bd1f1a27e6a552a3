package maildir

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"bascule/mailsync"
	"bascule/mailsync/uidlist"
)

// folder is the open folder as it was when it was last read.
type folder struct {
	dir   string
	list  *uidlist.List
	files map[string]string // base name → "cur/NAME" or "new/NAME"
	words keywords
}

// List implements mailsync.Source.
func (s *store) List(ctx context.Context) (mailsync.Listing, error) {
	var l mailsync.Listing
	subscribed, err := s.subscriptions()
	if err != nil {
		return l, fmt.Errorf("list %s: %w", s.identity.Endpoint, err)
	}
	dirs, foreign, err := s.directories()
	if err != nil {
		return l, fmt.Errorf("list %s: %w", s.identity.Endpoint, err)
	}
	l.Foreign = foreign
	seen := map[string]bool{}
	for _, dir := range dirs {
		f, err := s.read(ctx, dir)
		if err != nil {
			return l, err
		}
		st := f.status()
		x := mailsync.Folder{Path: pathOf(dir), Raw: dir, Delim: '.', Selectable: true, Status: &st, Subscribed: subscribed[dir]}
		if key := strings.Join(x.Path, "\x00"); seen[key] {
			x.Path = []string{readable(dir)} // two spellings of one name
		} else {
			seen[key] = true
		}
		l.Folders = append(l.Folders, x)
	}
	return l, nil
}

// directories are the folders, and the links that are not followed.
func (s *store) directories() (dirs, foreign []string, err error) {
	entries, err := s.entries(".")
	if err != nil {
		return nil, nil, err
	}
	dirs = []string{"."}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") {
			continue
		}
		if e.Type()&fs.ModeSymlink != 0 {
			foreign = append(foreign, e.Name())
			continue
		}
		if info, err := s.root.Lstat(path.Join(e.Name(), "cur")); e.IsDir() && err == nil && info.IsDir() {
			dirs = append(dirs, e.Name())
		}
	}
	slices.Sort(dirs[1:])
	return dirs, foreign, nil
}

func (s *store) entries(dir string) ([]fs.DirEntry, error) {
	d, err := s.root.Open(dir)
	if err != nil {
		return nil, err
	}
	all, err := d.ReadDir(-1)
	return all, errors.Join(err, d.Close())
}

// Examine implements mailsync.Source.
func (s *store) Examine(ctx context.Context, f mailsync.Folder) (mailsync.Status, error) {
	s.open = nil
	dir := f.Raw
	if dir != "." && (!strings.HasPrefix(dir, ".") || strings.ContainsAny(dir, "/\x00") || dir == "..") {
		return mailsync.Status{}, fmt.Errorf("open %q: %w", dir, mailsync.ErrNoFolder)
	}
	if info, err := s.root.Lstat(path.Join(dir, "cur")); err != nil || !info.IsDir() {
		return mailsync.Status{}, fmt.Errorf("open %q: %w", dir, mailsync.ErrNoFolder)
	}
	open, err := s.read(ctx, dir)
	if err != nil {
		return mailsync.Status{}, err
	}
	s.open = open
	return open.status(), nil
}

func (f *folder) status() mailsync.Status {
	return mailsync.Status{UIDValidity: f.list.Validity, UIDNext: f.list.Next, Messages: uint32(len(f.list.Entries))}
}

// read looks at a folder's directory and gives new messages their UIDs.
func (s *store) read(ctx context.Context, dir string) (*folder, error) {
	if err := live(ctx); err != nil {
		return nil, err
	}
	f := &folder{dir: dir}
	var err error
	f.list, err = s.list(dir).Update(ctx, func(l *uidlist.List) error {
		if f.files, err = s.files(dir); err != nil {
			return err
		}
		l.Reconcile(inOrder(f.files))
		return nil
	})
	if err == nil {
		f.words, err = s.keywords(dir)
	}
	if err != nil {
		return nil, fmt.Errorf("read folder %s of %s: %w", strings.Join(pathOf(dir), "/"), s.identity.Endpoint, err)
	}
	return f, nil
}

func (s *store) keywords(dir string) (keywords, error) {
	b, err := small(s.root, path.Join(dir, keywordFile))
	return parseKeywords(b), err
}

// files finds the messages of a folder. A program that renames one while the
// directory is read may hide it: what new and cur show is read until twice
// the same, or three times.
func (s *store) files(dir string) (map[string]string, error) {
	var last map[string]string
	for range 3 {
		now := map[string]string{}
		for _, sub := range []string{"new", "cur"} {
			entries, err := s.entries(path.Join(dir, sub))
			if err != nil {
				return nil, err
			}
			for _, e := range entries {
				if base, _ := split(e.Name()); regular(e) {
					now[base] = sub + "/" + e.Name()
				}
			}
		}
		if last != nil && sameKeys(last, now) {
			return now, nil
		}
		last = now
	}
	return last, nil
}

func sameKeys(a, b map[string]string) bool {
	for k := range a {
		if _, ok := b[k]; !ok {
			return false
		}
	}
	return len(a) == len(b)
}

// inOrder sorts by the time of delivery that a name begins with.
func inOrder(files map[string]string) []string {
	keys := make([]string, 0, len(files))
	for k := range files {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b string) int { return cmp.Or(cmp.Compare(seconds(a), seconds(b)), strings.Compare(a, b)) })
	return keys
}

func seconds(base string) uint64 {
	digits, _, _ := strings.Cut(base, ".")
	n, _ := strconv.ParseUint(digits, 10, 64)
	return n
}

// refresh reads the open folder again.
func (s *store) refresh(ctx context.Context) error {
	if s.open == nil {
		return errors.New("no folder is open")
	}
	f, err := s.read(ctx, s.open.dir)
	if err == nil {
		s.open = f
	}
	return err
}

// UIDs implements mailsync.Source.
func (s *store) UIDs(ctx context.Context) ([]mailsync.UID, error) {
	if err := s.refresh(ctx); err != nil {
		return nil, err
	}
	var out []mailsync.UID
	for _, e := range s.open.list.Entries {
		out = append(out, e.UID)
	}
	return out, nil
}

// Scan implements mailsync.Source. There are no mod-sequences.
func (s *store) Scan(ctx context.Context, _ uint64, fn func(mailsync.Meta) error) error {
	if err := s.refresh(ctx); err != nil {
		return err
	}
	if err := s.measure(ctx); err != nil {
		return err
	}
	for _, e := range slices.Clone(s.open.list.Entries) {
		m, err := s.meta(e)
		if errors.Is(err, fs.ErrNotExist) {
			continue // gone meanwhile
		}
		if err != nil {
			return err
		}
		if err := fn(m); err != nil {
			return err
		}
	}
	return nil
}

// meta describes a message of the open folder.
func (s *store) meta(e uidlist.Entry) (mailsync.Meta, error) {
	file, ok := s.open.files[e.Key]
	if !ok {
		return mailsync.Meta{}, fs.ErrNotExist
	}
	info, err := s.root.Lstat(path.Join(s.open.dir, file))
	if err != nil {
		return mailsync.Meta{}, err
	}
	_, letters := split(file)
	return mailsync.Meta{UID: e.UID, Size: e.Size, Date: info.ModTime(), Flags: s.open.words.flags(letters)}, nil
}

// measure counts the octets of messages whose names do not tell, once each.
func (s *store) measure(ctx context.Context) error {
	sizes := map[mailsync.UID]int64{}
	for _, e := range s.open.list.Entries {
		if e.Size != uidlist.Unmeasured {
			continue
		}
		if err := live(ctx); err != nil {
			return err
		}
		size, err := s.size(e.Key)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("read message %d of %s: %w", e.UID, strings.Join(pathOf(s.open.dir), "/"), err)
		}
		sizes[e.UID] = size
	}
	if len(sizes) == 0 {
		return nil
	}
	l, err := s.list(s.open.dir).Update(ctx, func(l *uidlist.List) error {
		for uid, size := range sizes {
			l.SetSize(uid, size)
		}
		return nil
	})
	if err == nil {
		s.open.list = l
	}
	return err
}

// size is what a message has when it is read: the W field of Dovecot, or counted.
func (s *store) size(base string) (int64, error) {
	if w, ok := field(base, "W"); ok {
		if n, err := strconv.ParseInt(w, 10, 64); err == nil && n >= 0 {
			return n, nil
		}
	}
	f, err := s.openMessage(base)
	if err != nil {
		return 0, err
	}
	n, err := f.octets()
	return n, errors.Join(err, f.Close())
}

// message is an open file.
type message struct {
	*os.File
	exact bool
	info  fs.FileInfo
}

// openMessage opens a file of the open folder; a name that changed meanwhile
// is looked for once.
func (s *store) openMessage(base string) (*message, error) {
	m, err := s.tryOpen(base)
	if errors.Is(err, fs.ErrNotExist) {
		files, e := s.files(s.open.dir)
		if e != nil {
			return nil, e
		}
		s.open.files = files
		m, err = s.tryOpen(base)
	}
	return m, err
}

func (s *store) tryOpen(base string) (*message, error) {
	file, ok := s.open.files[base]
	if !ok {
		return nil, fs.ErrNotExist
	}
	name := path.Join(s.open.dir, file)
	info, err := s.root.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fs.ErrNotExist
	}
	f, err := s.root.Open(name)
	if err != nil {
		return nil, err
	}
	_, exact := field(base, exactField)
	return &message{f, exact, info}, nil
}

// octets counts what body yields, and rewinds.
func (m *message) octets() (int64, error) {
	if m.exact {
		return m.info.Size(), nil
	}
	n, err := io.Copy(io.Discard, m.body())
	if err == nil {
		_, err = m.Seek(0, io.SeekStart)
	}
	return n, err
}

func (m *message) body() io.Reader {
	if m.exact {
		return m.File
	}
	return newCRLF(m.File)
}

// Fetch implements mailsync.Source.
func (s *store) Fetch(ctx context.Context, uids []mailsync.UID, fn func(m mailsync.Meta, octets int64, body io.Reader) error) (missing []mailsync.UID, err error) {
	if s.open == nil {
		return nil, errors.New("no folder is open")
	}
	for _, uid := range uids {
		if err := live(ctx); err != nil {
			return nil, err
		}
		e, ok := s.open.list.Find(uid)
		if !ok {
			missing = append(missing, uid)
			continue
		}
		err := s.fetch(*e, fn)
		if errors.Is(err, errGone) {
			missing = append(missing, uid)
			continue
		}
		if err != nil {
			return missing, err
		}
	}
	return missing, nil
}

// errGone: the message is not there, or cannot be read.
var errGone = errors.New("message cannot be read")

func (s *store) fetch(e uidlist.Entry, fn func(m mailsync.Meta, octets int64, body io.Reader) error) error {
	f, err := s.openMessage(e.Key)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return errGone
	}
	if err != nil {
		return err
	}
	defer f.Close()
	n, err := f.octets()
	if err != nil {
		return err
	}
	m, err := s.meta(e)
	if errors.Is(err, fs.ErrNotExist) {
		return errGone
	}
	if err != nil {
		return err
	}
	m.Size = n
	return fn(m, n, io.LimitReader(f.body(), n))
}
