package local

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"bascule/internal/clock"
)

// The guard is held for a few milliseconds at a time. Who waits longer than
// guardPatience waits for a process that was stopped, and says so instead.
const (
	guardPatience = 20 * time.Second
	guardPause    = 5 * time.Millisecond
)

// guarded runs f while nobody else changes the files of this directory. The
// kernel releases the guard when its holder dies.
func (s *Store) guarded(f func() error) error {
	s.files.Lock()
	defer s.files.Unlock()
	if err := os.MkdirAll(filepath.Join(s.dir, private), 0o700); err != nil {
		return err
	}
	g, err := patiently(s.privatePath("guard"))
	if err != nil {
		return fmt.Errorf("guard %s: %w", s.dir, err)
	}
	defer closeQuietly(g)
	return f()
}

func patiently(path string) (*os.File, error) {
	began := clock.Monotonic()
	for {
		f, err := flock(path)
		if err == nil || !isBusy(err) || clock.Monotonic().Sub(began) > guardPatience {
			return f, err
		}
		time.Sleep(guardPause)
	}
}

// closeQuietly lets a flock go; there is nothing to lose in closing it.
func closeQuietly(f *os.File) {
	if f != nil {
		_ = f.Close()
	}
}
