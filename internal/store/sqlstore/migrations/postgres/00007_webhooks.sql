-- +goose Up
CREATE TABLE webhooks (
    id              BYTEA PRIMARY KEY,
    account         TEXT COLLATE "C" NOT NULL REFERENCES accounts (name),
    url             TEXT COLLATE "C" NOT NULL,
    events          TEXT COLLATE "C" NOT NULL, -- actions and beginnings of actions
    description     TEXT COLLATE "C" NOT NULL,
    sealed          BYTEA NOT NULL, -- the secret
    old_sealed      BYTEA, -- the one from before the last rotation
    old_until       BIGINT,
    after_event     BIGINT NOT NULL, -- it is sent the events after this one
    failures        BIGINT NOT NULL, -- since the last success
    failing_since   BIGINT,
    paused_until    BIGINT,
    disabled_at     BIGINT,
    disabled_reason TEXT COLLATE "C" NOT NULL,
    created_by      TEXT COLLATE "C" NOT NULL,
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL
);
CREATE INDEX webhooks_by_account ON webhooks (account, id);

-- The audit trail is the outbox: a delivery is made of an event after its commit, in the transaction that moves head.queued
-- beyond it. So a change costs the same whether there are webhooks or not, and what was acknowledged is sent.
CREATE TABLE deliveries (
    id          BYTEA PRIMARY KEY,
    webhook     BYTEA NOT NULL REFERENCES webhooks (id),
    event       BIGINT NOT NULL REFERENCES events (seq),
    action      TEXT COLLATE "C" NOT NULL, -- the event's
    state       TEXT COLLATE "C" NOT NULL,
    created_at  BIGINT NOT NULL,
    attempt     BIGINT NOT NULL, -- tries since it was queued
    next_at     BIGINT, -- NULL: it is not tried any more
    lease_until BIGINT, -- until then it is somebody's who tries it
    tries       TEXT COLLATE "C" NOT NULL, -- JSON
    UNIQUE (webhook, event)
);
CREATE INDEX deliveries_by_webhook ON deliveries (webhook, id);
CREATE INDEX deliveries_by_age ON deliveries (created_at);
CREATE INDEX deliveries_due ON deliveries (webhook, next_at) WHERE next_at IS NOT NULL;

ALTER TABLE head ADD COLUMN queued BIGINT NOT NULL DEFAULT 0; -- every event up to it was looked at for webhooks
