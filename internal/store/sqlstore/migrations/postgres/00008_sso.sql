-- +goose Up
-- Who somebody is at a provider of single sign-on. A subject is one person for ever, an e-mail address is not.
CREATE TABLE identities (
    issuer     TEXT COLLATE "C" NOT NULL,
    subject    TEXT COLLATE "C" NOT NULL,
    user_id    BYTEA NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (issuer, subject),
    UNIQUE (user_id, issuer)
);

-- Sessions that somebody may fetch who proved to be the user a moment ago.
CREATE TABLE offers (
    id         BYTEA PRIMARY KEY,
    digest     BYTEA NOT NULL,
    pepper     TEXT COLLATE "C" NOT NULL,
    challenge  TEXT COLLATE "C" NOT NULL, -- RFC 7636, S256
    user_id    BYTEA NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    expires_at BIGINT NOT NULL
);
CREATE INDEX offers_by_user ON offers (user_id);
CREATE INDEX offers_by_end ON offers (expires_at);

ALTER TABLE roles ADD COLUMN provided BIGINT NOT NULL DEFAULT 0; -- 1: by the groups at the provider
ALTER TABLE sessions ADD COLUMN sso BIGINT NOT NULL DEFAULT 0; -- 1: begun through the provider
