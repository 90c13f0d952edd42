-- +goose Up
-- What was told of each token, so that it is told once.
CREATE TABLE notices (
    token        BLOB PRIMARY KEY REFERENCES tokens (id) ON DELETE CASCADE,
    ends_at      INTEGER, -- the end that was told of
    days         INTEGER NOT NULL, -- so many before it, at the least
    unused_since INTEGER -- the last use, before the spell that was told of
) STRICT;

-- What was told of quotas and has not become untrue since.
CREATE TABLE quota_notices (
    account TEXT NOT NULL REFERENCES accounts (name),
    space   TEXT NOT NULL, -- '': all of the account
    what    TEXT NOT NULL,
    PRIMARY KEY (account, space, what)
) STRICT;

-- Up to when each account was looked at, under which policies.
CREATE TABLE notice_marks (
    account TEXT PRIMARY KEY REFERENCES accounts (name),
    at      INTEGER NOT NULL,
    spans   TEXT NOT NULL
) STRICT;

-- For tokens whose time does not count from their making. Few are in these, and a token that is made is in none.
CREATE INDEX tokens_renewed ON tokens (account, renewed_at, id) WHERE renewed_at > created_at;
CREATE INDEX tokens_starting ON tokens (account, not_before, id) WHERE not_before IS NOT NULL;
