package local_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"bascule/internal/clock"
	"bascule/state"
	"bascule/state/local"
)

// The tests below run this test binary again as another process.

const childVar = "BASCULE_STATE_TEST_CHILD"

func TestMain(m *testing.M) {
	if job, dir, isChild := strings.Cut(os.Getenv(childVar), "="); isChild {
		if err := child(job, dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func child(job, dir string) error {
	ctx := context.Background()
	s := local.New(dir, local.Options{Tool: "child"})
	held, unlock, err := s.Lock(ctx, state.Holder{Who: "child", Operation: job})
	if err != nil {
		return err
	}
	fmt.Println("locked")
	switch job {
	case "hold":
		select {}
	case "save":
		for {
			if err := saveOnce(held, s); err != nil {
				return err
			}
		}
	case "once":
		if err := saveOnce(held, s); err != nil {
			return err
		}
	}
	return unlock()
}

func saveOnce(ctx context.Context, s *local.Store) error {
	v, err := s.Load(ctx)
	if errors.Is(err, state.ErrNoState) {
		v, err = state.New("lineage", "child", clock.Real{}.Now()), nil
	}
	if err != nil {
		return err
	}
	v.AddEvent(clock.Real{}.Now(), "saved", "", strings.Repeat("x", 2000))
	return s.Save(ctx, v)
}

// spawn starts a child and returns once it has the lock.
func spawn(t *testing.T, job, dir string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childVar+"="+job+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	if _, err := fmt.Fscanln(out, new(string)); err != nil {
		t.Fatalf("child: %v", err)
	}
	return cmd
}

func TestALiveProcessKeepsItsLockAndADeadOneDoesNot(t *testing.T) {
	dir := t.TempDir()
	cmd := spawn(t, "hold", dir)
	s := local.New(dir, local.Options{})
	var locked *state.LockedError
	if _, _, err := s.Lock(t.Context(), state.Holder{}); !errors.As(err, &locked) || locked.Holder.PID != cmd.Process.Pid {
		t.Fatalf("Lock beside a live holder = %v", err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	ctx := mustLock(t, s)
	if left, taken := state.TakenFrom(ctx); !taken || left.PID != cmd.Process.Pid || left.Operation != "hold" {
		t.Errorf("TakenFrom = %+v, %v", left, taken)
	}
}

func TestProcessesInCompetitionLoseNothing(t *testing.T) {
	dir := t.TempDir()
	const children, each = 3, 4
	done := make(chan error)
	for range children {
		go func() {
			for saves := 0; saves < each; {
				cmd := exec.Command(os.Args[0])
				cmd.Env = append(os.Environ(), childVar+"=once="+dir)
				out, err := cmd.CombinedOutput()
				switch {
				case err == nil:
					saves++
				case !strings.Contains(string(out), "state is locked by child"):
					done <- fmt.Errorf("%w: %s", err, out)
					return
				}
			}
			done <- nil
		}()
	}
	for range children {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	v, err := store(dir).Load(t.Context())
	if err != nil || v.Serial != children*each || len(v.Events) != children*each {
		t.Errorf("Load = serial %d, %v", v.Serial, err)
	}
}

// TestKilledAtAnyMoment kills a process that saves without pause. Whatever
// was there is one whole version, known to the history, and work goes on.
func TestKilledAtAnyMoment(t *testing.T) {
	dir := t.TempDir()
	s := local.New(dir, local.Options{})
	var last uint64
	for range 12 {
		cmd := spawn(t, "save", dir)
		if err := awaitSerial(t, s, last+2); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
		v, err := s.Load(t.Context())
		if err != nil || v.Serial <= last || uint64(len(v.Events)) != v.Serial {
			t.Fatalf("after the kill: %+v, %v", v, err)
		}
		last = v.Serial
		if _, err := os.Stat(filepath.Join(dir, ".bascule/history", fmt.Sprint(last)+".json")); last > 1 && err != nil {
			t.Errorf("the present version is not in the history: %v", err)
		}
	}
	mustLock(t, s)
	for _, pattern := range []string{".bascule.state.*", ".bascule/history/.*"} {
		if left, _ := filepath.Glob(filepath.Join(dir, pattern)); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	}
}

func awaitSerial(t *testing.T, s *local.Store, serial uint64) error {
	for {
		v, err := s.Load(t.Context())
		if err != nil && !errors.Is(err, state.ErrNoState) {
			return err
		}
		if err == nil && v.Serial >= serial {
			return nil
		}
	}
}
