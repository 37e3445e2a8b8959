-- +goose Up

-- Sales are in order of their own keys: without an index, a query for those of one event reads the IDs of all. What is
-- stored gets it in the background; its parts are new then, so that all months are recomputed once.
ALTER TABLE sales ADD INDEX IF NOT EXISTS by_event event_id TYPE bloom_filter(0.15) GRANULARITY 1;

ALTER TABLE sales MATERIALIZE INDEX by_event;
