package ledger

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	lib "modernc.org/sqlite/lib"

	"bascule/internal/clock"
	"bascule/mailsync"
)

// Ledger is a ledger file.
type Ledger struct {
	path, account string
	clock         clock.Clock

	mu   sync.Mutex
	conn *conn
	// What is remembered of the file; see tx.bump.
	words       *words
	settlements settlements
	next        map[int64]int64 // by pair, the ID of its next row
	serial      int64
}

var _ mailsync.Ledger = (*Ledger)(nil)

// Options are what a ledger takes from outside.
type Options struct {
	Clock clock.Clock
	// Random gives the ledger its ID when it is created.
	Random io.Reader
	// Account is a file that stands for the target account, whatever the
	// ledger: passes that share it run one at a time. "" shares with nobody.
	Account string
}

// Open opens the ledger at path, creates it where there is none, and brings
// one of an older format to the newest. The directory must exist. Errors wrap
// mailsync.ErrLedgerCorrupt or mailsync.ErrLedgerNewer where that is what is
// wrong.
func Open(ctx context.Context, path string, o Options) (*Ledger, error) {
	if err := private(path); err != nil {
		return nil, fmt.Errorf("open ledger: %w", err)
	}
	c, err := dial(path, "_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=busy_timeout(10000)")
	if err != nil {
		return nil, fmt.Errorf("open ledger %s: %w", path, explain(err))
	}
	l := &Ledger{path: path, account: o.Account, clock: o.Clock, conn: c, words: newWords(c), next: map[int64]int64{}}
	if err := l.prepare(ctx, o.Random); err != nil {
		return nil, errors.Join(fmt.Errorf("open ledger %s: %w", path, explain(err)), c.Close())
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

// prepare creates the tables of an empty file, and checks those of another.
func (l *Ledger) prepare(ctx context.Context, random io.Reader) error {
	v, err := l.conn.one(`PRAGMA user_version`)
	if err != nil {
		return err
	}
	tables, err := l.conn.one(`SELECT count(*) FROM sqlite_schema`)
	if err != nil {
		return err
	}
	switch found := number(v[0]); {
	case found > version:
		return fmt.Errorf("%w: %d, this program reads up to %d", mailsync.ErrLedgerNewer, found, version)
	case found == 0 && number(tables[0]) == 0:
		err = l.create(random)
	case found == 0:
		return errors.New("the file is a database, but not a ledger")
	default:
		err = l.check(int(found))
	}
	if err == nil {
		l.settlements, err = loadSettlements(l.conn)
	}
	if err == nil {
		_, err = l.Head(ctx)
	}
	return err
}

func (l *Ledger) create(random io.Reader) error {
	id := make([]byte, 16)
	if _, err := io.ReadFull(random, id); err != nil {
		return fmt.Errorf("draw ledger id: %w", err)
	}
	return l.script(schema + fmt.Sprintf(`INSERT INTO head (one, id, serial) VALUES (1, '%x', 0); PRAGMA user_version = %d`, id, version))
}

// script runs statements as one transaction.
func (l *Ledger) script(queries string) error {
	err := l.conn.script(`BEGIN IMMEDIATE;` + queries + `; COMMIT`)
	if err != nil {
		return errors.Join(err, l.conn.script(`ROLLBACK`))
	}
	return nil
}

// check finds damage before it is acted upon, and brings older formats up.
func (l *Ledger) check(found int) error {
	v, err := l.conn.one(`PRAGMA quick_check(1)`)
	if err != nil {
		return err
	}
	if answer := text(v[0]); answer != "ok" {
		return fmt.Errorf("%w: %s", mailsync.ErrLedgerCorrupt, answer)
	}
	return l.upgrade(found)
}

// explain turns SQLite's words for damage into ours, with the way out.
func explain(err error) error {
	const way = "move the file away and run again: what is on the target is found by its content, which costs time, never mail"
	var coded interface{ Code() int }
	damaged := errors.Is(err, errNoRow) || errors.Is(err, mailsync.ErrLedgerCorrupt)
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

// Close implements mailsync.Ledger.
func (l *Ledger) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.conn.Close()
}
