-- Version 2 of engine.db. Every statement can run twice, as those of version 1 can.

-- What operators asked of the engine. The commit that does it also deletes the row, so nothing is done twice.
-- AUTOINCREMENT: a late commit must not delete another row that was given the same id.
CREATE TABLE IF NOT EXISTS request (id INTEGER PRIMARY KEY AUTOINCREMENT, record TEXT NOT NULL);

-- Version 1 made this table and never wrote to it. `written_ms` is the instant of the commit: retention counts from it.
DROP TABLE IF EXISTS decision;
CREATE TABLE decision (
    id INTEGER PRIMARY KEY, rule TEXT NOT NULL, written_ms INTEGER NOT NULL, record TEXT NOT NULL
);
CREATE INDEX decision_rule ON decision (rule, id);

-- What a language model answered, or why none did: one row a firing, so that all its destinations get the same.
CREATE TABLE IF NOT EXISTS summary (key TEXT PRIMARY KEY, written_ms INTEGER NOT NULL, record TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS summary_written ON summary (written_ms);

-- Calls to a language model, counted before each: by local day, and by what they count on (a rule, or everything).
CREATE TABLE IF NOT EXISTS spent (
    day TEXT NOT NULL, name TEXT NOT NULL, calls INTEGER NOT NULL, written_ms INTEGER NOT NULL,
    PRIMARY KEY (day, name)
) WITHOUT ROWID;
