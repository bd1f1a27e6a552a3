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
CREATE TABLE messages (
	id              INTEGER PRIMARY KEY,
	pair            INTEGER NOT NULL,
	source_uid      INTEGER NOT NULL,
	source_validity INTEGER NOT NULL,
	target_uid      INTEGER NOT NULL,
	target_validity INTEGER NOT NULL,
	target_folder   TEXT,
	digest          BLOB,
	plain           BLOB,
	size            INTEGER NOT NULL,
	date            INTEGER,
	flags           TEXT NOT NULL,
	left_flags      TEXT NOT NULL,
	outcome         TEXT NOT NULL,
	origin          TEXT NOT NULL,
	settled         INTEGER NOT NULL,
	reason          TEXT
);
CREATE INDEX messages_pair ON messages (pair, id);
CREATE TABLE intents (
	id              INTEGER PRIMARY KEY,
	pair            INTEGER NOT NULL,
	at              INTEGER,
	sources         TEXT NOT NULL,
	source_validity INTEGER NOT NULL,
	validity        INTEGER NOT NULL,
	next            INTEGER NOT NULL
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
INSERT INTO head VALUES (1, '00112233445566778899aabbccddeeff', 41, 'host pid 1', 1798761600);
INSERT INTO pairs VALUES (1, '["INBOX"]', 17, 9, 3, 5, '["INBOX"]', 18, 8, 2, 6, 0, 'same name', 1, 0, 1, 1798761600);
INSERT INTO pairs VALUES (2, '["Clients","Été"]', 21, 2, 1, 0, NULL, 0, 0, 0, 0, 1, 'excluded by rule', 0, 0, 0, NULL);
INSERT INTO messages VALUES (1, 1, 1, 17, 3, 18, NULL, x'0101010101010101010101010101010101010101010101010101010101010101', NULL, 2048, 1798761600, '$X \Seen', '$X \Seen', 'copied', 'source', 1, NULL);
INSERT INTO messages VALUES (2, 2, 4294967295, 21, 0, 0, NULL, NULL, NULL, 99, NULL, '', '', 'excluded', 'source', 1, 'excluded by rule');
INSERT INTO messages VALUES (3, 1, 2, 17, 4, 18, NULL, x'0202020202020202020202020202020202020202020202020202020202020202', x'0303030303030303030303030303030303030303030303030303030303030303', 1099511627776, 253402300799, '\Flagged', '', 'copied', 'source', 0, NULL);
INSERT INTO messages VALUES (5, 1, 3, 17, 7, 19, '["Perso","2027"]', x'0404040404040404040404040404040404040404040404040404040404040404', NULL, 7, 1798761600, '', '\Seen', 'adopted', 'target', 1, NULL);
INSERT INTO messages VALUES (6, 1, 4, 17, 0, 18, NULL, x'0505050505050505050505050505050505050505050505050505050505050505', NULL, 7, 1798761600, '\Seen', '\Seen', 'gone', 'source', 1, 'it''s gone');
INSERT INTO intents VALUES (9, 1, 1798761600, '[5,6,7,3]', 17, 18, 8);
INSERT INTO sightings VALUES (1, '["INBOX"]', 18, 2, x'0606060606060606060606060606060606060606060606060606060606060606', NULL, 12);
PRAGMA user_version = 1;
