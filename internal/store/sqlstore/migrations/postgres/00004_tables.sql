-- What migrations/sqlite has become by its fourth step, for a newer database begins here. The same words
-- hold: instants are microseconds since 1970 UTC, NULL for none; ids are the 16 bytes of a UUID; lists are their
-- elements divided and framed by spaces; a *_key column is what its neighbour is compared and ordered by. Text is ordered
-- by its bytes, as SQLite does, whatever the database's own collation.

-- +goose Up
CREATE TABLE head (
    id       BIGINT PRIMARY KEY CHECK (id = 1),
    revision BIGINT NOT NULL,
    users    BIGINT NOT NULL, -- the last user's number
    unhashed BIGINT NOT NULL DEFAULT 0,
    writes   BIGINT NOT NULL DEFAULT 0 -- transactions that have written; whoever counts one up writes, and all others wait
);
INSERT INTO head (id, revision, users) VALUES (1, 0, 0);

-- The last transactions that have written, each with a mark that its writer made: whoever loses the connection
-- during a commit finds out here what became of it.
CREATE TABLE writes (
    slot   BIGINT PRIMARY KEY, -- the number modulo a constant
    number BIGINT NOT NULL, -- head.writes
    mark   BYTEA NOT NULL
);

CREATE TABLE changes (
    revision     BIGINT NOT NULL,
    subject_kind TEXT COLLATE "C" NOT NULL,
    subject_id   TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (revision, subject_kind, subject_id)
);

CREATE TABLE accounts (
    name         TEXT COLLATE "C" PRIMARY KEY,
    title        TEXT COLLATE "C" NOT NULL,
    policy       TEXT COLLATE "C" NOT NULL, -- JSON
    max_lifetime BIGINT NOT NULL, -- the policy's, in microseconds; 0: none
    closed_at    BIGINT,
    created_at   BIGINT NOT NULL,
    last_token   BIGINT NOT NULL DEFAULT 0, -- the last token's number
    last_space   BIGINT NOT NULL DEFAULT 0, -- the last space's number
    max_unused   BIGINT NOT NULL DEFAULT 0 -- the policy's
);

CREATE TABLE spaces (
    account      TEXT COLLATE "C" NOT NULL REFERENCES accounts (name),
    name         TEXT COLLATE "C" NOT NULL,
    number       BIGINT NOT NULL,
    title        TEXT COLLATE "C" NOT NULL,
    closed_at    BIGINT,
    created_at   BIGINT NOT NULL,
    policy       TEXT COLLATE "C" NOT NULL DEFAULT '', -- JSON; '': as the account's
    max_lifetime BIGINT NOT NULL DEFAULT 0, -- the space's own
    max_unused   BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (account, name),
    UNIQUE (account, number)
);

CREATE TABLE users (
    id            BYTEA PRIMARY KEY,
    number        BIGINT NOT NULL UNIQUE,
    username      TEXT COLLATE "C" NOT NULL,
    username_key  TEXT COLLATE "C" NOT NULL UNIQUE,
    email         TEXT COLLATE "C" NOT NULL,
    email_key     TEXT COLLATE "C" UNIQUE, -- NULL: no address
    password_hash TEXT COLLATE "C" NOT NULL,
    disabled_at   BIGINT,
    created_at    BIGINT NOT NULL
);

CREATE TABLE roles (
    user_id BYTEA NOT NULL REFERENCES users (id),
    account TEXT COLLATE "C" NOT NULL, -- '': the instance
    space   TEXT COLLATE "C" NOT NULL, -- '': all of the account
    name    TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (user_id, account, space, name)
);
CREATE INDEX roles_by_place ON roles (account, space, name, user_id);

CREATE TABLE sessions (
    id         BYTEA PRIMARY KEY,
    user_id    BYTEA NOT NULL REFERENCES users (id),
    digest     BYTEA NOT NULL,
    pepper     TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    address    TEXT COLLATE "C" NOT NULL,
    user_agent TEXT COLLATE "C" NOT NULL
);
CREATE INDEX sessions_by_user ON sessions (user_id, id);
CREATE INDEX sessions_by_end ON sessions (expires_at);

CREATE TABLE invites (
    id         BYTEA PRIMARY KEY,
    digest     BYTEA NOT NULL,
    pepper     TEXT COLLATE "C" NOT NULL,
    username   TEXT COLLATE "C" NOT NULL,
    email      TEXT COLLATE "C" NOT NULL,
    account    TEXT COLLATE "C" NOT NULL REFERENCES accounts (name),
    space      TEXT COLLATE "C" NOT NULL, -- '': all of the account
    role       TEXT COLLATE "C" NOT NULL,
    by_user    BYTEA NOT NULL, -- who answers for it: may be gone
    by_token   BYTEA, -- the token that acted; NULL: the person
    invited_by TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX invites_by_account ON invites (account, id);
CREATE INDEX invites_by_end ON invites (expires_at);

-- One row answers a verification: everything that Find tells stands here.
CREATE TABLE tokens (
    id             BYTEA PRIMARY KEY,
    account        TEXT COLLATE "C" NOT NULL,
    space          TEXT COLLATE "C" NOT NULL,
    number         BIGINT NOT NULL,
    kind           BIGINT NOT NULL,
    label          TEXT COLLATE "C" NOT NULL,
    label_key      TEXT COLLATE "C" NOT NULL, -- folded
    owner          BYTEA REFERENCES users (id),
    owner_name     TEXT COLLATE "C" NOT NULL, -- the user's, kept here so that Find need not look there
    parent         BYTEA, -- may be gone
    scopes         TEXT COLLATE "C" NOT NULL,
    audience       TEXT COLLATE "C" NOT NULL,
    secrets        BYTEA NOT NULL, -- see secrets.go
    foreign_digest BYTEA, -- by which an imported token is found
    extra          TEXT COLLATE "C" NOT NULL, -- JSON of what few tokens have, or ''
    created_by     TEXT COLLATE "C" NOT NULL,
    created_at     BIGINT NOT NULL,
    updated_at     BIGINT NOT NULL,
    not_before     BIGINT,
    expires_at     BIGINT,
    expires_key    BIGINT NOT NULL GENERATED ALWAYS AS (COALESCE(expires_at, 9223372036854775807)) STORED,
    renewed_at     BIGINT NOT NULL,
    disabled_at    BIGINT,
    revoked_at     BIGINT,
    UNIQUE (account, number),
    FOREIGN KEY (account, space) REFERENCES spaces (account, name)
);
CREATE UNIQUE INDEX tokens_by_digest ON tokens (foreign_digest) WHERE foreign_digest IS NOT NULL;
CREATE INDEX tokens_by_creation ON tokens (account, created_at, id);
CREATE INDEX tokens_by_space ON tokens (account, space, created_at, id);
CREATE INDEX tokens_by_label ON tokens (account, label_key, id);
CREATE INDEX tokens_by_expiry ON tokens (account, expires_key, id);
CREATE INDEX tokens_by_parent ON tokens (parent) WHERE parent IS NOT NULL;
CREATE INDEX tokens_by_owner ON tokens (owner, created_at, id) WHERE revoked_at IS NULL;
CREATE INDEX tokens_permanent ON tokens (account, space) WHERE expires_at IS NULL AND revoked_at IS NULL;

-- Usage stands apart from what is used, so that noting it never touches a token.
CREATE TABLE token_usage (
    token          BYTEA PRIMARY KEY REFERENCES tokens (id),
    account        TEXT COLLATE "C" NOT NULL,
    last_used_at   BIGINT,
    last_used_key  BIGINT NOT NULL GENERATED ALWAYS AS (COALESCE(last_used_at, 9223372036854775807)) STORED,
    last_used_from TEXT COLLATE "C" NOT NULL DEFAULT '',
    uses           BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX token_usage_by_time ON token_usage (account, last_used_key, token);

CREATE TABLE sealed_keys (
    token  BYTEA PRIMARY KEY REFERENCES tokens (id),
    sealed BYTEA NOT NULL
);

-- seq has no holes: rows are only ever added, by one writer at a time.
CREATE TABLE events (
    seq        BIGINT PRIMARY KEY,
    at         BIGINT NOT NULL,
    action     TEXT COLLATE "C" NOT NULL,
    actor      TEXT COLLATE "C" NOT NULL,
    account    TEXT COLLATE "C" NOT NULL,
    space      TEXT COLLATE "C" NOT NULL,
    subject    TEXT COLLATE "C" NOT NULL,
    old        TEXT COLLATE "C" NOT NULL, -- JSON, or ''
    new        TEXT COLLATE "C" NOT NULL, -- JSON, or ''
    address    TEXT COLLATE "C" NOT NULL,
    user_agent TEXT COLLATE "C" NOT NULL,
    request_id TEXT COLLATE "C" NOT NULL,
    reason     TEXT COLLATE "C" NOT NULL,
    revision   BIGINT NOT NULL -- 0: none
);
CREATE INDEX events_by_time ON events (at, seq);
CREATE INDEX events_by_account ON events (account, at, seq);
CREATE INDEX events_by_subject ON events (subject, at, seq);
CREATE INDEX events_by_actor ON events (actor, at, seq);

-- The Merkle tree over the audit trail (RFC 6962). The event seq is leaf seq-1. With each leaf stand the hashes that were
-- complete with it, 32 bytes each: its own, then those of the subtrees that it fills, from the lowest.
CREATE TABLE tree (
    leaf   BIGINT PRIMARY KEY,
    hashes BYTEA NOT NULL
);

-- +goose StatementBegin
CREATE FUNCTION stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit trail is only ever added to';
END
$$;
-- +goose StatementEnd
CREATE TRIGGER events_stay BEFORE DELETE OR UPDATE OR TRUNCATE ON events FOR EACH STATEMENT EXECUTE FUNCTION stays();
CREATE TRIGGER tree_stays BEFORE DELETE OR UPDATE OR TRUNCATE ON tree FOR EACH STATEMENT EXECUTE FUNCTION stays();

-- Signed now and then, so that hashes that were changed together with their events are found.
CREATE TABLE checkpoints (
    size BIGINT PRIMARY KEY,
    at   BIGINT NOT NULL,
    note TEXT COLLATE "C" NOT NULL
);

CREATE TABLE audit_keys (
    verifier   TEXT COLLATE "C" PRIMARY KEY,
    sealed     BYTEA NOT NULL, -- the signing half
    created_at BIGINT NOT NULL
);

CREATE TABLE idempotent_answers (
    caller     TEXT COLLATE "C" NOT NULL,
    key        BYTEA NOT NULL,
    request    BYTEA NOT NULL,
    sealed     BYTEA NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (caller, key)
);
CREATE INDEX idempotent_answers_by_end ON idempotent_answers (expires_at);

CREATE TABLE signing_keys (
    kid        TEXT COLLATE "C" PRIMARY KEY,
    public     BYTEA NOT NULL,
    sealed     BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    active_at  BIGINT NOT NULL,
    retire_at  BIGINT
);

CREATE TABLE settings (
    name  TEXT COLLATE "C" PRIMARY KEY,
    value TEXT COLLATE "C" NOT NULL
);
