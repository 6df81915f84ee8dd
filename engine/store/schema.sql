-- Version 1 of engine.db. Run inside one transaction, which also sets user_version, so a crash leaves all or nothing.
--
-- A value that no query looks into stands in one JSON column (`record`): a source, a notification's text, a bad line.
-- A new field with a default then needs no migration, an inode of 64 unsigned bits fits, and a lone surrogate in
-- hostile text survives as an escape. What a query does look at is a column of its own.
-- A field that an older engine could not read raises the schema version.

PRAGMA application_id = 1128353874;  -- "CAPR": the file says whose it is

-- Who writes. One row a role; `epoch` is the random name of the process that holds the lock, checked in each
-- transaction; `clean` says the last run ended in order; `last_ms` is the instant of the last commit.
CREATE TABLE IF NOT EXISTS holder (
    role TEXT PRIMARY KEY,
    epoch TEXT NOT NULL,
    clean INTEGER NOT NULL DEFAULT 1,
    last_ms INTEGER
);

CREATE TABLE IF NOT EXISTS source (uid TEXT PRIMARY KEY, record TEXT NOT NULL);

CREATE TABLE IF NOT EXISTS state (
    owner TEXT NOT NULL,
    key TEXT NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (owner, key)
);

-- AUTOINCREMENT: an id that a person has read from `engine outbox` never names another message later.
-- For a sent or dead row `due_ms` is the instant it became so; retention counts from there.
CREATE TABLE IF NOT EXISTS outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL UNIQUE,
    destination TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'sending', 'sent', 'dead')),
    tries INTEGER NOT NULL DEFAULT 0,
    crashes INTEGER NOT NULL DEFAULT 0,
    created_ms INTEGER NOT NULL,
    due_ms INTEGER NOT NULL,
    last_error TEXT NOT NULL DEFAULT '',
    record TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS outbox_queue ON outbox (state, destination, id, due_ms);
CREATE INDEX IF NOT EXISTS outbox_due ON outbox (state, due_ms);

-- Keys of rows that are gone, so that a replay does not send them again.
CREATE TABLE IF NOT EXISTS seen (key TEXT PRIMARY KEY, expires_ms INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS seen_expires ON seen (expires_ms);

CREATE TABLE IF NOT EXISTS bad_line (id INTEGER PRIMARY KEY, record TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS gap (id INTEGER PRIMARY KEY, record TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS decision (id INTEGER PRIMARY KEY, rule TEXT NOT NULL, record TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS decision_rule ON decision (rule, id);
