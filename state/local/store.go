package local

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"bascule/internal/atomicfile"
	"bascule/internal/clock"
	"bascule/state"
)

const (
	stateName = "bascule.state.json"
	lockName  = "bascule.state.lock"
	private   = ".bascule"
)

// Lease is how long a lock outlives its holder's last sign of life; Renew how
// often a sign is given.
const (
	Lease = 90 * time.Second
	Renew = 30 * time.Second
)

// Options are what a store uses of the world. Zero fields get the real thing.
type Options struct {
	// Clock dates versions and leases.
	Clock clock.Clock
	// Tool is written into every version: "bascule 1.2.0".
	Tool string
	// Rand makes lock identifiers.
	Rand io.Reader
	// Renew is the time between two renewals of the lease.
	Renew time.Duration
}

// Store implements state.Store in a directory. It is safe for use by several
// goroutines, but holds at most one lock.
type Store struct {
	dir string
	opt Options

	mu   sync.Mutex
	held *lock
	// files serialises the goroutines of this process as the guard does
	// processes.
	files sync.Mutex
}

var _ state.Store = (*Store)(nil)

// New returns the store of a directory. It touches nothing.
func New(dir string, opt Options) *Store {
	if opt.Clock == nil {
		opt.Clock = clock.Real{}
	}
	if opt.Rand == nil {
		opt.Rand = rand.Reader
	}
	if opt.Renew == 0 {
		opt.Renew = Renew
	}
	return &Store{dir: dir, opt: opt}
}

// Path returns the name of the state file.
func (s *Store) Path() string { return filepath.Join(s.dir, stateName) }

func (s *Store) lockPath() string            { return filepath.Join(s.dir, lockName) }
func (s *Store) privatePath(n string) string { return filepath.Join(s.dir, private, n) }

// Load implements state.Store. A state file that is gone while its history is
// there is not "nothing yet": something removed it.
func (s *Store) Load(ctx context.Context) (*state.State, error) {
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	data, err := readRegular(s.Path(), state.MaxSize)
	if os.IsNotExist(err) {
		if err := s.missing(); err != nil {
			return nil, err
		}
		// The first save came between our looks at the file and its history.
		data, err = readRegular(s.Path(), state.MaxSize)
	}
	if err != nil {
		return nil, fmt.Errorf("load state: %w", err)
	}
	got, err := state.Decode(data)
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", s.Path(), err)
	}
	return got, nil
}

// missing says what it means that there is no state file; nil if there is one
// after all.
func (s *Store) missing() error {
	serials, err := s.serials()
	if err != nil {
		return fmt.Errorf("load state: %w", err)
	}
	if len(serials) == 0 {
		return state.ErrNoState
	}
	if _, err := os.Lstat(s.Path()); err == nil {
		return nil
	}
	return fmt.Errorf("load state: %w: %s is gone, and %d versions of it are kept; bring one back with `bascule state restore %d`, or remove %s to begin again",
		state.ErrCorrupt, s.Path(), len(serials), serials[0], s.privatePath("history"))
}

// Save implements state.Store.
func (s *Store) Save(ctx context.Context, next *state.State) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("save state: %w", context.Cause(ctx))
	}
	err := s.asHolder(func() error {
		stored, err := s.Load(ctx)
		if err != nil && !errors.Is(err, state.ErrNoState) {
			return err
		}
		if err := descends(next, stored); err != nil {
			return err
		}
		if err := s.adopt(stored); err != nil {
			return err
		}
		return s.write(next, next.Serial+1)
	})
	if err != nil {
		return fmt.Errorf("save state: %w", err)
	}
	return nil
}

// adopt takes a version into the history that came here without one, such as
// a state file copied from another machine.
func (s *Store) adopt(stored *state.State) error {
	if stored == nil {
		return nil
	}
	if _, err := os.Lstat(s.versionPath(stored.Serial)); !os.IsNotExist(err) {
		return err
	}
	data, err := state.Encode(stored)
	if err != nil {
		return err
	}
	return s.keep(stored.Serial, data)
}

// descends refuses to write over what the caller has not seen. stored is nil
// when there is nothing.
func descends(next, stored *state.State) error {
	switch {
	case stored == nil && next.Serial == 0:
		return nil
	case stored == nil:
		return fmt.Errorf("%w: serial %d was loaded, and nothing is stored any more", state.ErrStale, next.Serial)
	case stored.Lineage != next.Lineage:
		return fmt.Errorf("%w: lineage %q is stored, and this is lineage %q, another migration", state.ErrStale, stored.Lineage, next.Lineage)
	case stored.Serial != next.Serial:
		return fmt.Errorf("%w: serial %d was loaded, and serial %d is stored; run it again", state.ErrStale, next.Serial, stored.Serial)
	}
	return nil
}

// write makes next the present state under a serial. A failure leaves next and
// the present state as they were.
func (s *Store) write(next *state.State, serial uint64) error {
	copied := *next
	copied.FormatVersion, copied.Serial, copied.Updated = state.FormatVersion, serial, s.opt.Clock.Now()
	if s.opt.Tool != "" {
		copied.Tool = s.opt.Tool
	}
	data, err := state.Encode(&copied)
	if err != nil {
		return err
	}
	if err := s.put(serial, data); err != nil {
		return err
	}
	*next = copied
	return nil
}

// put writes the history first, so that what is present is always kept too;
// but the very first version after the state, since a history without a state
// means that the state was taken away.
func (s *Store) put(serial uint64, data []byte) error {
	if serial == 1 {
		if err := atomicfile.Write(s.Path(), data, 0o600); err != nil {
			return err
		}
		return s.keep(serial, data)
	}
	if err := s.keep(serial, data); err != nil {
		return err
	}
	return atomicfile.Write(s.Path(), data, 0o600)
}

// openTries bounds the tries to open a file that is being replaced meanwhile.
const openTries = 100

// readRegular reads a file that must be what it looks like: no symbolic link,
// no device, no more octets than limit.
func readRegular(path string, limit int64) ([]byte, error) {
	f, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		return nil, fmt.Errorf("%s is larger than %d octets", path, limit)
	}
	return data, err
}

func openRegular(path string) (*os.File, error) {
	for range openTries {
		seen, err := os.Lstat(path)
		if err != nil {
			return nil, err
		}
		if !seen.Mode().IsRegular() {
			return nil, fmt.Errorf("%s is not a regular file (%s): a symbolic link or device in its place is refused", path, seen.Mode().Type())
		}
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		if opened, err := f.Stat(); err == nil && os.SameFile(seen, opened) {
			return f, nil
		}
		// A writer renamed a new version into place between the two looks.
		closeQuietly(f)
	}
	return nil, fmt.Errorf("%s is replaced again and again while it is opened", path)
}
