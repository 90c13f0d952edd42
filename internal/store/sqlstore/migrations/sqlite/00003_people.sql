-- +goose Up
CREATE TABLE invites (
    id         BLOB PRIMARY KEY,
    digest     BLOB NOT NULL,
    pepper     TEXT NOT NULL,
    username   TEXT NOT NULL,
    email      TEXT NOT NULL,
    account    TEXT NOT NULL REFERENCES accounts (name),
    space      TEXT NOT NULL, -- '': all of the account
    role       TEXT NOT NULL,
    by_user    BLOB NOT NULL, -- who answers for it: may be gone
    by_token   BLOB, -- the token that acted; NULL: the person
    invited_by TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX invites_by_account ON invites (account, id);
CREATE INDEX invites_by_end ON invites (expires_at);

CREATE INDEX roles_by_place ON roles (account, space, name, user_id);
CREATE INDEX tokens_by_owner ON tokens (owner, created_at, id) WHERE revoked_at IS NULL;
DROP INDEX sessions_by_user;
CREATE INDEX sessions_by_user ON sessions (user_id, id);
