package mbox

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"bascule/internal/clock"
	"bascule/mailsync"
	"bascule/mailsync/uidlist"
)

// Config is one mailbox in files.
type Config struct {
	// Path is a file, or a directory of files.
	Path string
	// Index is a directory outside of Path where the UIDs of a source are
	// kept. It is made when it is missing. A target keeps them beside its files.
	Index  string
	Clock  clock.Clock
	Random io.Reader
	// ExpectIdentity is what was recorded of the path; another file or
	// directory there is mailsync.ErrIdentity.
	ExpectIdentity *mailsync.Identity
}

// Endpoint is how a path is named where servers have host and port.
func Endpoint(path string) string { return "mbox:" + path }

// store is an open directory. It belongs to one goroutine at a time.
type store struct {
	cfg      Config
	root     *os.Root
	single   string // the one file, where Path is one
	index    *os.Root
	identity mailsync.Identity
	lists    map[string]*uidlist.File
	seen     map[string]*scanned
	open     *folder
}

var _ mailsync.Target = (*store)(nil)

// OpenSource opens files to read them; nothing is written below Path.
func OpenSource(ctx context.Context, cfg Config) (mailsync.Source, error) {
	if cfg.Index == "" {
		return nil, fmt.Errorf("open %s: no place for its UIDs was given", Endpoint(cfg.Path))
	}
	s, err := begin(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", Endpoint(cfg.Path), err)
	}
	return source{s}, nil
}

// source hides what could write.
type source struct{ mailsync.Source }

// OpenTarget opens a directory to write it, and makes it when it is missing.
func OpenTarget(ctx context.Context, cfg Config) (mailsync.Target, error) {
	cfg.Index = ""
	err := os.MkdirAll(cfg.Path, 0o700)
	if err == nil {
		var s *store
		if s, err = begin(ctx, cfg); err == nil {
			return s, nil
		}
	}
	return nil, fmt.Errorf("open %s: %w", Endpoint(cfg.Path), err)
}

func begin(ctx context.Context, cfg Config) (*store, error) {
	if err := live(ctx); err != nil {
		return nil, err
	}
	info, err := os.Stat(cfg.Path)
	if err != nil {
		return nil, err
	}
	s := &store{cfg: cfg, lists: map[string]*uidlist.File{}, seen: map[string]*scanned{}}
	dir := cfg.Path
	if !info.IsDir() {
		dir, s.single = filepath.Split(cfg.Path)
		dir = cmp.Or(dir, ".")
	}
	if s.root, err = os.OpenRoot(dir); err != nil {
		return nil, err
	}
	if err = s.identify(info); err == nil && cfg.Index != "" {
		if err = os.MkdirAll(cfg.Index, 0o700); err == nil {
			s.index, err = os.OpenRoot(cfg.Index)
		}
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *store) identify(info fs.FileInfo) error {
	s.identity = mailsync.Identity{Endpoint: Endpoint(s.cfg.Path), ID: map[string]string{"name": "mbox"}}
	if info.IsDir() { // a file is replaced by every program that writes it
		uidlist.Identify(info, s.identity.ID)
	}
	if want := s.cfg.ExpectIdentity; want != nil && want.ID["inode"] != s.identity.ID["inode"] {
		return fmt.Errorf("%w: another directory is there than the one recorded", mailsync.ErrIdentity)
	}
	return nil
}

func live(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// Identity implements mailsync.Source.
func (s *store) Identity() mailsync.Identity { return s.identity }

// Close implements mailsync.Source.
func (s *store) Close() error {
	s.shut()
	err := s.root.Close()
	if s.index != nil {
		err = errors.Join(err, s.index.Close())
	}
	return err
}

func (s *store) list(name string) *uidlist.File {
	if s.lists[name] == nil {
		f := &uidlist.File{Root: s.root, Name: path.Join(path.Dir(name), "."+path.Base(name)+".uidlist"), Random: s.cfg.Random}
		if s.index != nil {
			sum := sha256.Sum256([]byte(name))
			f.Root, f.Name = s.index, hex.EncodeToString(sum[:16])+".uidlist"
		}
		s.lists[name] = f
	}
	return s.lists[name]
}

// maxDepth bounds directories in directories.
const maxDepth = 32

// files finds the mbox files, and links, which are not followed.
func (s *store) files() (found, foreign []string, err error) {
	if s.single != "" {
		return []string{s.single}, nil, nil
	}
	var walk func(dir string, depth int) error
	walk = func(dir string, depth int) error {
		entries, err := fs.ReadDir(s.root.FS(), dir)
		if err != nil {
			return err
		}
		for _, e := range entries {
			name := path.Join(dir, e.Name())
			switch {
			case strings.HasPrefix(e.Name(), "."):
			case e.Type()&fs.ModeSymlink != 0:
				foreign = append(foreign, name)
			case e.IsDir() && depth < maxDepth:
				if err := walk(name, depth+1); err != nil {
					return err
				}
			case e.Type().IsRegular() && s.isMbox(name):
				found = append(found, name)
			}
		}
		return nil
	}
	err = walk(".", 0)
	return found, foreign, err
}

// isMbox reports whether a file begins like one. An empty one counts when its
// name says so.
func (s *store) isMbox(name string) bool {
	f, err := s.root.Open(name)
	if err != nil {
		return false
	}
	defer f.Close()
	b := make([]byte, 5)
	n, _ := io.ReadFull(f, b)
	return bytes.Equal(b, []byte("From ")) || n == 0 && strings.HasSuffix(name, ".mbox")
}

// pathOf is the folder of a file.
func (s *store) pathOf(name string) []string {
	if s.single != "" {
		return []string{"INBOX"}
	}
	parts := strings.Split(name, "/")
	for i, p := range parts {
		p = strings.TrimSuffix(strings.TrimSuffix(p, ".sbd"), ".mbox")
		if text, err := url.PathUnescape(p); err == nil {
			p = text
		}
		parts[i] = cmp.Or(strings.ToValidUTF8(p, "\uFFFD"), "_")
	}
	if len(parts) > 1 && parts[len(parts)-1] == "mbox" && strings.HasSuffix(path.Dir(name), ".mbox") {
		parts = parts[:len(parts)-1] // Apple Mail: NAME.mbox/mbox
	}
	if len(parts) == 1 && strings.EqualFold(parts[0], "INBOX") {
		return []string{"INBOX"}
	}
	return parts
}

// List implements mailsync.Source.
func (s *store) List(ctx context.Context) (mailsync.Listing, error) {
	var l mailsync.Listing
	files, foreign, err := s.files()
	if err != nil {
		return l, fmt.Errorf("list %s: %w", s.identity.Endpoint, err)
	}
	l.Foreign = foreign
	seen := map[string]bool{}
	for _, name := range files {
		f, err := s.read(ctx, name)
		if err != nil {
			return l, err
		}
		_ = f.Close()
		x := s.describe(f)
		if key := strings.Join(x.Path, "\x00"); seen[key] {
			x.Path = []string{strings.ReplaceAll(name, "/", "_")} // two spellings of one name
		} else {
			seen[key] = true
		}
		l.Folders = append(l.Folders, x)
	}
	return l, nil
}

func (s *store) describe(f *folder) mailsync.Folder {
	st := f.status()
	return mailsync.Folder{Path: s.pathOf(f.name), Raw: f.name, Delim: '/', Selectable: true, Subscribed: true, Status: &st}
}

// folder is an open file and what was found in it.
type folder struct {
	*os.File
	*scanned
	name string
	list *uidlist.List
}

func (f *folder) status() mailsync.Status {
	return mailsync.Status{UIDValidity: f.list.Validity, UIDNext: f.list.Next, Messages: uint32(len(f.list.Entries))}
}

// read scans a file and gives new messages their UIDs.
func (s *store) read(ctx context.Context, name string) (*folder, error) {
	if err := live(ctx); err != nil {
		return nil, err
	}
	var f *folder
	_, err := s.list(name).Update(ctx, func(l *uidlist.List) (err error) {
		f, err = s.scan(ctx, name, l)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read folder %s of %s: %w", strings.Join(s.pathOf(name), "/"), s.identity.Endpoint, err)
	}
	return f, nil
}

// scan reads a file to its end under the lock of its list.
func (s *store) scan(ctx context.Context, name string, l *uidlist.List) (*folder, error) {
	info, err := s.root.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%w: not a regular file", mailsync.ErrNoFolder)
	}
	in, err := s.root.Open(name)
	if err != nil {
		return nil, err
	}
	seen := s.seen[name]
	if seen == nil || !seen.is(info) {
		seen = newScanned()
		if err := seen.grow(ctx, file{in, info.Size()}, info); err != nil {
			return nil, errors.Join(err, in.Close())
		}
		s.seen[name] = seen
	}
	l.Reconcile(seen.keys)
	return &folder{File: in, scanned: seen, name: name, list: l}, nil
}

// shut ends the open folder.
func (s *store) shut() {
	if s.open != nil {
		_ = s.open.Close()
	}
	s.open = nil
}

// Examine implements mailsync.Source.
func (s *store) Examine(ctx context.Context, f mailsync.Folder) (mailsync.Status, error) {
	s.shut()
	info, err := s.root.Lstat(f.Raw)
	if err != nil || !info.Mode().IsRegular() || s.single != "" && f.Raw != s.single {
		return mailsync.Status{}, fmt.Errorf("open %q: %w", f.Raw, mailsync.ErrNoFolder)
	}
	if s.open, err = s.read(ctx, f.Raw); err != nil {
		return mailsync.Status{}, err
	}
	return s.open.status(), nil
}

// refresh scans the open file again when it changed.
func (s *store) refresh(ctx context.Context) error {
	if s.open == nil {
		return errors.New("no folder is open")
	}
	if err := live(ctx); err != nil {
		return err
	}
	info, err := s.root.Lstat(s.open.name)
	if err != nil || s.open.is(info) {
		return err
	}
	f, err := s.read(ctx, s.open.name)
	if err == nil {
		s.shut()
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
	for _, e := range slices.Clone(s.open.list.Entries) {
		if err := fn(s.open.meta(e)); err != nil {
			return err
		}
	}
	return nil
}

func (f *folder) meta(e uidlist.Entry) mailsync.Meta {
	it := f.items[e.Key]
	return mailsync.Meta{UID: e.UID, Size: f.sizes[e.Key], Date: it.date, Flags: slices.Clone(it.flags)}
}

// Fetch implements mailsync.Source.
func (s *store) Fetch(ctx context.Context, uids []mailsync.UID, fn func(m mailsync.Meta, octets int64, body io.Reader) error) (missing []mailsync.UID, err error) {
	if err := s.refresh(ctx); err != nil {
		return nil, err
	}
	all := file{s.open.File, s.open.info.Size()}
	for _, uid := range uids {
		if err := live(ctx); err != nil {
			return nil, err
		}
		e, ok := s.open.list.Find(uid)
		if !ok {
			missing = append(missing, uid)
			continue
		}
		m := s.open.meta(*e)
		if err := fn(m, m.Size, io.LimitReader(all.read(s.open.items[e.Key]), m.Size)); err != nil {
			return missing, err
		}
	}
	return missing, nil
}
