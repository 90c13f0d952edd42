-- +goose Up
-- A file has one node, which knows who follows it.
SELECT 1;
