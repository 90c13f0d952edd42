-- +goose Up
CREATE TABLE webhooks (
    id              BLOB PRIMARY KEY,
    account         TEXT NOT NULL REFERENCES accounts (name),
    url             TEXT NOT NULL,
    events          TEXT NOT NULL, -- actions and beginnings of actions
    description     TEXT NOT NULL,
    sealed          BLOB NOT NULL, -- the secret
    old_sealed      BLOB, -- the one from before the last rotation
    old_until       INTEGER,
    after_event     INTEGER NOT NULL, -- it is sent the events after this one
    failures        INTEGER NOT NULL, -- since the last success
    failing_since   INTEGER,
    paused_until    INTEGER,
    disabled_at     INTEGER,
    disabled_reason TEXT NOT NULL,
    created_by      TEXT NOT NULL,
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL
) STRICT;
CREATE INDEX webhooks_by_account ON webhooks (account, id);

-- The audit trail is the outbox: a delivery is made of an event after its commit, in the transaction that moves head.queued
-- beyond it. So a change costs the same whether there are webhooks or not, and what was acknowledged is sent.
CREATE TABLE deliveries (
    id          BLOB PRIMARY KEY,
    webhook     BLOB NOT NULL REFERENCES webhooks (id),
    event       INTEGER NOT NULL REFERENCES events (seq),
    action      TEXT NOT NULL, -- the event's
    state       TEXT NOT NULL,
    created_at  INTEGER NOT NULL,
    attempt     INTEGER NOT NULL, -- tries since it was queued
    next_at     INTEGER, -- NULL: it is not tried any more
    lease_until INTEGER, -- until then it is somebody's who tries it
    tries       TEXT NOT NULL, -- JSON
    UNIQUE (webhook, event)
) STRICT;
CREATE INDEX deliveries_by_webhook ON deliveries (webhook, id);
CREATE INDEX deliveries_by_age ON deliveries (created_at);
CREATE INDEX deliveries_due ON deliveries (webhook, next_at) WHERE next_at IS NOT NULL;

ALTER TABLE head ADD COLUMN queued INTEGER NOT NULL DEFAULT 0; -- every event up to it was looked at for webhooks
