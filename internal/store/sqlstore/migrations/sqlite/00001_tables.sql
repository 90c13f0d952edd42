-- Instants are microseconds since 1970 UTC, NULL for none. Ids are the 16 bytes of a UUID.
-- Lists are their elements divided and framed by spaces. A *_key column is what its neighbour
-- is compared and ordered by.

-- +goose Up
CREATE TABLE head (
    id       INTEGER PRIMARY KEY CHECK (id = 1),
    revision INTEGER NOT NULL,
    users    INTEGER NOT NULL -- the last user's number
) STRICT;
INSERT INTO head (id, revision, users) VALUES (1, 0, 0);

CREATE TABLE changes (
    revision     INTEGER NOT NULL,
    subject_kind TEXT NOT NULL,
    subject_id   TEXT NOT NULL,
    PRIMARY KEY (revision, subject_kind, subject_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE accounts (
    name         TEXT PRIMARY KEY,
    title        TEXT NOT NULL,
    policy       TEXT NOT NULL, -- JSON
    max_lifetime INTEGER NOT NULL, -- the policy's, in microseconds; 0: none
    closed_at    INTEGER,
    created_at   INTEGER NOT NULL,
    last_token   INTEGER NOT NULL DEFAULT 0, -- the last token's number
    last_space   INTEGER NOT NULL DEFAULT 0 -- the last space's number
) STRICT;

CREATE TABLE spaces (
    account    TEXT NOT NULL REFERENCES accounts (name),
    name       TEXT NOT NULL,
    number     INTEGER NOT NULL,
    title      TEXT NOT NULL,
    closed_at  INTEGER,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (account, name),
    UNIQUE (account, number)
) STRICT;

CREATE TABLE users (
    id            BLOB PRIMARY KEY,
    number        INTEGER NOT NULL UNIQUE,
    username      TEXT NOT NULL,
    username_key  TEXT NOT NULL UNIQUE,
    email         TEXT NOT NULL,
    email_key     TEXT UNIQUE, -- NULL: no address
    password_hash TEXT NOT NULL,
    disabled_at   INTEGER,
    created_at    INTEGER NOT NULL
) STRICT;

CREATE TABLE roles (
    user_id BLOB NOT NULL REFERENCES users (id),
    account TEXT NOT NULL, -- '': the instance
    space   TEXT NOT NULL, -- '': all of the account
    name    TEXT NOT NULL,
    PRIMARY KEY (user_id, account, space, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE sessions (
    id         BLOB PRIMARY KEY,
    user_id    BLOB NOT NULL REFERENCES users (id),
    digest     BLOB NOT NULL,
    pepper     TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    address    TEXT NOT NULL,
    user_agent TEXT NOT NULL
) STRICT;
CREATE INDEX sessions_by_user ON sessions (user_id);
CREATE INDEX sessions_by_end ON sessions (expires_at);

-- One row answers a verification: everything that Find tells stands here.
CREATE TABLE tokens (
    id             BLOB PRIMARY KEY,
    account        TEXT NOT NULL,
    space          TEXT NOT NULL,
    number         INTEGER NOT NULL,
    kind           INTEGER NOT NULL,
    label          TEXT NOT NULL,
    label_key      TEXT NOT NULL, -- folded
    owner          BLOB REFERENCES users (id),
    owner_name     TEXT NOT NULL, -- the user's, kept here so that Find need not look there
    parent         BLOB, -- may be gone
    scopes         TEXT NOT NULL,
    audience       TEXT NOT NULL,
    secrets        BLOB NOT NULL, -- see secrets.go
    foreign_digest BLOB, -- by which an imported token is found
    extra          TEXT NOT NULL, -- JSON of what few tokens have, or ''
    created_by     TEXT NOT NULL,
    created_at     INTEGER NOT NULL,
    updated_at     INTEGER NOT NULL,
    not_before     INTEGER,
    expires_at     INTEGER,
    expires_key    INTEGER NOT NULL GENERATED ALWAYS AS (COALESCE(expires_at, 9223372036854775807)) STORED,
    renewed_at     INTEGER NOT NULL,
    disabled_at    INTEGER,
    revoked_at     INTEGER,
    UNIQUE (account, number),
    FOREIGN KEY (account, space) REFERENCES spaces (account, name)
) STRICT;
CREATE UNIQUE INDEX tokens_by_digest ON tokens (foreign_digest) WHERE foreign_digest IS NOT NULL;
CREATE INDEX tokens_by_creation ON tokens (account, created_at, id);
CREATE INDEX tokens_by_space ON tokens (account, space, created_at, id);
CREATE INDEX tokens_by_label ON tokens (account, label_key, id);
CREATE INDEX tokens_by_expiry ON tokens (account, expires_key, id);
CREATE INDEX tokens_by_parent ON tokens (parent) WHERE parent IS NOT NULL;
CREATE INDEX tokens_permanent ON tokens (account, space) WHERE expires_at IS NULL AND revoked_at IS NULL;

-- Usage stands apart from what is used, so that noting it never touches a token.
CREATE TABLE token_usage (
    token          BLOB PRIMARY KEY REFERENCES tokens (id),
    account        TEXT NOT NULL,
    last_used_at   INTEGER,
    last_used_key  INTEGER NOT NULL GENERATED ALWAYS AS (COALESCE(last_used_at, 9223372036854775807)) STORED,
    last_used_from TEXT NOT NULL DEFAULT '',
    uses           INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE INDEX token_usage_by_time ON token_usage (account, last_used_key, token);

CREATE TABLE sealed_keys (
    token  BLOB PRIMARY KEY REFERENCES tokens (id),
    sealed BLOB NOT NULL
) STRICT;

-- seq has no holes: rows are only ever added, by one writer.
CREATE TABLE events (
    seq        INTEGER PRIMARY KEY,
    at         INTEGER NOT NULL,
    action     TEXT NOT NULL,
    actor      TEXT NOT NULL,
    account    TEXT NOT NULL,
    space      TEXT NOT NULL,
    subject    TEXT NOT NULL,
    old        TEXT NOT NULL, -- JSON, or ''
    new        TEXT NOT NULL, -- JSON, or ''
    address    TEXT NOT NULL,
    user_agent TEXT NOT NULL,
    request_id TEXT NOT NULL,
    reason     TEXT NOT NULL,
    revision   INTEGER NOT NULL -- 0: none
) STRICT;
CREATE INDEX events_by_account ON events (account, seq);
CREATE INDEX events_by_subject ON events (subject, seq);

-- +goose StatementBegin
CREATE TRIGGER events_stay BEFORE DELETE ON events BEGIN
    SELECT RAISE(ABORT, 'an event cannot be deleted');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER events_stay_as_they_are BEFORE UPDATE ON events BEGIN
    SELECT RAISE(ABORT, 'an event cannot be changed');
END;
-- +goose StatementEnd

CREATE TABLE idempotent_answers (
    caller     TEXT NOT NULL,
    key        BLOB NOT NULL,
    request    BLOB NOT NULL,
    sealed     BLOB NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (caller, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotent_answers_by_end ON idempotent_answers (expires_at);

CREATE TABLE signing_keys (
    kid        TEXT PRIMARY KEY,
    public     BLOB NOT NULL,
    sealed     BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    active_at  INTEGER NOT NULL,
    retire_at  INTEGER
) STRICT;

CREATE TABLE settings (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;
