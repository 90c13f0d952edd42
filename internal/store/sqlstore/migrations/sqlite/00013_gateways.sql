-- +goose Up
-- By which rules proxies ask.
CREATE TABLE gateways (
    account    TEXT NOT NULL REFERENCES accounts (name),
    name       TEXT NOT NULL,
    version    INTEGER NOT NULL, -- counts changes, from 1
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    routes     TEXT NOT NULL, -- JSON
    PRIMARY KEY (account, name)
) STRICT;
