-- +goose Up
-- By which rules proxies ask.
CREATE TABLE gateways (
    account    TEXT COLLATE "C" NOT NULL REFERENCES accounts (name),
    name       TEXT COLLATE "C" NOT NULL,
    version    BIGINT NOT NULL, -- counts changes, from 1
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    routes     TEXT COLLATE "C" NOT NULL, -- JSON
    PRIMARY KEY (account, name)
);
