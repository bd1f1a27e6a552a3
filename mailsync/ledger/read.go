package ledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"bascule/mailsync"
)

// each runs a query and calls scan for every row.
func (l *Ledger) each(ctx context.Context, scan func(*sql.Rows) error, query string, args ...any) error {
	rows, err := l.db.QueryContext(ctx, query, args...)
	if err != nil {
		return explain(err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return explain(err)
		}
	}
	return explain(rows.Err())
}

// Pairs implements mailsync.Ledger.
func (l *Ledger) Pairs(ctx context.Context) ([]mailsync.Pair, error) {
	var out []mailsync.Pair
	err := l.each(ctx, func(r *sql.Rows) error {
		p, err := scanPair(r)
		out = append(out, p)
		return err
	}, `SELECT id, source_path, source_validity, source_next, source_messages, source_modseq, target_path, target_validity, target_next,
		target_messages, target_modseq, excluded, reason, pending, absent, displaced, last_arrival FROM pairs ORDER BY id`)
	return out, err
}

func scanPair(r *sql.Rows) (p mailsync.Pair, err error) {
	var source, target sql.NullString
	var arrival sql.NullInt64
	s, t := &p.Source, &p.Target
	err = r.Scan(&p.ID, &source, &s.UIDValidity, &s.UIDNext, &s.Messages, &s.HighestModSeq, &target, &t.UIDValidity, &t.UIDNext,
		&t.Messages, &t.HighestModSeq, &p.Excluded, &p.Reason, &p.Pending, &p.Absent, &p.Displaced, &arrival)
	if err != nil {
		return p, err
	}
	p.LastArrival = decodeTime(arrival)
	if s.Path, err = decodePath(source); err == nil {
		t.Path, err = decodePath(target)
	}
	return p, err
}

// Rows implements mailsync.Ledger.
func (l *Ledger) Rows(ctx context.Context, pair int64, fn func(mailsync.Row) error) error {
	return l.each(ctx, func(r *sql.Rows) error {
		row, err := scanRow(r)
		if err != nil {
			return err
		}
		return fn(row)
	}, `SELECT id, pair, source_uid, source_validity, target_uid, target_validity, target_folder, digest, plain, size, date, flags, left_flags,
		outcome, origin, settled, reason FROM messages WHERE pair = ? ORDER BY id`, pair)
}

func scanRow(r *sql.Rows) (row mailsync.Row, err error) {
	var folder, reason sql.NullString
	var date sql.NullInt64
	var digest, plain sql.RawBytes
	var flags, left string
	err = r.Scan(&row.ID, &row.Pair, &row.SourceUID, &row.SourceValidity, &row.TargetUID, &row.TargetValidity, &folder, &digest, &plain,
		&row.Size, &date, &flags, &left, &row.Outcome, &row.Origin, &row.Settled, &reason)
	if err != nil {
		return row, err
	}
	row.Flags, row.Left, row.Reason, row.Date = decodeFlags(flags), decodeFlags(left), reason.String, decodeTime(date)
	if row.Digest, err = decodeDigest(digest); err != nil {
		return row, err
	}
	if row.Plain, err = decodeDigest(plain); err != nil {
		return row, err
	}
	row.TargetFolder, err = decodePath(folder)
	return row, err
}

// Counts implements mailsync.Ledger.
func (l *Ledger) Counts(ctx context.Context) (map[mailsync.Outcome]int, error) {
	out := map[mailsync.Outcome]int{}
	err := l.each(ctx, func(r *sql.Rows) error {
		var o mailsync.Outcome
		var n int
		err := r.Scan(&o, &n)
		out[o] = n
		return err
	}, `SELECT outcome, count(*) FROM messages GROUP BY outcome`)
	return out, err
}

// Intents implements mailsync.Ledger.
func (l *Ledger) Intents(ctx context.Context) ([]mailsync.Intent, error) {
	var out []mailsync.Intent
	err := l.each(ctx, func(r *sql.Rows) error {
		var in mailsync.Intent
		var at sql.NullInt64
		var sources []byte
		if err := r.Scan(&in.ID, &in.Pair, &at, &sources, &in.SourceValidity, &in.Validity, &in.Next); err != nil {
			return err
		}
		if err := json.Unmarshal(sources, &in.Sources); err != nil {
			return fmt.Errorf("%w: intent %d", mailsync.ErrLedgerCorrupt, in.ID)
		}
		in.At = decodeTime(at)
		out = append(out, in)
		return nil
	}, `SELECT id, pair, at, sources, source_validity, validity, next FROM intents ORDER BY id`)
	return out, err
}

// Sightings implements mailsync.Ledger.
func (l *Ledger) Sightings(ctx context.Context, onTarget bool, folder []string, validity uint32) (map[mailsync.UID]mailsync.Print, error) {
	out := map[mailsync.UID]mailsync.Print{}
	err := l.each(ctx, func(r *sql.Rows) error {
		var uid mailsync.UID
		var print mailsync.Print
		var digest, plain sql.RawBytes
		err := r.Scan(&uid, &digest, &plain, &print.Octets)
		if err == nil {
			print.Digest, err = decodeDigest(digest)
		}
		if err == nil {
			print.Plain, err = decodeDigest(plain)
		}
		if print.Plain.IsZero() {
			print.Plain = print.Digest
		}
		out[uid] = print
		return err
	}, `SELECT uid, digest, plain, octets FROM sightings WHERE on_target = ? AND folder = ? AND validity = ?`, onTarget, encodePath(folder), validity)
	return out, err
}
