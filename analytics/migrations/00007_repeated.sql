-- +goose Up

-- In which months events were stored, which sets deliveries that brought them again apart. Until a month is
-- recomputed, or where its events are gone, they count as stored when they happened. Without the rows that record its
-- runs every month is recomputed. hookline setup creates the view again.
DROP VIEW IF EXISTS vendor_rollup_refresh SYNC;

ALTER TABLE vendor_rollup
    ADD COLUMN IF NOT EXISTS stored_in Map(UInt32, UInt64) DEFAULT if(events = 0, map(), map(source_month, events))
        COMMENT 'Number of the events by the month (UTC, as YYYYMM) in which they were stored.' AFTER last_seen;

ALTER TABLE vendor_rollup DELETE WHERE vendor = '' SETTINGS mutations_sync = 2;

ALTER TABLE ledger
    COMMENT COLUMN vendors 'Deliveries per vendor, redeliveries included. What hookline itself sent round again, from the retry topic or as a redrive, is none.';
