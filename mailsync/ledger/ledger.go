package ledger

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"

	_ "modernc.org/sqlite" // the driver registers itself as "sqlite"
	lib "modernc.org/sqlite/lib"

	"bascule/internal/clock"
	"bascule/mailsync"
)

// Ledger is a ledger file. It is safe for one goroutine at a time.
type Ledger struct {
	path  string
	db    *sql.DB
	clock clock.Clock
}

var _ mailsync.Ledger = (*Ledger)(nil)

// Options are what a ledger takes from outside.
type Options struct {
	Clock clock.Clock
	// Random gives the ledger its ID when it is created.
	Random io.Reader
}

// Open opens the ledger at path, and creates it where there is none. The
// directory must exist. Errors wrap mailsync.ErrLedgerCorrupt or
// mailsync.ErrLedgerNewer where that is what is wrong.
func Open(ctx context.Context, path string, o Options) (*Ledger, error) {
	if err := private(path); err != nil {
		return nil, fmt.Errorf("open ledger: %w", err)
	}
	db, err := open(path, "_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=busy_timeout(10000)&_txlock=immediate")
	if err != nil {
		return nil, fmt.Errorf("open ledger %s: %w", path, err)
	}
	l := &Ledger{path: path, db: db, clock: o.Clock}
	if err := l.prepare(ctx, o.Random); err != nil {
		_ = db.Close()
		return nil, fmt.Errorf("open ledger %s: %w", path, explain(err))
	}
	return l, nil
}

// private creates the file readable by its owner only, before SQLite would
// create it with the process's umask. A file that others may read is refused.
func private(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file", path)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return f.Chmod(0o600)
	}
	return nil
}

func open(path, parameters string) (*sql.DB, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	u := url.URL{Scheme: "file", Path: filepath.ToSlash(abs), RawQuery: parameters}
	db, err := sql.Open("sqlite", u.String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	return db, nil
}

// prepare creates the tables of an empty file, and checks those of another.
func (l *Ledger) prepare(ctx context.Context, random io.Reader) error {
	var found, tables int
	if err := l.db.QueryRowContext(ctx, `PRAGMA user_version`).Scan(&found); err != nil {
		return err
	}
	if err := l.db.QueryRowContext(ctx, `SELECT count(*) FROM sqlite_schema`).Scan(&tables); err != nil {
		return err
	}
	switch {
	case found > version:
		return fmt.Errorf("%w: %d, this program reads up to %d", mailsync.ErrLedgerNewer, found, version)
	case found == 0 && tables == 0:
		return l.create(ctx, random)
	case found == 0:
		return errors.New("the file is a database, but not a ledger")
	}
	return l.check(ctx)
}

func (l *Ledger) create(ctx context.Context, random io.Reader) error {
	id := make([]byte, 16)
	if _, err := io.ReadFull(random, id); err != nil {
		return fmt.Errorf("draw ledger id: %w", err)
	}
	return l.inTx(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, schema); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO head (one, id, serial) VALUES (1, ?, 0)`, hex.EncodeToString(id)); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, fmt.Sprintf(`PRAGMA user_version = %d`, version))
		return err
	})
}

// check finds damage before it is acted upon.
func (l *Ledger) check(ctx context.Context) error {
	var answer string
	if err := l.db.QueryRowContext(ctx, `PRAGMA quick_check(1)`).Scan(&answer); err != nil {
		return err
	}
	if answer != "ok" {
		return fmt.Errorf("%w: %s", mailsync.ErrLedgerCorrupt, answer)
	}
	_, err := l.Head(ctx)
	return err
}

// explain turns SQLite's words for damage into ours, with the way out.
func explain(err error) error {
	const way = "move the file away and run again: what is on the target is found by its content, which costs time, never mail"
	var coded interface{ Code() int }
	damaged := errors.Is(err, sql.ErrNoRows) || errors.Is(err, mailsync.ErrLedgerCorrupt)
	if errors.As(err, &coded) {
		primary := coded.Code() & 0xff
		damaged = damaged || primary == lib.SQLITE_CORRUPT || primary == lib.SQLITE_NOTADB
	}
	switch {
	case err == nil || !damaged:
		return err
	case errors.Is(err, mailsync.ErrLedgerCorrupt):
		return fmt.Errorf("%w; %s", err, way)
	}
	return fmt.Errorf("%w (%w); %s", mailsync.ErrLedgerCorrupt, err, way)
}

func (l *Ledger) inTx(ctx context.Context, f func(*sql.Tx) error) error {
	tx, err := l.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := f(tx); err != nil {
		return errors.Join(err, rolledBack(tx.Rollback()))
	}
	return tx.Commit()
}

func rolledBack(err error) error {
	if errors.Is(err, sql.ErrTxDone) {
		return nil
	}
	return err
}

// Head implements mailsync.Ledger.
func (l *Ledger) Head(ctx context.Context) (h mailsync.Head, err error) {
	err = l.db.QueryRowContext(ctx, `SELECT id, serial FROM head WHERE one = 1`).Scan(&h.ID, &h.Serial)
	return h, explain(err)
}

// Close implements mailsync.Ledger.
func (l *Ledger) Close() error { return l.db.Close() }
