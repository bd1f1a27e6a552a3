package ledger

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"os"
	"time"

	lib "modernc.org/sqlite/lib"

	"bascule/internal/atomicfile"
	"bascule/mailsync"
)

// Lease implements mailsync.Ledger. The lock is SQLite's on PATH.lease, held by
// an exclusive transaction that writes nothing; who holds it is written in
// the ledger, for the message to whoever comes second. Where the ledger was
// opened for an account, that is locked as well, in the same way.
func (l *Ledger) Lease(ctx context.Context, owner string) (release func() error, err error) {
	free, err := l.leaseAccount(owner)
	if err != nil {
		return nil, fmt.Errorf("take lease: %w", err)
	}
	c, err := lock(l.path + ".lease")
	if err != nil {
		return nil, fmt.Errorf("take lease: %w", errors.Join(l.refusal(ctx, err), free()))
	}
	if err := l.sign(owner); err != nil {
		return nil, errors.Join(fmt.Errorf("take lease: %w", err), c.Close(), free())
	}
	return func() error { return errors.Join(c.Close(), free()) }, nil
}

// lock holds a file until it is closed, or its process is no more.
func lock(path string) (*conn, error) {
	if err := private(path); err != nil {
		return nil, err
	}
	c, err := dial(path, "_pragma=journal_mode(DELETE)&_pragma=busy_timeout(0)")
	if err != nil {
		return nil, err
	}
	if err := c.script(`BEGIN EXCLUSIVE`); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// leaseAccount keeps out passes with another ledger that write to the same
// account. Who holds it stands beside the lock.
func (l *Ledger) leaseAccount(owner string) (free func() error, err error) {
	if l.account == "" {
		return func() error { return nil }, nil
	}
	c, err := lock(l.account)
	if busy(err) {
		holder, _ := os.ReadFile(l.account + ".holder")
		return nil, fmt.Errorf("%w, with another ledger: %s", mailsync.ErrLeased, holder)
	}
	if err != nil {
		return nil, err
	}
	holder := fmt.Sprintf("%s, since %s", owner, l.clock.Now().Format(time.RFC3339))
	if err := atomicfile.Write(l.account+".holder", []byte(holder), 0o600); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c.Close, nil
}

func busy(err error) bool {
	var coded interface{ Code() int }
	return errors.As(err, &coded) && coded.Code()&0xff == lib.SQLITE_BUSY
}

// refusal names the holder when the lock is taken.
func (l *Ledger) refusal(ctx context.Context, err error) error {
	if !busy(err) {
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
