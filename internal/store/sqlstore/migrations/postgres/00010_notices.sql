-- +goose Up
-- What was told of each token, so that it is told once.
CREATE TABLE notices (
    token        BYTEA PRIMARY KEY REFERENCES tokens (id) ON DELETE CASCADE,
    ends_at      BIGINT, -- the end that was told of
    days         BIGINT NOT NULL, -- so many before it, at the least
    unused_since BIGINT -- the last use, before the spell that was told of
);

-- What was told of quotas and has not become untrue since.
CREATE TABLE quota_notices (
    account TEXT COLLATE "C" NOT NULL REFERENCES accounts (name),
    space   TEXT COLLATE "C" NOT NULL, -- '': all of the account
    what    TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (account, space, what)
);

-- Up to when each account was looked at, under which policies.
CREATE TABLE notice_marks (
    account TEXT COLLATE "C" PRIMARY KEY REFERENCES accounts (name),
    at      BIGINT NOT NULL,
    spans   TEXT COLLATE "C" NOT NULL
);

-- For tokens whose time does not count from their making. Few are in these, and a token that is made is in none.
CREATE INDEX tokens_renewed ON tokens (account, renewed_at, id) WHERE renewed_at > created_at;
CREATE INDEX tokens_starting ON tokens (account, not_before, id) WHERE not_before IS NOT NULL;
