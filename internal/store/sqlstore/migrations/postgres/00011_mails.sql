-- +goose Up
-- What people are still to be told by e-mail. What waits for the same person goes in one letter.
CREATE TABLE mails (
    id          BYTEA PRIMARY KEY,
    user_id     BYTEA NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    account     TEXT COLLATE "C" NOT NULL,
    line        TEXT COLLATE "C" NOT NULL,
    created_at  BIGINT NOT NULL,
    attempt     BIGINT NOT NULL, -- failures so far
    next_at     BIGINT NOT NULL,
    lease_until BIGINT -- until then it is somebody's who tries it
);
CREATE INDEX mails_due ON mails (next_at);
CREATE INDEX mails_by_user ON mails (user_id, next_at);
