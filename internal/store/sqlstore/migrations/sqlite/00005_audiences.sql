-- +goose Up
CREATE TABLE audiences (
    account     TEXT NOT NULL REFERENCES accounts (name),
    name        TEXT NOT NULL, -- '-': of the tokens that name none
    description TEXT NOT NULL,
    entries     INTEGER NOT NULL, -- in scopes
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    scopes      TEXT NOT NULL, -- JSON
    PRIMARY KEY (account, name)
) STRICT;
