package ledger

import (
	"database/sql/driver"
	"encoding/json"
	"fmt"

	"bascule/mailsync"
)

// upgrade brings a ledger of an older format to the newest, in one
// transaction: a program that dies meanwhile leaves the older one.
func (l *Ledger) upgrade(found int) error {
	if found == version {
		return nil
	}
	intents, err := l.intents1()
	if err != nil {
		return err
	}
	if err := l.script(fromFormat1 + intents + fmt.Sprintf(`PRAGMA user_version = %d`, version)); err != nil {
		return fmt.Errorf("bring ledger from format %d to %d: %w", found, version, err)
	}
	return nil
}

// fromFormat1 gives rows IDs that say their pair, numbers for what was text,
// and totals. Format 1 had no settlements: its rows say it one by one.
const fromFormat1 = `
ALTER TABLE messages RENAME TO messages_1;
` + messagesSchema + `
INSERT INTO words (word)
	SELECT flags FROM messages_1 WHERE flags <> ''
	UNION SELECT left_flags FROM messages_1 WHERE left_flags <> ''
	UNION SELECT target_folder FROM messages_1 WHERE target_folder IS NOT NULL
	UNION SELECT source_validity || '/' || target_validity FROM messages_1;
INSERT INTO messages (id, source_uid, target_uid, validities, digest, size, date, flags, left_flags, outcome, origin, settled, plain, target_folder, reason)
	SELECT (m.pair << 40) | m.id, m.source_uid, m.target_uid, v.id, m.digest, m.size, m.date, coalesce(f.id, 0),
		CASE WHEN m.left_flags <> m.flags THEN coalesce(l.id, 0) END,
		CASE m.outcome WHEN 'copied' THEN 1 WHEN 'adopted' THEN 2 WHEN 'delivered' THEN 3 WHEN 'moved' THEN 4
			WHEN 'released' THEN 5 WHEN 'excluded' THEN 6 WHEN 'rejected' THEN 7 WHEN 'gone' THEN 8 ELSE 0 END,
		nullif(m.origin, 'source'), CASE WHEN m.settled THEN 1 ELSE 2 END, m.plain, t.id, m.reason
	FROM messages_1 m
	JOIN words v ON v.word = m.source_validity || '/' || m.target_validity
	LEFT JOIN words f ON f.word = m.flags
	LEFT JOIN words l ON l.word = m.left_flags
	LEFT JOIN words t ON t.word = m.target_folder
	ORDER BY m.pair, m.id;
INSERT INTO totals SELECT outcome, count(*) FROM messages GROUP BY outcome;
DROP TABLE messages_1;
ALTER TABLE intents ADD COLUMN moved INTEGER NOT NULL DEFAULT 0;
ALTER TABLE intents ADD COLUMN from_pair INTEGER NOT NULL DEFAULT 0;
`

// intents1 returns SQL that writes the UIDs of open batches the new way.
func (l *Ledger) intents1() (out string, err error) {
	err = l.conn.query(func(v []driver.Value) error {
		var uids []mailsync.UID
		if err := json.Unmarshal([]byte(text(v[1])), &uids); err != nil {
			return fmt.Errorf("%w: intent %d", mailsync.ErrLedgerCorrupt, number(v[0]))
		}
		out += fmt.Sprintf("UPDATE intents SET sources = '%s' WHERE id = %d;\n", encodeUIDs(uids), number(v[0]))
		return nil
	}, `SELECT id, sources FROM intents`)
	return out, err
}
