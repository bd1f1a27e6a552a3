package ledger

import (
	"context"
	"database/sql/driver"
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
	c, err := dial(path, "_pragma=journal_mode(DELETE)&_pragma=busy_timeout(0)")
	if err != nil {
		return nil, fmt.Errorf("take lease: %w", l.refusal(ctx, err))
	}
	if err := c.script(`BEGIN EXCLUSIVE`); err != nil {
		return nil, fmt.Errorf("take lease: %w", errors.Join(l.refusal(ctx, err), c.Close()))
	}
	if err := l.sign(owner); err != nil {
		return nil, errors.Join(fmt.Errorf("take lease: %w", err), c.Close())
	}
	return c.Close, nil
}

// refusal names the holder when the lock is taken.
func (l *Ledger) refusal(ctx context.Context, err error) error {
	var coded interface{ Code() int }
	if !errors.As(err, &coded) || coded.Code()&0xff != lib.SQLITE_BUSY {
		return err
	}
	refusal := mailsync.ErrLeased
	e := l.read(ctx, func(v []driver.Value) error {
		refusal = fmt.Errorf("%w: %s, since %s", mailsync.ErrLeased, text(v[0]), decodeTime(v[1]).Format(time.RFC3339))
		return nil
	}, `SELECT owner, since FROM head`)
	return errors.Join(refusal, e)
}

func (l *Ledger) sign(owner string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return explain(l.conn.exec(`UPDATE head SET owner = ?, since = ?`, owner, l.clock.Now().Unix()))
}
