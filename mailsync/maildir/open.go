package maildir

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"bascule/internal/clock"
	"bascule/mailsync"
	"bascule/mailsync/uidlist"
)

// Config is one mailbox in a directory.
type Config struct {
	// Path is the directory that holds cur, new and tmp of INBOX.
	Path string
	// Index is a directory outside of Path where the UIDs of a source are
	// kept. It is made when it is missing. A target keeps them in its folders.
	Index string
	Clock clock.Clock
	// Random draws UIDVALIDITYs and makes file names unique.
	Random io.Reader
	// Host and PID stand in the names of new files.
	Host string
	PID  int
	// ExpectIdentity is what was recorded of the directory; another one is
	// mailsync.ErrIdentity.
	ExpectIdentity *mailsync.Identity
}

// Endpoint is how a directory is named where servers have host and port.
func Endpoint(path string) string { return "maildir:" + path }

// store is an open Maildir. It belongs to one goroutine at a time.
type store struct {
	cfg      Config
	root     *os.Root
	index    *os.Root // nil: the lists lie in the folders
	identity mailsync.Identity
	lists    map[string]*uidlist.File
	open     *folder
	written  int // counts names
}

var _ mailsync.Target = (*store)(nil)

// OpenSource opens a Maildir to read it; nothing is written below its path.
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

// OpenTarget opens a Maildir to write it, and makes one in a directory that is
// missing or empty.
func OpenTarget(ctx context.Context, cfg Config) (mailsync.Target, error) {
	cfg.Index = ""
	err := prepare(cfg.Path)
	if err == nil {
		var s *store
		if s, err = begin(ctx, cfg); err == nil {
			s.sweep()
			return s, nil
		}
	}
	return nil, fmt.Errorf("open %s: %w", Endpoint(cfg.Path), err)
}

// prepare makes a Maildir where there is nothing; what holds anything else is
// left alone.
func prepare(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	if len(entries) > 0 && !isMaildir(dir) && !begun(entries) {
		return errors.New("the directory is not empty and not a Maildir (no cur and new in it)")
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	return makeFolder(root, ".")
}

// begun reports whether all there is are parts of a Maildir.
func begun(entries []fs.DirEntry) bool {
	for _, e := range entries {
		if !e.IsDir() || (e.Name() != "tmp" && e.Name() != "new" && e.Name() != "cur") {
			return false
		}
	}
	return true
}

func isMaildir(dir string) bool {
	for _, sub := range []string{"cur", "new"} {
		if info, err := os.Lstat(filepath.Join(dir, sub)); err != nil || !info.IsDir() {
			return false
		}
	}
	return true
}

// makeFolder makes tmp, new and cur; cur comes last, since it makes a folder of
// a directory.
func makeFolder(root *os.Root, dir string) error {
	for _, sub := range []string{"", "tmp", "new", "cur"} {
		if err := root.Mkdir(path.Join(dir, sub), 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	if err := uidlist.SyncDir(root, dir); err != nil {
		return err
	}
	return uidlist.SyncDir(root, ".")
}

func begin(ctx context.Context, cfg Config) (*store, error) {
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	if !isMaildir(cfg.Path) {
		if _, err := os.Stat(cfg.Path); err != nil {
			return nil, err
		}
		return nil, errors.New("not a Maildir: there is no cur and new in it")
	}
	root, err := os.OpenRoot(cfg.Path)
	if err != nil {
		return nil, err
	}
	s := &store{cfg: cfg, root: root, lists: map[string]*uidlist.File{}}
	if err = s.identify(); err == nil {
		err = s.openIndex()
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *store) identify() error {
	info, err := s.root.Stat(".")
	if err != nil {
		return err
	}
	s.identity = mailsync.Identity{Endpoint: Endpoint(s.cfg.Path), ID: map[string]string{"name": "maildir"}}
	uidlist.Identify(info, s.identity.ID)
	if want := s.cfg.ExpectIdentity; want != nil && want.ID["inode"] != s.identity.ID["inode"] {
		return fmt.Errorf("%w: another directory is there than the one recorded", mailsync.ErrIdentity)
	}
	return nil
}

func (s *store) openIndex() (err error) {
	if s.cfg.Index == "" {
		return nil
	}
	if err := os.MkdirAll(s.cfg.Index, 0o700); err != nil {
		return err
	}
	s.index, err = os.OpenRoot(s.cfg.Index)
	return err
}

// list is the UID list of a folder's directory.
func (s *store) list(dir string) *uidlist.File {
	if s.lists[dir] == nil {
		f := &uidlist.File{Root: s.root, Name: path.Join(dir, ".bascule-uidlist"), Random: s.cfg.Random}
		if s.index != nil {
			sum := sha256.Sum256([]byte(dir))
			f.Root, f.Name = s.index, hex.EncodeToString(sum[:16])+".uidlist"
		}
		s.lists[dir] = f
	}
	return s.lists[dir]
}

// Identity implements mailsync.Source.
func (s *store) Identity() mailsync.Identity { return s.identity }

// Close implements mailsync.Source.
func (s *store) Close() error {
	err := s.root.Close()
	if s.index != nil {
		err = errors.Join(err, s.index.Close())
	}
	return err
}

// live returns the cause of a context that has ended.
func live(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// regular reports whether a directory entry is a message: no link, no pipe.
func regular(e fs.DirEntry) bool { return e.Type().IsRegular() && !strings.HasPrefix(e.Name(), ".") }
