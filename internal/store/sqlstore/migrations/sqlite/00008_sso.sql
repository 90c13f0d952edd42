-- +goose Up
-- Who somebody is at a provider of single sign-on. A subject is one person for ever, an e-mail address is not.
CREATE TABLE identities (
    issuer     TEXT NOT NULL,
    subject    TEXT NOT NULL,
    user_id    BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (issuer, subject),
    UNIQUE (user_id, issuer)
) STRICT, WITHOUT ROWID;

-- Sessions that somebody may fetch who proved to be the user a moment ago.
CREATE TABLE offers (
    id         BLOB PRIMARY KEY,
    digest     BLOB NOT NULL,
    pepper     TEXT NOT NULL,
    challenge  TEXT NOT NULL, -- RFC 7636, S256
    user_id    BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX offers_by_user ON offers (user_id);
CREATE INDEX offers_by_end ON offers (expires_at);

ALTER TABLE roles ADD COLUMN provided INTEGER NOT NULL DEFAULT 0; -- 1: by the groups at the provider
ALTER TABLE sessions ADD COLUMN sso INTEGER NOT NULL DEFAULT 0; -- 1: begun through the provider
