-- +goose Up
-- The programs that have the database open. Each may answer from memory until lease_until, by this server's clock.
CREATE TABLE nodes (
    id          BYTEA PRIMARY KEY,
    name        TEXT COLLATE "C" NOT NULL,
    version     TEXT COLLATE "C" NOT NULL,
    started_at  BIGINT NOT NULL,
    lease_until BIGINT NOT NULL,
    acked       BIGINT NOT NULL -- it answers with nothing older than this revision
);
