-- +goose Up
-- Those that were used most in some days are among those that were used most in all. A token that was never used has no entry.
CREATE INDEX token_usage_by_uses ON token_usage (account, uses, token) WHERE uses > 0;
