-- +goose Up
CREATE TABLE audiences (
    account     TEXT COLLATE "C" NOT NULL REFERENCES accounts (name),
    name        TEXT COLLATE "C" NOT NULL, -- '-': of the tokens that name none
    description TEXT COLLATE "C" NOT NULL,
    entries     BIGINT NOT NULL, -- in scopes
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    scopes      TEXT COLLATE "C" NOT NULL, -- JSON
    PRIMARY KEY (account, name)
);
