-- +goose Up
-- What people are still to be told by e-mail. What waits for the same person goes in one letter.
CREATE TABLE mails (
    id          BLOB PRIMARY KEY,
    user_id     BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    account     TEXT NOT NULL,
    line        TEXT NOT NULL,
    created_at  INTEGER NOT NULL,
    attempt     INTEGER NOT NULL, -- failures so far
    next_at     INTEGER NOT NULL,
    lease_until INTEGER -- until then it is somebody's who tries it
) STRICT;
CREATE INDEX mails_due ON mails (next_at);
CREATE INDEX mails_by_user ON mails (user_id, next_at);
