-- +goose Up
-- Who follows a node, as JSON: how many, and some of them. It is for people, and never waited for.
ALTER TABLE nodes ADD COLUMN followers TEXT COLLATE "C" NOT NULL DEFAULT '{}';
