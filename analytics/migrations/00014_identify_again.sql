-- +goose Up

-- Its rows that count are in reprocess_mapped.
DROP TABLE IF EXISTS reprocess_effects SYNC;
