package mailsync_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"bascule/internal/clock"
	"bascule/internal/retry"
	"bascule/mailsync"
	"bascule/mailsync/ledger"
)

// child is a pass in a process of its own, which can be killed for good.
type child struct {
	Addr, Login, Ledger string
	Policy              mailsync.Policy
}

const childVariable = "BASCULE_TEST_CHILD"

// TestMain runs a pass and nothing else in the processes of TestKilledForGood.
func TestMain(m *testing.M) {
	if spec := os.Getenv(childVariable); spec != "" {
		var c child
		if err := json.Unmarshal([]byte(spec), &c); err != nil {
			panic(err)
		}
		if err := c.run(context.Background()); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func (c child) run(ctx context.Context) error {
	l, err := openLedger(ctx, c.Ledger)
	if err != nil {
		return err
	}
	defer l.Close()
	a := &arena{policy: c.Policy}
	_, err = mailsync.Pass(ctx, a.options(l, c.Addr, c.Addr, c.Login))
	return err
}

func openLedger(ctx context.Context, path string) (*ledger.Ledger, error) {
	return ledger.Open(ctx, path, ledger.Options{Clock: clock.Real{}, Random: rand.Reader})
}

// slaughter is a way to kill a process.
type slaughter struct {
	name string
	run  func(t *testing.T, c *exec.Cmd) (killed bool)
}

// after kills the process once that much time has passed since it began.
func after(d time.Duration) slaughter {
	return slaughter{fmt.Sprintf("after %s", d), func(t *testing.T, c *exec.Cmd) bool {
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		timer := time.AfterFunc(d, func() { _ = c.Process.Kill() })
		defer timer.Stop()
		return wasKilled(t, c.Wait())
	}}
}

// atCall kills the process when one of its threads makes its n-th system call
// of a kind. It needs strace.
func atCall(name string, n int) slaughter {
	return slaughter{fmt.Sprintf("at %s %d", name, n), func(t *testing.T, c *exec.Cmd) bool {
		inject := fmt.Sprintf("inject=%s:signal=KILL:when=%d", name, n)
		c.Args = append([]string{"strace", "-f", "-qq", "-o", filepath.Join(t.TempDir(), "strace"), "-e", "trace=" + name, "-e", inject}, c.Args...)
		var err error
		if c.Path, err = exec.LookPath("strace"); err != nil {
			t.Skip("strace is not installed")
		}
		return wasKilled(t, c.Run())
	}}
}

func wasKilled(t *testing.T, err error) bool {
	t.Helper()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		if st, ok := exit.Sys().(syscall.WaitStatus); ok && st.Signaled() && st.Signal() == syscall.SIGKILL {
			return true
		}
	}
	if err != nil {
		t.Fatalf("the pass was not killed, and failed: %v", err)
	}
	return false
}

// slaughters are a few kills at random, or in the campaign many, and one at
// every system call that can leave something half done. The seed is printed
// and set by BASCULE_SEED.
func slaughters(t *testing.T, took time.Duration) []slaughter {
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("BASCULE_SEED"); text != "" {
		seed, _ = strconv.ParseUint(text, 10, 64)
	}
	t.Logf("seed %d", seed)
	dice, kills := mathrand.New(mathrand.NewPCG(seed, 0)), 8
	if thorough() {
		kills = 500
	}
	var out []slaughter
	for range kills {
		out = append(out, after(time.Duration(dice.Int64N(int64(took)))))
	}
	if thorough() {
		for _, name := range []string{"write", "pwrite64", "fsync", "fdatasync", "ftruncate", "unlinkat", "connect"} {
			for n := 1; n <= 60; n++ {
				out = append(out, atCall(name, n))
			}
		}
	}
	return out
}

// kill lets a pass of its own process be killed, and ends without that.
func (a *arena) kill(t *testing.T, begin string, s slaughter) (killed bool) {
	t.Helper()
	login := fmt.Sprintf("try%d", a.users.Add(1))
	a.dovecot.CloneMail("begin", login)
	path := filepath.Join(t.TempDir(), "ledger.db")
	copyFile(t, begin, path)
	killed = s.run(t, a.command(t, login, path))
	a.settled(t, login)
	l, err := openLedger(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	a.end(t, l, login)
	if d := cmp.Diff(a.want, a.contents(login)); d != "" {
		t.Errorf("the target differs (-undisturbed +killed):\n%s", d)
	}
	if d := cmp.Diff(a.remember, memoryOf(t, l)); d != "" {
		t.Errorf("the ledger differs (-undisturbed +killed):\n%s", d)
	}
	return killed
}

// settled waits until the server has ended all connections to a mailbox: what a
// killed process had sent may be on its way into it still, for as long as the
// machine takes.
func (a *arena) settled(t *testing.T, login string) {
	t.Helper()
	const pause = 50 * time.Millisecond
	again := retry.Policy{Tries: int(5 * time.Minute / pause), First: pause, Most: pause}
	err := again.Do(t.Context(), func(context.Context) error {
		for line := range strings.Lines(a.dovecot.Doveadm("who", login)) {
			if user, _, _ := strings.Cut(line, " "); user == login {
				return retry.Temporary(fmt.Errorf("a connection of %s does not end", login))
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (a *arena) command(t *testing.T, login, path string) *exec.Cmd {
	t.Helper()
	spec, err := json.Marshal(child{Addr: a.dovecot.Addr, Login: login, Ledger: path, Policy: a.policy})
	if err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), os.Args[0])
	c.Env = append(os.Environ(), childVariable+"="+string(spec))
	c.Stderr = os.Stderr
	return c
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	b, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, b, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// beginOnDisk makes the ledger of the beginning, with a first pass or without.
func (a *arena) beginOnDisk(t *testing.T, begun bool) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "begin.db")
	l, err := openLedger(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if begun {
		o := a.options(l, a.dovecot.Addr, a.dovecot.Addr, "begin")
		o.Policy = mailsync.Mirror
		if r, err := mailsync.Pass(t.Context(), o); err != nil || !r.Complete {
			t.Fatal(err, r.Failures)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestKilledForGood kills the process of a pass with SIGKILL, between two real
// mailboxes and with a ledger on disk, and runs another. BASCULE_CRASH=full
// (make crash) kills hundreds of them, also at every system call of a kind.
func TestKilledForGood(t *testing.T) {
	if testing.Short() {
		t.Skip("takes servers and processes")
	}
	for _, w := range arenas {
		t.Run(w.name, func(t *testing.T) {
			a := newArena(t, 1200, w.policy)
			a.fill()
			begin := a.beginOnDisk(t, w.begun)
			if w.begun {
				a.change()
			}
			whole := after(time.Hour)
			a.want = nil
			started := time.Now()
			login := fmt.Sprintf("try%d", a.users.Add(1))
			a.dovecot.CloneMail("begin", login)
			path := filepath.Join(t.TempDir(), "undisturbed.db")
			copyFile(t, begin, path)
			whole.run(t, a.command(t, login, path))
			took := time.Since(started)
			l, err := openLedger(t.Context(), path)
			if err != nil {
				t.Fatal(err)
			}
			a.end(t, l, login)
			a.want, a.remember = a.contents(login), memoryOf(t, l)
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			t.Run("kills", func(t *testing.T) {
				for _, s := range slaughters(t, took) {
					t.Run(s.name, func(t *testing.T) {
						t.Parallel()
						t.Logf("killed: %v", a.kill(t, begin, s))
					})
				}
			})
		})
	}
}
