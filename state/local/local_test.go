package local_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bascule/internal/clock"
	"bascule/state"
	"bascule/state/local"
	"bascule/state/statetest"
)

func TestContract(t *testing.T) {
	statetest.Run(t, func(t *testing.T) statetest.Opener {
		dir := t.TempDir()
		return func(c clock.Clock) state.Store { return local.New(dir, local.Options{Clock: c, Tool: "test"}) }
	})
}

func store(dir string) *local.Store {
	return local.New(dir, local.Options{Clock: clock.NewVirtual(statetest.Start()), Tool: "test"})
}

// saved returns a directory with n versions of a state, and its last version.
func saved(t *testing.T, n int) (string, *state.State) {
	t.Helper()
	dir := t.TempDir()
	s := store(dir)
	ctx, unlock, err := s.Lock(t.Context(), state.Holder{Who: "test"})
	if err != nil {
		t.Fatal(err)
	}
	v := state.New("lineage", "test", statetest.Start())
	for range n {
		v.Revision++
		if err := s.Save(ctx, v); err != nil {
			t.Fatal(err)
		}
	}
	if err := unlock(); err != nil {
		t.Fatal(err)
	}
	return dir, v
}

func mustLock(t *testing.T, s *local.Store) context.Context {
	t.Helper()
	ctx, unlock, err := s.Lock(t.Context(), state.Holder{Who: "test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unlock() })
	return ctx
}

func TestFilesAreForTheirOwnerOnly(t *testing.T) {
	dir, _ := saved(t, 2)
	mustLock(t, store(dir))
	for _, name := range []string{"bascule.state.json", "bascule.state.lock", ".bascule/history/1.json"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
}

func TestLoadingWritesNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "not-there-yet")
	s := store(dir)
	if _, err := s.Load(t.Context()); !errors.Is(err, state.ErrNoState) {
		t.Error(err)
	}
	if _, err := s.History(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(dir); !os.IsNotExist(err) {
		t.Errorf("the directory was made: %v", err)
	}
}

func TestASymbolicLinkInPlaceOfTheStateIsRefused(t *testing.T) {
	dir, v := saved(t, 1)
	path := filepath.Join(dir, "bascule.state.json")
	if err := os.Rename(path, path+".real"); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(path+".real", path); err != nil {
		t.Fatal(err)
	}
	s := store(dir)
	if _, err := s.Load(t.Context()); err == nil || !strings.Contains(err.Error(), "symbolic link") {
		t.Errorf("Load = %v", err)
	}
	if err := s.Save(mustLock(t, s), v); err == nil || !strings.Contains(err.Error(), "symbolic link") {
		t.Errorf("Save = %v", err)
	}
}

func TestAStateThatVanishedIsNotANewBeginning(t *testing.T) {
	dir, _ := saved(t, 3)
	if err := os.Remove(filepath.Join(dir, "bascule.state.json")); err != nil {
		t.Fatal(err)
	}
	s := store(dir)
	_, err := s.Load(t.Context())
	if !errors.Is(err, state.ErrCorrupt) || !strings.Contains(err.Error(), "bascule state restore 3") {
		t.Fatalf("Load = %v", err)
	}
	got, err := s.Restore(mustLock(t, s), 3)
	if err != nil || got.Serial != 4 || got.Revision != 4 {
		t.Errorf("Restore = %+v, %v", got, err)
	}
}

func TestADamagedStateIsRestoredFromItsOwnCopy(t *testing.T) {
	dir, _ := saved(t, 3)
	path := filepath.Join(dir, "bascule.state.json")
	if err := os.Truncate(path, 100); err != nil {
		t.Fatal(err)
	}
	s := store(dir)
	ctx := mustLock(t, s)
	if err := s.Save(ctx, state.New("lineage", "test", statetest.Start())); !errors.Is(err, state.ErrCorrupt) {
		t.Errorf("Save over a damaged state = %v", err)
	}
	versions, err := s.History(t.Context())
	if err != nil || len(versions) != 3 || versions[0].Serial != 3 {
		t.Fatalf("History = %+v, %v", versions, err)
	}
	if got, err := s.Restore(ctx, 3); err != nil || got.Serial != 4 || got.Revision != 4 {
		t.Fatalf("Restore = %+v, %v", got, err)
	}
	if _, err := os.Stat(filepath.Join(dir, ".bascule/unreadable-before-4.json")); err != nil {
		t.Errorf("the damaged file was not set aside: %v", err)
	}
}

func TestAStateCopiedHereGetsAHistory(t *testing.T) {
	from, _ := saved(t, 3)
	dir := t.TempDir()
	data, err := os.ReadFile(filepath.Join(from, "bascule.state.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "bascule.state.json"), data, 0o600); err != nil {
		t.Fatal(err)
	}
	s := store(dir)
	v, err := s.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Save(mustLock(t, s), v); err != nil {
		t.Fatal(err)
	}
	if versions, err := s.History(t.Context()); err != nil || len(versions) != 1 || versions[0].Serial != 3 {
		t.Errorf("History = %+v, %v", versions, err)
	}
}

func TestOldVersionsAreDropped(t *testing.T) {
	dir, v := saved(t, 2)
	s := store(dir)
	ctx := mustLock(t, s)
	for range local.Kept + 10 {
		if err := s.Save(ctx, v); err != nil {
			t.Fatal(err)
		}
	}
	versions, err := s.History(ctx)
	// The present version is not in the list; version 1 ends revision 0.
	if err != nil || len(versions) != local.Kept || versions[len(versions)-2].Serial != v.Serial-local.Kept+1 {
		t.Errorf("History: %d versions from %d, %v", len(versions), versions[0].Serial, err)
	}
}

func TestTheLastVersionOfEachRevisionStays(t *testing.T) {
	dir, v := saved(t, 2)
	s := store(dir)
	ctx := mustLock(t, s)
	for i := range 3 * local.Kept {
		if i == 10 || i == 20 {
			v.Revision++
		}
		if err := s.Save(ctx, v); err != nil {
			t.Fatal(err)
		}
	}
	versions, err := s.History(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var ends []uint64
	for _, x := range versions {
		if x.Revision < v.Revision {
			ends = append(ends, x.Serial)
		}
	}
	if len(versions) > local.Kept+2 || len(ends) != 3 || ends[0] != 22 || ends[1] != 12 {
		t.Errorf("%d versions, of earlier revisions %v", len(versions), ends)
	}
}

// TestAFailedWriteLeavesTheOldState takes away a place to write to, in a way
// that stops root too.
func TestAFailedWriteLeavesTheOldState(t *testing.T) {
	dir, v := saved(t, 2)
	s := store(dir)
	ctx := mustLock(t, s)
	if err := os.RemoveAll(filepath.Join(dir, ".bascule/history")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, ".bascule/history"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.Save(ctx, v); err == nil {
		t.Fatal("saved without a history")
	}
	if got, err := s.Load(t.Context()); err != nil || got.Serial != 2 || v.Serial != 2 {
		t.Errorf("Load = %+v, %v", got, err)
	}
}

func TestAReadOnlyDirectoryIsSaid(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root writes everywhere")
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	if _, _, err := store(dir).Lock(t.Context(), state.Holder{}); !errors.Is(err, os.ErrPermission) {
		t.Errorf("Lock = %v", err)
	}
}

func TestALockThatCannotBeRenewedIsLost(t *testing.T) {
	for name, harm := range map[string]func(dir string) error{
		"removed": func(dir string) error { return os.Remove(filepath.Join(dir, "bascule.state.lock")) },
		"garbage": func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "bascule.state.lock"), []byte("{"), 0o600)
		},
		"no place": func(dir string) error { return os.Rename(dir, dir+"-gone") },
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "d")
			s := local.New(dir, local.Options{Renew: time.Millisecond})
			ctx := mustLock(t, s)
			if err := harm(dir); err != nil {
				t.Fatal(err)
			}
			<-ctx.Done()
			if !errors.Is(context.Cause(ctx), state.ErrLostLock) {
				t.Errorf("cause: %v", context.Cause(ctx))
			}
		})
	}
}

func TestALeaseIsRenewed(t *testing.T) {
	dir := t.TempDir()
	c := clock.NewVirtual(statetest.Start())
	s := local.New(dir, local.Options{Clock: c, Renew: time.Millisecond})
	ctx := mustLock(t, s)
	c.Advance(time.Hour)
	for {
		data, err := os.ReadFile(filepath.Join(dir, "bascule.state.lock"))
		var h state.Holder
		if err == nil && json.Unmarshal(data, &h) == nil && h.Expires.Equal(c.Now().Add(local.Lease)) {
			break
		}
		if ctx.Err() != nil {
			t.Fatal(context.Cause(ctx))
		}
	}
}

// TestACrashBeforeTheRenameLeavesTheOldState sets the scene of a process that
// died after writing its temporary files.
func TestACrashBeforeTheRenameLeavesTheOldState(t *testing.T) {
	dir, v := saved(t, 2)
	editor := filepath.Join(dir, ".bascule.state.json.swp")
	left := []string{filepath.Join(dir, ".bascule.state.json.123456"), filepath.Join(dir, ".bascule.state.lock.7"), filepath.Join(dir, ".bascule/history/.3.json.99")}
	for _, file := range append(left, editor) {
		if err := os.WriteFile(file, []byte(`{"format_version": 1, "line`), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := store(dir)
	if got, err := s.Load(t.Context()); err != nil || got.Serial != 2 {
		t.Errorf("Load = %+v, %v", got, err)
	}
	if err := s.Save(mustLock(t, s), v); err != nil || v.Serial != 3 {
		t.Errorf("Save = %v", err)
	}
	for _, file := range left {
		if _, err := os.Lstat(file); !os.IsNotExist(err) {
			t.Errorf("%s was left: %v", file, err)
		}
	}
	if _, err := os.Lstat(editor); err != nil {
		t.Errorf("a person's file was removed: %v", err)
	}
}
