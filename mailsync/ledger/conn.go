package ledger

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path/filepath"

	"modernc.org/sqlite"

	"bascule/mailsync"
)

// conn is one connection to SQLite with its prepared statements. It speaks to
// the driver without database/sql, whose pool, locks and conversions cost as
// much as SQLite itself where a million rows go in. One goroutine at a time.
type conn struct {
	driver   driver.Conn
	prepared map[string]statement
}

type statement interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

func dial(path, parameters string) (*conn, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	u := url.URL{Scheme: "file", Path: filepath.ToSlash(abs), RawQuery: parameters}
	d, err := (&sqlite.Driver{}).Open(u.String())
	if err != nil {
		return nil, err
	}
	return &conn{driver: d, prepared: map[string]statement{}}, nil
}

// Close ends the connection; SQLite then folds the WAL into the file.
func (c *conn) Close() error {
	var errs []error
	for _, s := range c.prepared {
		errs = append(errs, s.Close())
	}
	return errors.Join(append(errs, c.driver.Close())...)
}

func (c *conn) prepare(query string) (statement, error) {
	if s := c.prepared[query]; s != nil {
		return s, nil
	}
	s, err := c.driver.Prepare(query)
	if err != nil {
		return nil, err
	}
	c.prepared[query] = s.(statement)
	return c.prepared[query], nil
}

// exec runs a statement that is used again and again.
func (c *conn) exec(query string, args ...any) error {
	s, err := c.prepare(query)
	if err != nil {
		return err
	}
	_, err = s.ExecContext(context.Background(), named(args))
	return err
}

// script runs statements that are used once.
func (c *conn) script(queries string) error {
	_, err := c.driver.(driver.ExecerContext).ExecContext(context.Background(), queries, nil)
	return err
}

// query calls fn with the values of each row: int64, string, []byte or nil.
// They are fn's for as long as it runs.
func (c *conn) query(fn func([]driver.Value) error, query string, args ...any) (err error) {
	s, err := c.prepare(query)
	if err != nil {
		return err
	}
	rows, err := s.QueryContext(context.Background(), named(args))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	values := make([]driver.Value, len(rows.Columns()))
	for {
		switch err := rows.Next(values); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		if err := fn(values); err != nil {
			return err
		}
	}
}

// errNoRow: a row that is always there is not.
var errNoRow = errors.New("a row is missing")

// one returns the values of the only row.
func (c *conn) one(query string, args ...any) (values []driver.Value, err error) {
	err = c.query(func(v []driver.Value) error { values = append(values[:0], v...); return nil }, query, args...)
	if err == nil && values == nil {
		err = fmt.Errorf("%w: %s", errNoRow, query)
	}
	return values, err
}

func named(args []any) []driver.NamedValue {
	out := make([]driver.NamedValue, len(args))
	for i, a := range args {
		out[i] = driver.NamedValue{Ordinal: i + 1, Value: value(a)}
	}
	return out
}

// value widens numbers: the driver takes none but int64.
func value(a any) driver.Value {
	switch n := a.(type) {
	case int:
		return int64(n)
	case uint32:
		return int64(n)
	case mailsync.UID:
		return int64(n)
	case uint64:
		return int64(n) // SQLite has no more; mod-sequences are of 63 bits (RFC 7162 §7)
	}
	return a
}
