-- The Merkle tree over the audit trail (RFC 6962). The event seq is leaf seq-1.

-- +goose Up
-- With each leaf stand the hashes that were complete with it, 32 bytes each: its own, then those of the
-- subtrees that it fills, from the lowest.
CREATE TABLE tree (
    leaf   INTEGER PRIMARY KEY,
    hashes BLOB NOT NULL
) STRICT;

-- +goose StatementBegin
CREATE TRIGGER tree_stays BEFORE DELETE ON tree BEGIN
    SELECT RAISE(ABORT, 'a hash of the audit trail cannot be deleted');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER tree_stays_as_it_is BEFORE UPDATE ON tree BEGIN
    SELECT RAISE(ABORT, 'a hash of the audit trail cannot be changed');
END;
-- +goose StatementEnd

-- Signed now and then, so that hashes that were changed together with their events are found.
CREATE TABLE checkpoints (
    size INTEGER PRIMARY KEY,
    at   INTEGER NOT NULL,
    note TEXT NOT NULL
) STRICT;

CREATE TABLE audit_keys (
    verifier   TEXT PRIMARY KEY,
    sealed     BLOB NOT NULL, -- the signing half
    created_at INTEGER NOT NULL
) STRICT;

-- Events from before the tree are hashed when the program opens the database; later ones never.
ALTER TABLE head ADD COLUMN unhashed INTEGER NOT NULL DEFAULT 0;
UPDATE head SET unhashed = (SELECT COALESCE(MAX(seq), 0) FROM events);

-- Lists are in the order of time, whatever they are filtered by.
DROP INDEX events_by_account;
DROP INDEX events_by_subject;
CREATE INDEX events_by_time ON events (at, seq);
CREATE INDEX events_by_account ON events (account, at, seq);
CREATE INDEX events_by_subject ON events (subject, at, seq);
CREATE INDEX events_by_actor ON events (actor, at, seq);
