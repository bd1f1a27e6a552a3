package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	lib "modernc.org/sqlite/lib"

	"bascule/mailsync"
)

// Lease implements mailsync.Ledger. The lock is SQLite's on PATH.lease, held by
// an exclusive transaction that writes nothing; who holds it is written in
// the ledger, for the message to whoever comes second.
func (l *Ledger) Lease(ctx context.Context, owner string) (release func() error, err error) {
	path := l.path + ".lease"
	if err := private(path); err != nil {
		return nil, fmt.Errorf("take lease: %w", err)
	}
	db, err := open(path, "_pragma=journal_mode(DELETE)&_pragma=busy_timeout(0)")
	if err != nil {
		return nil, fmt.Errorf("take lease: %w", err)
	}
	conn, err := exclusive(ctx, db)
	if err != nil {
		err = errors.Join(l.refusal(ctx, err), db.Close())
		return nil, fmt.Errorf("take lease: %w", err)
	}
	release = func() error { return errors.Join(conn.Close(), db.Close()) }
	if err := l.sign(ctx, owner); err != nil {
		return nil, errors.Join(fmt.Errorf("take lease: %w", err), release())
	}
	return release, nil
}

func exclusive(ctx context.Context, db *sql.DB) (*sql.Conn, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := conn.ExecContext(ctx, `BEGIN EXCLUSIVE`); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

// refusal names the holder when the lock is taken.
func (l *Ledger) refusal(ctx context.Context, err error) error {
	var coded interface{ Code() int }
	if !errors.As(err, &coded) || coded.Code()&0xff != lib.SQLITE_BUSY {
		return err
	}
	var owner string
	var since sql.NullInt64
	if e := l.db.QueryRowContext(ctx, `SELECT owner, since FROM head`).Scan(&owner, &since); e != nil {
		return errors.Join(mailsync.ErrLeased, e)
	}
	return fmt.Errorf("%w: %s, since %s", mailsync.ErrLeased, owner, decodeTime(since).Format(time.RFC3339))
}

func (l *Ledger) sign(ctx context.Context, owner string) error {
	_, err := l.db.ExecContext(ctx, `UPDATE head SET owner = ?, since = ?`, owner, l.clock.Now().Unix())
	return explain(err)
}
