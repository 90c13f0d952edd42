-- Days and hours are counted from 1970, UTC.

-- +goose Up
ALTER TABLE token_usage ADD COLUMN last_used_agent TEXT NOT NULL DEFAULT '';
ALTER TABLE token_usage ADD COLUMN last_used_door TEXT NOT NULL DEFAULT '';
ALTER TABLE token_usage ADD COLUMN told_hour INTEGER NOT NULL DEFAULT 0; -- the last in which any of its scopes may have been used

-- A row is a day, so that a report over a month reads thirty rows of a token and not 720; the hours are its columns,
-- so that a flush adds in place.
CREATE TABLE token_days (
    token  BLOB NOT NULL REFERENCES tokens (id),
    day    INTEGER NOT NULL,
    reason TEXT NOT NULL, -- allowed, or why not
    door   TEXT NOT NULL,
    total  INTEGER NOT NULL,
    h0  INTEGER NOT NULL DEFAULT 0, h1  INTEGER NOT NULL DEFAULT 0, h2  INTEGER NOT NULL DEFAULT 0, h3  INTEGER NOT NULL DEFAULT 0,
    h4  INTEGER NOT NULL DEFAULT 0, h5  INTEGER NOT NULL DEFAULT 0, h6  INTEGER NOT NULL DEFAULT 0, h7  INTEGER NOT NULL DEFAULT 0,
    h8  INTEGER NOT NULL DEFAULT 0, h9  INTEGER NOT NULL DEFAULT 0, h10 INTEGER NOT NULL DEFAULT 0, h11 INTEGER NOT NULL DEFAULT 0,
    h12 INTEGER NOT NULL DEFAULT 0, h13 INTEGER NOT NULL DEFAULT 0, h14 INTEGER NOT NULL DEFAULT 0, h15 INTEGER NOT NULL DEFAULT 0,
    h16 INTEGER NOT NULL DEFAULT 0, h17 INTEGER NOT NULL DEFAULT 0, h18 INTEGER NOT NULL DEFAULT 0, h19 INTEGER NOT NULL DEFAULT 0,
    h20 INTEGER NOT NULL DEFAULT 0, h21 INTEGER NOT NULL DEFAULT 0, h22 INTEGER NOT NULL DEFAULT 0, h23 INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (token, day, reason, door)
) STRICT, WITHOUT ROWID;
CREATE INDEX token_days_by_day ON token_days (day);

CREATE TABLE token_scopes (
    token     BLOB NOT NULL REFERENCES tokens (id),
    scope     TEXT NOT NULL, -- of the token's own, as it was then
    last_hour INTEGER NOT NULL,
    PRIMARY KEY (token, scope)
) STRICT, WITHOUT ROWID;
CREATE INDEX token_scopes_by_hour ON token_scopes (last_hour);

-- The last batch of usage of each writer: what is sent again is counted once.
CREATE TABLE usage_batches (
    writer BLOB PRIMARY KEY,
    number INTEGER NOT NULL,
    at     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Since when usage is counted by the hour: what a scope was used for before is not known.
ALTER TABLE head ADD COLUMN counted_since INTEGER NOT NULL DEFAULT 0;
UPDATE head SET counted_since = CAST(strftime('%s', 'now') AS INTEGER) * 1000000;

-- A mark says which revision was the last at an instant, so that what has changed is forgotten by its age.
CREATE TABLE revision_marks (
    at       INTEGER PRIMARY KEY,
    revision INTEGER NOT NULL
) STRICT;
ALTER TABLE head ADD COLUMN forgotten INTEGER NOT NULL DEFAULT 0; -- changes up to this revision are not on file any more

-- Of a person's tokens also those that are revoked, for lists; with revoked_at, so that who looks for the others need not read these.
DROP INDEX tokens_by_owner;
CREATE INDEX tokens_by_owner ON tokens (owner, created_at, id, revoked_at);
