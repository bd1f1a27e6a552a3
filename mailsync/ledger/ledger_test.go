package ledger_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bascule/internal/clock"
	"bascule/mailsync"
	"bascule/mailsync/ledger"
	"bascule/mailsync/ledger/ledgertest"
)

func options() ledger.Options {
	return ledger.Options{Clock: clock.NewVirtual(time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)), Random: rand.Reader}
}

func open(t *testing.T, path string) *ledger.Ledger {
	t.Helper()
	l, err := ledger.Open(context.Background(), path, options())
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestContract(t *testing.T) {
	ledgertest.Run(t, func(t *testing.T) ledgertest.Opener {
		path := filepath.Join(t.TempDir(), "alice@old.example.db")
		return func(t *testing.T) mailsync.Ledger { return open(t, path) }
	})
}

func TestAFileIsReadableByItsOwnerOnly(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "with space?&#.db")
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	l := open(t, path)
	defer l.Close()
	release, err := l.Lease(context.Background(), "me")
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	if err := l.Commit(context.Background(), mailsync.Change{}); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", e.Name(), info.Mode())
		}
		if !strings.HasPrefix(e.Name(), "with space?&#.db") {
			t.Errorf("unexpected file %s", e.Name())
		}
	}
}

func TestDamageIsNamedWithTheWayOut(t *testing.T) {
	damages := map[string]func([]byte) []byte{
		"not a database":        func([]byte) []byte { return []byte(strings.Repeat("this is not a database ", 300)) },
		"overwritten page":      func(b []byte) []byte { copy(b[4096*2:], strings.Repeat("\xff", 4096)); return b },
		"overwritten first row": func(b []byte) []byte { copy(b[100:], strings.Repeat("\xff", 300)); return b },
		"truncated":             func(b []byte) []byte { return b[:len(b)/2] },
	}
	for name, damage := range damages {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "l.db")
			l := open(t, path)
			for range 50 {
				r := &mailsync.Row{Pair: 1, Reason: strings.Repeat("r", 200)}
				if err := l.Commit(context.Background(), mailsync.Change{Rows: []*mailsync.Row{r}}); err != nil {
					t.Fatal(err)
				}
			}
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, damage(b), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err = ledger.Open(context.Background(), path, options())
			if !errors.Is(err, mailsync.ErrLedgerCorrupt) || !strings.Contains(err.Error(), "never mail") {
				t.Fatalf("got %v", err)
			}
		})
	}
}

func TestANewerFormatIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "l.db")
	if err := open(t, path).Close(); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec("PRAGMA user_version = 99"); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := ledger.Open(context.Background(), path, options()); !errors.Is(err, mailsync.ErrLedgerNewer) {
		t.Fatalf("got %v", err)
	}
}

func TestAForeignDatabaseIsLeftAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "l.db")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec("CREATE TABLE precious (x)"); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := ledger.Open(context.Background(), path, options()); err == nil {
		t.Fatal("a database of somebody else was taken for a ledger")
	}
}

// Two ledgers that know nothing of each other would both copy what neither has
// a row for.
func TestOneAccountTakesOnePassWhateverTheLedger(t *testing.T) {
	dir := t.TempDir()
	account := filepath.Join(dir, "account of alice")
	ledgers := make([]*ledger.Ledger, 2)
	for i := range ledgers {
		o := options()
		o.Account = account
		l, err := ledger.Open(t.Context(), filepath.Join(dir, fmt.Sprint(i)), o)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		ledgers[i] = l
	}
	release, err := ledgers[0].Lease(t.Context(), "host a, pid 1")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ledgers[1].Lease(t.Context(), "host b"); !errors.Is(err, mailsync.ErrLeased) || !strings.Contains(err.Error(), "host a, pid 1, since 20") {
		t.Fatal(err)
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
	release, err = ledgers[1].Lease(t.Context(), "host b")
	if err != nil {
		t.Fatal(err)
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
}
