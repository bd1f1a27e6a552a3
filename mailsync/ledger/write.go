package ledger

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"

	"bascule/mailsync"
)

// Commit implements mailsync.Ledger.
func (l *Ledger) Commit(ctx context.Context, c mailsync.Change) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	t := &tx{Ledger: l, counts: map[mailsync.Outcome]int{}}
	if err := l.conn.exec(`BEGIN IMMEDIATE`); err != nil {
		return explain(err)
	}
	err := t.write(c)
	if err == nil {
		err = l.conn.exec(`COMMIT`)
	}
	if err != nil {
		return explain(errors.Join(err, l.rollback()))
	}
	for _, a := range t.assigned {
		*a.to = a.id
	}
	return nil
}

// rollback undoes a transaction, and forgets what was remembered of it.
func (l *Ledger) rollback() error {
	err := l.conn.exec(`ROLLBACK`)
	l.words, l.next = newWords(l.conn), map[int64]int64{}
	s, e := loadSettlements(l.conn)
	if e == nil {
		l.settlements = s
	}
	return errors.Join(err, e)
}

// tx is one transaction.
type tx struct {
	*Ledger
	// counts are changes of the totals.
	counts map[mailsync.Outcome]int
	// assigned are the IDs given to what had none, told once they are durable.
	assigned []assigned
}

type assigned struct {
	to *int64
	id int64
}

func (t *tx) write(c mailsync.Change) error {
	if err := t.bump(); err != nil {
		return err
	}
	for _, step := range []func(mailsync.Change) error{t.putPairs, t.forget, t.putRows, t.settle, t.putIntent, t.putSightings} {
		if err := step(c); err != nil {
			return err
		}
	}
	return t.putTotals()
}

// bump raises the serial. When it was raised by somebody else since, what we
// remember of the file is old.
func (t *tx) bump() error {
	v, err := t.conn.one(`UPDATE head SET serial = serial + 1 RETURNING serial`)
	if err != nil {
		return err
	}
	if n := number(v[0]); n != t.serial+1 {
		t.next = map[int64]int64{}
		if t.settlements, err = loadSettlements(t.conn); err != nil {
			return err
		}
	}
	t.serial = number(v[0])
	return nil
}

// insert runs an INSERT that returns the ID, whether the row had one or not.
func (t *tx) insert(id *int64, query string, args ...any) error {
	if *id != 0 {
		args[0] = *id
	}
	v, err := t.conn.one(query, args...)
	if err == nil && *id == 0 {
		t.assigned = append(t.assigned, assigned{id, number(v[0])})
	}
	return err
}

func (t *tx) putPairs(c mailsync.Change) error {
	for _, p := range c.Pairs {
		s, g := p.Source, p.Target
		err := t.insert(&p.ID, `INSERT OR REPLACE INTO pairs (id, source_path, source_validity, source_next, source_messages, source_modseq,
			target_path, target_validity, target_next, target_messages, target_modseq, excluded, reason, pending, absent, displaced, last_arrival)
			VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?) RETURNING id`, nil, encodePath(s.Path), s.UIDValidity, s.UIDNext, s.Messages,
			s.HighestModSeq, encodePath(g.Path), g.UIDValidity, g.UIDNext, g.Messages, g.HighestModSeq, p.Excluded, p.Reason,
			p.Pending, p.Absent, p.Displaced, encodeTime(p.LastArrival))
		if err != nil {
			return fmt.Errorf("record folder: %w", err)
		}
	}
	return nil
}

func (t *tx) forget(c mailsync.Change) error {
	for _, id := range c.Forget {
		if err := t.drop(id); err != nil {
			return fmt.Errorf("forget message: %w", err)
		}
	}
	return nil
}

// drop deletes a row, if it is there.
func (t *tx) drop(id int64) error {
	return t.conn.query(func(v []driver.Value) error {
		o, err := decodeOutcome(v[0])
		t.counts[o]--
		return err
	}, `DELETE FROM messages WHERE id = ? RETURNING outcome`, id)
}

func (t *tx) putRows(c mailsync.Change) error {
	var ordinary, special []driver.Value
	seen := make(map[*mailsync.Row]bool, len(c.Rows))
	for _, r := range c.Rows {
		if seen[r] {
			continue
		}
		seen[r] = true
		id, err := t.place(r)
		if err != nil {
			return fmt.Errorf("record message %d: %w", r.SourceUID, err)
		}
		f, err := t.fold(id, r)
		if err != nil {
			return fmt.Errorf("record message %d: %w", r.SourceUID, err)
		}
		t.counts[r.Outcome]++
		if f.ordinary {
			ordinary = append(ordinary, f.values...)
		} else {
			special = append(special, f.values...)
		}
	}
	err := t.insertAll(ordinaryColumns, ordinaryCount, ordinary)
	if err == nil {
		err = t.insertAll(allColumns, allCount, special)
	}
	if err != nil {
		return fmt.Errorf("record messages: %w", err)
	}
	return nil
}

// place removes what a row replaces, and says under which ID it goes in.
func (t *tx) place(r *mailsync.Row) (int64, error) {
	if r.ID != 0 {
		if err := t.drop(r.ID); err != nil || pairOf(r.ID) == r.Pair {
			return r.ID, err
		}
	}
	if t.next[r.Pair] == 0 {
		v, err := t.conn.one(`SELECT max(id) FROM messages WHERE id >= ? AND id < ?`, firstID(r.Pair), firstID(r.Pair+1))
		if err != nil {
			return 0, err
		}
		t.next[r.Pair] = max(number(v[0]), firstID(r.Pair)) + 1
	}
	id := t.next[r.Pair]
	t.next[r.Pair]++
	t.assigned = append(t.assigned, assigned{&r.ID, id})
	return id, nil
}

// insertAll puts many rows into one statement: each run of one costs more
// than a row does.
func (t *tx) insertAll(columns string, width int, values []driver.Value) error {
	for _, rows := range []int{100, 10, 1} {
		for len(values) >= rows*width {
			s, err := t.conn.prepare(insertion(columns, width, rows))
			if err != nil {
				return err
			}
			args := make([]driver.NamedValue, rows*width)
			for i := range args {
				args[i] = driver.NamedValue{Ordinal: i + 1, Value: values[i]}
			}
			if _, err := s.ExecContext(context.Background(), args); err != nil {
				return err
			}
			values = values[rows*width:]
		}
	}
	return nil
}

func insertion(columns string, width, rows int) string {
	row := "(" + strings.Repeat("?,", width-1) + "?)"
	return "INSERT INTO messages (" + columns + ") VALUES " + strings.Repeat(row+",", rows-1) + row
}

// settle raises bounds, never lowers them.
func (t *tx) settle(c mailsync.Change) error {
	for _, s := range c.Settled {
		k := settledFolder{s.Pair, s.Validity}
		t.settlements[k] = max(t.settlements[k], s.Below)
		err := t.conn.exec(`INSERT OR REPLACE INTO settlements (pair, validity, below) VALUES (?,?,?)`, s.Pair, s.Validity, t.settlements[k])
		if err != nil {
			return fmt.Errorf("record settlement: %w", err)
		}
	}
	return nil
}

func (t *tx) putIntent(c mailsync.Change) error {
	if c.Close != 0 {
		if err := t.conn.exec(`DELETE FROM intents WHERE id = ?`, c.Close); err != nil {
			return fmt.Errorf("close intent: %w", err)
		}
	}
	in := c.Open
	if in == nil {
		return nil
	}
	in.ID = 0
	err := t.insert(&in.ID, `INSERT INTO intents (id, pair, at, sources, source_validity, validity, next, moved, from_pair) VALUES (?,?,?,?,?,?,?,?,?)
		RETURNING id`, nil, in.Pair, encodeTime(in.At), encodeUIDs(in.Sources), in.SourceValidity, in.Validity, in.Next, in.Moved, in.From)
	if err != nil {
		return fmt.Errorf("record intent: %w", err)
	}
	return nil
}

func (t *tx) putSightings(c mailsync.Change) error {
	for _, s := range c.Sightings {
		var plain any
		if s.Print.Plain != s.Print.Digest {
			plain = encodeDigest(&s.Print.Plain)
		}
		err := t.conn.exec(`INSERT OR REPLACE INTO sightings (on_target, folder, validity, uid, digest, plain, octets) VALUES (?,?,?,?,?,?,?)`,
			s.OnTarget, encodePath(s.Folder), s.Validity, s.UID, s.Print.Digest[:], plain, s.Print.Octets)
		if err != nil {
			return fmt.Errorf("record sighting: %w", err)
		}
	}
	return nil
}

// putTotals adds to the counts, so that nobody has to count.
func (t *tx) putTotals() error {
	for o, n := range t.counts {
		if n == 0 {
			continue
		}
		err := t.conn.exec(`INSERT INTO totals (outcome, n) VALUES (?,?) ON CONFLICT (outcome) DO UPDATE SET n = n + excluded.n`, encodeOutcome(o), n)
		if err != nil {
			return fmt.Errorf("count messages: %w", err)
		}
	}
	return nil
}
