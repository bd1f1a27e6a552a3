package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"bascule/internal/atomicfile"
	"bascule/state"
)

// Kept is how many versions the history holds whatever they are. Beyond them
// the last version of each revision stays: passes and heartbeats write a
// version every few minutes, and a day of them must not push out the one from
// before a change. KeptRevisions bounds it all.
const (
	Kept          = 50
	KeptRevisions = 500
)

func (s *Store) versionPath(serial uint64) string {
	return s.privatePath(filepath.Join("history", strconv.FormatUint(serial, 10)+".json"))
}

// keep writes a version into the history and thins out what lies beyond Kept.
func (s *Store) keep(serial uint64, data []byte) error {
	if err := os.MkdirAll(s.privatePath("history"), 0o700); err != nil {
		return fmt.Errorf("keep version %d: %w", serial, err)
	}
	if err := atomicfile.Write(s.versionPath(serial), data, 0o600); err != nil {
		return fmt.Errorf("keep version %d: %w", serial, err)
	}
	serials, err := s.serials()
	if err != nil {
		return err
	}
	// A version that cannot be removed is one too many, no reason to stop.
	if len(serials) > Kept && !s.endsRevision(serials[Kept], serials[Kept-1]) {
		_ = os.Remove(s.versionPath(serials[Kept]))
	}
	for _, old := range serials[min(len(serials), Kept+KeptRevisions):] {
		_ = os.Remove(s.versionPath(old))
	}
	return nil
}

// endsRevision reports whether a version is the last of its revision, given
// the next newer one. What cannot be read tells nothing, and goes.
func (s *Store) endsRevision(serial, newer uint64) bool {
	v, err := s.version(serial)
	if err != nil {
		return false
	}
	next, err := s.version(newer)
	return err == nil && next.Revision != v.Revision
}

// serials returns what the history holds, newest first.
func (s *Store) serials() ([]uint64, error) {
	entries, err := os.ReadDir(s.privatePath("history"))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list history: %w", err)
	}
	var serials []uint64
	for _, e := range entries {
		name, isJSON := strings.CutSuffix(e.Name(), ".json")
		if serial, err := strconv.ParseUint(name, 10, 64); err == nil && isJSON {
			serials = append(serials, serial)
		}
	}
	slices.Sort(serials)
	slices.Reverse(serials)
	return serials, nil
}

// History implements state.Store. Versions that cannot be read are left out:
// they cannot be restored either.
func (s *Store) History(ctx context.Context) ([]state.Version, error) {
	serials, err := s.serials()
	if err != nil {
		return nil, err
	}
	present, presentErr := s.Load(ctx)
	var out []state.Version
	for _, serial := range serials {
		if presentErr == nil && serial >= present.Serial {
			continue
		}
		v, err := s.version(serial)
		if err != nil {
			continue
		}
		out = append(out, state.Version{Serial: v.Serial, Revision: v.Revision, Updated: v.Updated, Tool: v.Tool})
	}
	return out, ctx.Err()
}

func (s *Store) version(serial uint64) (*state.State, error) {
	data, err := readRegular(s.versionPath(serial), state.MaxSize)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("serial %d is not in the history; `bascule state history` lists what is", serial)
	}
	if err != nil {
		return nil, err
	}
	return state.Decode(data)
}

// Restore implements state.Store. It needs the lock. Serial and revision rise
// above all that was ever written, so that no plan made since goes on as if
// nothing had happened. A present state that cannot be read is set aside.
func (s *Store) Restore(ctx context.Context, serial uint64) (*state.State, error) {
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	var restored *state.State
	err := s.asHolder(func() error {
		old, err := s.version(serial)
		if err != nil {
			return err
		}
		last, err := s.last(ctx, old)
		if err != nil {
			return err
		}
		old.Revision = max(old.Revision, last.Revision) + 1
		old.AddEvent(s.opt.Clock.Now(), "state.restore", "", fmt.Sprintf("serial %d was brought back", serial))
		restored = old
		return s.write(old, last.Serial+1)
	})
	if err != nil {
		return nil, fmt.Errorf("restore serial %d: %w", serial, err)
	}
	return restored, nil
}

// last returns the highest serial and revision in use. Another migration's
// state in the same place is not ours to replace.
func (s *Store) last(ctx context.Context, old *state.State) (state.Version, error) {
	present, err := s.Load(ctx)
	if err == nil {
		if present.Lineage != old.Lineage {
			return state.Version{}, fmt.Errorf("%w: lineage %q is stored, and this version is of lineage %q", state.ErrStale, present.Lineage, old.Lineage)
		}
		return state.Version{Serial: present.Serial, Revision: present.Revision}, nil
	}
	if !errors.Is(err, state.ErrCorrupt) && !errors.Is(err, state.ErrNewer) {
		return state.Version{}, err
	}
	return s.lastKept()
}

func (s *Store) lastKept() (state.Version, error) {
	serials, err := s.serials()
	if err != nil {
		return state.Version{}, err
	}
	last := state.Version{Serial: serials[0]}
	for _, serial := range serials {
		if v, err := s.version(serial); err == nil {
			last.Revision = max(last.Revision, v.Revision)
		}
	}
	return last, s.setAside(last.Serial + 1)
}

// setAside keeps the octets of an unreadable state for whoever wants to look.
func (s *Store) setAside(serial uint64) error {
	err := os.Rename(s.Path(), s.privatePath(fmt.Sprintf("unreadable-before-%d.json", serial)))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}
