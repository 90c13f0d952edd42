-- Spans are microseconds; 0: none.

-- +goose Up
ALTER TABLE accounts ADD COLUMN max_unused INTEGER NOT NULL DEFAULT 0; -- the policy's
ALTER TABLE spaces ADD COLUMN policy TEXT NOT NULL DEFAULT ''; -- JSON; '': as the account's
ALTER TABLE spaces ADD COLUMN max_lifetime INTEGER NOT NULL DEFAULT 0; -- the space's own
ALTER TABLE spaces ADD COLUMN max_unused INTEGER NOT NULL DEFAULT 0;
