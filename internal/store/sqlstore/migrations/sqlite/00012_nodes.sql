-- +goose Up
-- A file has one node, of which nothing needs to be kept: what PostgreSQL keeps of several is not in here.
SELECT 1;
