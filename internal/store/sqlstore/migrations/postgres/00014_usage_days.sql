-- +goose Up
-- What token_days has, summed up for each space and, with the space '', for the account: what a report on either reads does not grow
-- with its tokens. It stays when a token goes.
CREATE TABLE usage_days (
    account TEXT COLLATE "C" NOT NULL,
    space   TEXT COLLATE "C" NOT NULL, -- '': all of the account
    day     BIGINT NOT NULL,
    reason  TEXT COLLATE "C" NOT NULL,
    door    TEXT COLLATE "C" NOT NULL,
    kind    BIGINT NOT NULL, -- of the tokens
    total   BIGINT NOT NULL,
    PRIMARY KEY (account, space, day, reason, door, kind)
);
CREATE INDEX usage_days_by_day ON usage_days (day);
INSERT INTO usage_days (account, space, day, reason, door, kind, total)
    SELECT t.account, t.space, d.day, d.reason, d.door, t.kind, SUM(d.total)
    FROM token_days d JOIN tokens t ON t.id = d.token GROUP BY t.account, t.space, d.day, d.reason, d.door, t.kind;
INSERT INTO usage_days (account, space, day, reason, door, kind, total)
    SELECT account, '', day, reason, door, kind, SUM(total) FROM usage_days GROUP BY account, day, reason, door, kind;
