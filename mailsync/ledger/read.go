package ledger

import (
	"context"
	"database/sql/driver"
	"fmt"

	"bascule/mailsync"
)

// read calls fn with the values of each row, unless ctx ended.
func (l *Ledger) read(ctx context.Context, fn func([]driver.Value) error, query string, args ...any) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	n := 0
	return explain(l.conn.query(func(v []driver.Value) error {
		if n++; n%1024 == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return fn(v)
	}, query, args...))
}

// Head implements mailsync.Ledger.
func (l *Ledger) Head(ctx context.Context) (h mailsync.Head, err error) {
	found := false
	err = l.read(ctx, func(v []driver.Value) error {
		h, found = mailsync.Head{ID: text(v[0]), Serial: uint64(number(v[1]))}, true
		return nil
	}, `SELECT id, serial FROM head WHERE one = 1`)
	if err == nil && !found {
		err = explain(errNoRow)
	}
	return h, err
}

// Pairs implements mailsync.Ledger.
func (l *Ledger) Pairs(ctx context.Context) ([]mailsync.Pair, error) {
	var out []mailsync.Pair
	err := l.read(ctx, func(v []driver.Value) error {
		p, err := pair(v)
		out = append(out, p)
		return err
	}, `SELECT id, source_path, source_validity, source_next, source_messages, source_modseq, target_path, target_validity, target_next,
		target_messages, target_modseq, excluded, reason, pending, absent, displaced, last_arrival FROM pairs ORDER BY id`)
	return out, err
}

func pair(v []driver.Value) (p mailsync.Pair, err error) {
	p = mailsync.Pair{ID: number(v[0]), Excluded: number(v[11]) != 0, Reason: text(v[12]), Pending: int(number(v[13])), Absent: int(number(v[14])),
		Displaced: int(number(v[15])), LastArrival: decodeTime(v[16])}
	if p.Source, err = side(v[1:6]); err == nil {
		p.Target, err = side(v[6:11])
	}
	return p, err
}

func side(v []driver.Value) (s mailsync.Side, err error) {
	s.Path, err = decodePath(text(v[0]))
	s.Status = mailsync.Status{UIDValidity: uint32(number(v[1])), UIDNext: mailsync.UID(number(v[2])), Messages: uint32(number(v[3])),
		HighestModSeq: uint64(number(v[4]))}
	return s, err
}

// Rows implements mailsync.Ledger.
func (l *Ledger) Rows(ctx context.Context, pair int64, fn func(mailsync.Row) error) error {
	return l.rows(ctx, fn, `SELECT `+allColumns+` FROM messages WHERE id >= ? AND id < ? ORDER BY id`, pair)
}

// Astray implements mailsync.Ledger.
func (l *Ledger) Astray(ctx context.Context, pair int64, fn func(mailsync.Row) error) error {
	return l.rows(ctx, fn, `SELECT `+allColumns+` FROM messages INDEXED BY astray WHERE id >= ? AND id < ?
		AND (outcome = 8 OR target_folder IS NOT NULL) ORDER BY id`, pair)
}

func (l *Ledger) rows(ctx context.Context, fn func(mailsync.Row) error, query string, pair int64) error {
	return l.read(ctx, func(v []driver.Value) error {
		r, err := l.unfold(v)
		if err != nil {
			return err
		}
		return fn(r)
	}, query, firstID(pair), firstID(pair+1))
}

// Counts implements mailsync.Ledger.
func (l *Ledger) Counts(ctx context.Context) (map[mailsync.Outcome]int, error) {
	out := map[mailsync.Outcome]int{}
	err := l.read(ctx, func(v []driver.Value) error {
		o, err := decodeOutcome(v[0])
		out[o] = int(number(v[1]))
		return err
	}, `SELECT outcome, n FROM totals WHERE n > 0`)
	return out, err
}

// Intents implements mailsync.Ledger.
func (l *Ledger) Intents(ctx context.Context) ([]mailsync.Intent, error) {
	var out []mailsync.Intent
	err := l.read(ctx, func(v []driver.Value) error {
		in := mailsync.Intent{ID: number(v[0]), Pair: number(v[1]), At: decodeTime(v[2]), SourceValidity: uint32(number(v[4])),
			Validity: uint32(number(v[5])), Next: mailsync.UID(number(v[6])), Moved: number(v[7]), From: number(v[8])}
		var err error
		if in.Sources, err = decodeUIDs(text(v[3])); err != nil {
			return fmt.Errorf("intent %d: %w", in.ID, err)
		}
		out = append(out, in)
		return nil
	}, `SELECT id, pair, at, sources, source_validity, validity, next, moved, from_pair FROM intents ORDER BY id`)
	return out, err
}

// Sightings implements mailsync.Ledger.
func (l *Ledger) Sightings(ctx context.Context, onTarget bool, folder []string, validity uint32) (map[mailsync.UID]mailsync.Print, error) {
	out := map[mailsync.UID]mailsync.Print{}
	err := l.read(ctx, func(v []driver.Value) error {
		print := mailsync.Print{Octets: number(v[3])}
		var err error
		if print.Digest, err = decodeDigest(v[1]); err != nil {
			return err
		}
		if print.Plain, err = decodeDigest(v[2]); print.Plain.IsZero() {
			print.Plain = print.Digest
		}
		out[mailsync.UID(number(v[0]))] = print
		return err
	}, `SELECT uid, digest, plain, octets FROM sightings WHERE on_target = ? AND folder = ? AND validity = ?`, onTarget, encodePath(folder), validity)
	return out, err
}
