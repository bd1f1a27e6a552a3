package ledger

// version is the newest format this package reads and the only one it writes.
const version = 2

// schema is docs/ledger-format.md in SQL. Times are Unix seconds, paths JSON
// arrays, flags joined by spaces (no flag holds one, RFC 9051 §9).
const schema = `
CREATE TABLE head (
	one     INTEGER PRIMARY KEY CHECK (one = 1),
	id      TEXT NOT NULL,
	serial  INTEGER NOT NULL,
	owner   TEXT NOT NULL DEFAULT '',
	since   INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE pairs (
	id              INTEGER PRIMARY KEY,
	source_path     TEXT NOT NULL,
	source_validity INTEGER NOT NULL,
	source_next     INTEGER NOT NULL,
	source_messages INTEGER NOT NULL,
	source_modseq   INTEGER NOT NULL,
	target_path     TEXT,
	target_validity INTEGER NOT NULL,
	target_next     INTEGER NOT NULL,
	target_messages INTEGER NOT NULL,
	target_modseq   INTEGER NOT NULL,
	excluded        INTEGER NOT NULL,
	reason          TEXT NOT NULL,
	pending         INTEGER NOT NULL,
	absent          INTEGER NOT NULL,
	displaced       INTEGER NOT NULL,
	last_arrival    INTEGER
);
CREATE TABLE intents (
	id              INTEGER PRIMARY KEY,
	pair            INTEGER NOT NULL,
	at              INTEGER,
	sources         TEXT NOT NULL,
	source_validity INTEGER NOT NULL,
	validity        INTEGER NOT NULL,
	next            INTEGER NOT NULL,
	moved           INTEGER NOT NULL DEFAULT 0,
	from_pair       INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE sightings (
	on_target INTEGER NOT NULL,
	folder    TEXT NOT NULL,
	validity  INTEGER NOT NULL,
	uid       INTEGER NOT NULL,
	digest    BLOB NOT NULL,
	plain     BLOB,
	octets    INTEGER NOT NULL,
	PRIMARY KEY (on_target, folder, validity, uid)
) WITHOUT ROWID;
` + messagesSchema

// messagesSchema is what format 2 brought. A row of an ordinary copy leaves
// all columns after flags at their defaults.
const messagesSchema = `
CREATE TABLE messages (
	id            INTEGER PRIMARY KEY,
	source_uid    INTEGER NOT NULL,
	target_uid    INTEGER NOT NULL,
	validities    INTEGER NOT NULL,
	digest        BLOB,
	size          INTEGER NOT NULL,
	date          INTEGER,
	flags         INTEGER NOT NULL,
	left_flags    INTEGER,
	outcome       INTEGER NOT NULL DEFAULT 1,
	origin        INTEGER,
	settled       INTEGER,
	plain         BLOB,
	target_folder INTEGER,
	reason        TEXT,
	flux          INTEGER
);
CREATE INDEX astray ON messages (id) WHERE outcome = 8 OR target_folder IS NOT NULL;
CREATE TABLE words (
	id   INTEGER PRIMARY KEY,
	word TEXT NOT NULL UNIQUE
);
CREATE TABLE totals (
	outcome INTEGER PRIMARY KEY,
	n       INTEGER NOT NULL
);
CREATE TABLE settlements (
	pair     INTEGER NOT NULL,
	validity INTEGER NOT NULL,
	below    INTEGER NOT NULL,
	PRIMARY KEY (pair, validity)
) WITHOUT ROWID;
`
