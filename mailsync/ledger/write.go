package ledger

import (
	"context"
	"database/sql"
	"fmt"

	"bascule/mailsync"
)

// Commit implements mailsync.Ledger.
func (l *Ledger) Commit(ctx context.Context, c mailsync.Change) error {
	err := l.inTx(ctx, func(tx *sql.Tx) error {
		steps := []func(context.Context, *sql.Tx, mailsync.Change) error{bump, putPairs, forget, putRows, putIntent, putSightings}
		for _, step := range steps {
			if err := step(ctx, tx, c); err != nil {
				return err
			}
		}
		return nil
	})
	return explain(err)
}

func bump(ctx context.Context, tx *sql.Tx, _ mailsync.Change) error {
	_, err := tx.ExecContext(ctx, `UPDATE head SET serial = serial + 1`)
	return err
}

// key is what SQLite takes for "choose an ID": NULL.
func key(id int64) any {
	if id == 0 {
		return nil
	}
	return id
}

func putPairs(ctx context.Context, tx *sql.Tx, c mailsync.Change) error {
	for _, p := range c.Pairs {
		s, t := p.Source, p.Target
		err := tx.QueryRowContext(ctx, `INSERT OR REPLACE INTO pairs (id, source_path, source_validity, source_next, source_messages, source_modseq,
			target_path, target_validity, target_next, target_messages, target_modseq, excluded, reason, pending, absent, displaced, last_arrival)
			VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?) RETURNING id`, key(p.ID), encodePath(s.Path), s.UIDValidity, s.UIDNext, s.Messages,
			int64(s.HighestModSeq), encodePath(t.Path), t.UIDValidity, t.UIDNext, t.Messages, int64(t.HighestModSeq), p.Excluded, p.Reason,
			p.Pending, p.Absent, p.Displaced, encodeTime(p.LastArrival)).Scan(&p.ID)
		if err != nil {
			return fmt.Errorf("record folder: %w", err)
		}
	}
	return nil
}

func forget(ctx context.Context, tx *sql.Tx, c mailsync.Change) error {
	for _, id := range c.Forget {
		if _, err := tx.ExecContext(ctx, `DELETE FROM messages WHERE id = ?`, id); err != nil {
			return fmt.Errorf("forget message: %w", err)
		}
	}
	return nil
}

func putRows(ctx context.Context, tx *sql.Tx, c mailsync.Change) error {
	if len(c.Rows) == 0 {
		return nil
	}
	put, err := tx.PrepareContext(ctx, `INSERT OR REPLACE INTO messages (id, pair, source_uid, source_validity, target_uid, target_validity,
		target_folder, digest, plain, size, date, flags, left_flags, outcome, origin, settled, reason)
		VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)`)
	if err != nil {
		return err
	}
	defer put.Close()
	for _, r := range c.Rows {
		var reason any
		if r.Reason != "" {
			reason = r.Reason
		}
		done, err := put.ExecContext(ctx, key(r.ID), r.Pair, r.SourceUID, r.SourceValidity, r.TargetUID, r.TargetValidity, encodePath(r.TargetFolder),
			encodeDigest(r.Digest), encodeDigest(r.Plain), r.Size, encodeTime(r.Date), encodeFlags(r.Flags), encodeFlags(r.Left), string(r.Outcome),
			string(r.Origin), r.Settled, reason)
		if err == nil {
			r.ID, err = done.LastInsertId()
		}
		if err != nil {
			return fmt.Errorf("record message %d: %w", r.SourceUID, err)
		}
	}
	return nil
}

func putIntent(ctx context.Context, tx *sql.Tx, c mailsync.Change) error {
	if c.Close != 0 {
		if _, err := tx.ExecContext(ctx, `DELETE FROM intents WHERE id = ?`, c.Close); err != nil {
			return fmt.Errorf("close intent: %w", err)
		}
	}
	in := c.Open
	if in == nil {
		return nil
	}
	err := tx.QueryRowContext(ctx, `INSERT INTO intents (pair, at, sources, source_validity, validity, next) VALUES (?,?,?,?,?,?) RETURNING id`,
		in.Pair, encodeTime(in.At), encodeUIDs(in.Sources), in.SourceValidity, in.Validity, in.Next).Scan(&in.ID)
	if err != nil {
		return fmt.Errorf("record intent: %w", err)
	}
	return nil
}

func putSightings(ctx context.Context, tx *sql.Tx, c mailsync.Change) error {
	for _, s := range c.Sightings {
		var plain any
		if s.Print.Plain != s.Print.Digest {
			plain = encodeDigest(s.Print.Plain)
		}
		_, err := tx.ExecContext(ctx, `INSERT OR REPLACE INTO sightings (on_target, folder, validity, uid, digest, plain, octets) VALUES (?,?,?,?,?,?,?)`,
			s.OnTarget, encodePath(s.Folder), s.Validity, s.UID, s.Print.Digest[:], plain, s.Print.Octets)
		if err != nil {
			return fmt.Errorf("record sighting: %w", err)
		}
	}
	return nil
}
