-- +goose Up

CREATE TABLE IF NOT EXISTS reprocess_effects
(
    vendor        LowCardinality(String) COMMENT 'Vendor of the event.',
    generation    UInt16 COMMENT 'Run that mapped the event; see reprocess_runs.',
    event_month   UInt32 COMMENT 'Source month of the event.',
    event_id      String COMMENT 'The event.' CODEC(ZSTD(1)),
    number        UInt16 COMMENT 'Which of the event''s effects the row is, from 0. An event without effects has one row, with an empty kind.',
    effect        LowCardinality(String) COMMENT 'What the event does to the figures by the new mapping; see events.',
    error         String COMMENT 'Why it counts for nothing although it should.' CODEC(ZSTD(1)),
    event_version UInt64 COMMENT 'Version of the event''s row; see events.' CODEC(T64, ZSTD(1)),
    is_last       UInt8 COMMENT '1: with redelivery: last.',
    object        String COMMENT 'As in sales.' CODEC(ZSTD(1)),
    kind          LowCardinality(String) COMMENT 'As in sales; empty where the event, or the state of its object, has no effects.',
    sale_key      String COMMENT 'As in sales.' CODEC(ZSTD(1)),
    type          LowCardinality(String) COMMENT 'As in sales.',
    order_id      String COMMENT 'As in sales.' CODEC(ZSTD(1)),
    amount        Decimal(18, 4) COMMENT 'As in sales.' CODEC(ZSTD(1)),
    currency      LowCardinality(String) COMMENT 'As in sales.',
    occurred_at   DateTime64(3, 'UTC') COMMENT 'As in sales.' CODEC(T64, ZSTD(1)),
    received_at   DateTime64(3, 'UTC') COMMENT 'As in sales.' CODEC(T64, ZSTD(1)),
    dimensions    Map(LowCardinality(String), String) COMMENT 'As in sales.' CODEC(ZSTD(1)),
    proof         LowCardinality(String) COMMENT 'As in sales.',
    is_test       UInt8 COMMENT 'As in sales.',
    version       UInt64 COMMENT 'As in sales.' CODEC(T64, ZSTD(1)),
    source_month  UInt32 MATERIALIZED if(occurred_at = toDateTime64(0, 3, 'UTC'), 0, toYYYYMM(occurred_at)) COMMENT 'As in sales.',
    source_hour   UInt32 MATERIALIZED intDiv(toUnixTimestamp(occurred_at), 3600) COMMENT 'As in sales.'
)
ENGINE = {{engine "ReplacingMergeTree"}}
PARTITION BY (vendor, generation)
ORDER BY (event_month, event_id, number)
COMMENT 'What events are by a new mapping, while hookline reprocess runs. Empty otherwise.';

-- A run that an earlier version began is begun again.
DROP TABLE IF EXISTS reprocess_rows SYNC;

-- What the delivery itself said, which its body need not say again.
ALTER TABLE events
    ADD COLUMN IF NOT EXISTS is_test UInt8 DEFAULT 0 COMMENT '1: the delivery said that it is test money.' AFTER error;
