-- Days and hours are counted from 1970, UTC.

-- +goose Up
ALTER TABLE token_usage ADD COLUMN last_used_agent TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE token_usage ADD COLUMN last_used_door TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE token_usage ADD COLUMN told_hour BIGINT NOT NULL DEFAULT 0; -- the last in which any of its scopes may have been used

-- A row is a day, so that a report over a month reads thirty rows of a token and not 720; the hours are its columns,
-- so that a flush adds in place.
CREATE TABLE token_days (
    token  BYTEA NOT NULL REFERENCES tokens (id),
    day    BIGINT NOT NULL,
    reason TEXT COLLATE "C" NOT NULL, -- allowed, or why not
    door   TEXT COLLATE "C" NOT NULL,
    total  BIGINT NOT NULL,
    h0  BIGINT NOT NULL DEFAULT 0, h1  BIGINT NOT NULL DEFAULT 0, h2  BIGINT NOT NULL DEFAULT 0, h3  BIGINT NOT NULL DEFAULT 0,
    h4  BIGINT NOT NULL DEFAULT 0, h5  BIGINT NOT NULL DEFAULT 0, h6  BIGINT NOT NULL DEFAULT 0, h7  BIGINT NOT NULL DEFAULT 0,
    h8  BIGINT NOT NULL DEFAULT 0, h9  BIGINT NOT NULL DEFAULT 0, h10 BIGINT NOT NULL DEFAULT 0, h11 BIGINT NOT NULL DEFAULT 0,
    h12 BIGINT NOT NULL DEFAULT 0, h13 BIGINT NOT NULL DEFAULT 0, h14 BIGINT NOT NULL DEFAULT 0, h15 BIGINT NOT NULL DEFAULT 0,
    h16 BIGINT NOT NULL DEFAULT 0, h17 BIGINT NOT NULL DEFAULT 0, h18 BIGINT NOT NULL DEFAULT 0, h19 BIGINT NOT NULL DEFAULT 0,
    h20 BIGINT NOT NULL DEFAULT 0, h21 BIGINT NOT NULL DEFAULT 0, h22 BIGINT NOT NULL DEFAULT 0, h23 BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (token, day, reason, door)
);
CREATE INDEX token_days_by_day ON token_days (day);

CREATE TABLE token_scopes (
    token     BYTEA NOT NULL REFERENCES tokens (id),
    scope     TEXT COLLATE "C" NOT NULL, -- of the token's own, as it was then
    last_hour BIGINT NOT NULL,
    PRIMARY KEY (token, scope)
);
CREATE INDEX token_scopes_by_hour ON token_scopes (last_hour);

-- The last batch of usage of each writer: what is sent again is counted once.
CREATE TABLE usage_batches (
    writer BYTEA PRIMARY KEY,
    number BIGINT NOT NULL,
    at     BIGINT NOT NULL
);

-- Since when usage is counted by the hour: what a scope was used for before is not known.
ALTER TABLE head ADD COLUMN counted_since BIGINT NOT NULL DEFAULT 0;
UPDATE head SET counted_since = CAST(EXTRACT(EPOCH FROM clock_timestamp()) AS BIGINT) * 1000000;

-- A mark says which revision was the last at an instant, so that what has changed is forgotten by its age.
CREATE TABLE revision_marks (
    at       BIGINT PRIMARY KEY,
    revision BIGINT NOT NULL
);
ALTER TABLE head ADD COLUMN forgotten BIGINT NOT NULL DEFAULT 0; -- changes up to this revision are not on file any more

-- Of a person's tokens also those that are revoked, for lists; with revoked_at, so that who looks for the others need not read these.
DROP INDEX tokens_by_owner;
CREATE INDEX tokens_by_owner ON tokens (owner, created_at, id, revoked_at);
