-- +goose Up

ALTER TABLE events
    ADD COLUMN IF NOT EXISTS delivery Map(LowCardinality(String), String) COMMENT 'What vendors.yaml or a preset may read of the delivery beside the payload: request headers (header:NAME) and what stood around an item of a list (body:PATH). Empty texts were not there.' CODEC(ZSTD(1)) AFTER is_test;

CREATE TABLE IF NOT EXISTS event_variants
(
    vendor          LowCardinality(String) COMMENT 'As in events.',
    event_id        String COMMENT 'As in events.' CODEC(ZSTD(1)),
    type            LowCardinality(String) COMMENT 'As in events.',
    occurred_at     DateTime64(3, 'UTC') COMMENT 'As in events.' CODEC(T64, ZSTD(1)),
    received_at     DateTime64(3, 'UTC') COMMENT 'As in events.' CODEC(T64, ZSTD(1)),
    stored_at       DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') COMMENT 'As in events.' CODEC(ZSTD(1)),
    payload         String COMMENT 'As in events.' CODEC(ZSTD(1)),
    content_type    LowCardinality(String) COMMENT 'As in events.',
    key_id          LowCardinality(String) COMMENT 'As in events.',
    proof           LowCardinality(String) COMMENT 'As in events.',
    effect          LowCardinality(String) COMMENT 'As in events.',
    error           String COMMENT 'As in events.' CODEC(ZSTD(1)),
    is_test         UInt8 COMMENT 'As in events.',
    delivery        Map(LowCardinality(String), String) COMMENT 'As in events.' CODEC(ZSTD(1)),
    kafka_topic     LowCardinality(String) COMMENT 'As in events.',
    kafka_partition Int32 COMMENT 'As in events.',
    kafka_offset    Int64 COMMENT 'As in events.' CODEC(T64, ZSTD(1)),
    version         UInt64 COMMENT 'As in events.' CODEC(T64, ZSTD(1)),
    source_month    UInt32 MATERIALIZED if(occurred_at = toDateTime64(0, 3, 'UTC'), 0, toYYYYMM(occurred_at)) COMMENT 'As in events.',
    content         UInt64 MATERIALIZED xxHash64(payload, toString(delivery)) COMMENT 'Hash of the payload and the delivery.'
)
ENGINE = {{engine "ReplacingMergeTree(version)"}}
PARTITION BY source_month
ORDER BY (vendor, event_id, source_month, content)
SETTINGS ttl_only_drop_parts = 1
COMMENT 'Deliveries that brought the ID of a known event and another content. None of them counts; hookline reprocess reads them, for a wrong events.id gives one ID to many events.';

CREATE TABLE IF NOT EXISTS event_keys
(
    vendor LowCardinality(String) COMMENT 'As in events.',
    event  UInt64 COMMENT 'Hash of the event''s ID.',
    low    SimpleAggregateFunction(min, UInt32) COMMENT 'Lowest hash of a content that came under the ID.',
    high   SimpleAggregateFunction(max, UInt32) COMMENT 'Highest one: another than the lowest tells that more than one content came.'
)
ENGINE = {{engine "AggregatingMergeTree"}}
ORDER BY (vendor, event)
-- Each batch looks its own events up: small granules and blocks are what one event costs to read.
SETTINGS index_granularity = 256, min_compress_block_size = 16384, max_compress_block_size = 65536
COMMENT 'Which contents came under the ID of each event: how the deliveries for event_variants are known.';

CREATE TABLE IF NOT EXISTS reprocess_mapped
(
    vendor        LowCardinality(String) COMMENT 'Vendor of the event.',
    generation    UInt16 COMMENT 'Run that mapped the event; see reprocess_runs.',
    from_month    UInt32 COMMENT 'Source month in which the event is stored.',
    from_id       String COMMENT 'ID that it is stored with.' CODEC(ZSTD(1)),
    from_content  UInt64 COMMENT '0 for a row of events; for one of event_variants its content.',
    number        UInt16 COMMENT 'Which of the event''s effects the row is, from 0. An event without effects has one row, with an empty kind.',
    event_month   UInt32 COMMENT 'Source month of the event by the new mapping.',
    event_id      String COMMENT 'Its ID by the new mapping.' CODEC(ZSTD(1)),
    event_time    DateTime64(3, 'UTC') COMMENT 'Its time by the new mapping.' CODEC(T64, ZSTD(1)),
    event_test    UInt8 COMMENT '1: the delivery said that it is test money.',
    effect        LowCardinality(String) COMMENT 'What the event does to the figures by the new mapping; see events.',
    error         String COMMENT 'Why it counts for nothing although it should.' CODEC(ZSTD(1)),
    event_version UInt64 COMMENT 'Version of the event''s row; see events.' CODEC(T64, ZSTD(1)),
    is_outranked  UInt8 COMMENT '1: another row is the same event by the new mapping, and counts.',
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
ENGINE = {{engine "ReplacingMergeTree(is_outranked)"}}
PARTITION BY (vendor, generation)
ORDER BY (from_month, from_id, from_content, number)
COMMENT 'What events are by a new mapping, while hookline reprocess runs. Empty otherwise.';

CREATE TABLE IF NOT EXISTS reprocess_moved
(
    generation      UInt16 COMMENT 'Run that moves the event; see reprocess_runs.',
    from_month      UInt32 COMMENT 'As in reprocess_mapped.',
    from_id         String COMMENT 'As in reprocess_mapped.' CODEC(ZSTD(1)),
    from_content    UInt64 COMMENT 'As in reprocess_mapped.',
    vendor          LowCardinality(String) COMMENT 'This and what follows as in events, by the new mapping.',
    event_id        String COMMENT 'As in events.' CODEC(ZSTD(1)),
    type            LowCardinality(String) COMMENT 'As in events.',
    occurred_at     DateTime64(3, 'UTC') COMMENT 'As in events.' CODEC(T64, ZSTD(1)),
    received_at     DateTime64(3, 'UTC') COMMENT 'As in events.' CODEC(T64, ZSTD(1)),
    stored_at       DateTime64(3, 'UTC') COMMENT 'As in events.' CODEC(ZSTD(1)),
    payload         String COMMENT 'As in events.' CODEC(ZSTD(1)),
    content_type    LowCardinality(String) COMMENT 'As in events.',
    key_id          LowCardinality(String) COMMENT 'As in events.',
    proof           LowCardinality(String) COMMENT 'As in events.',
    effect          LowCardinality(String) COMMENT 'As in events.',
    error           String COMMENT 'As in events.' CODEC(ZSTD(1)),
    is_test         UInt8 COMMENT 'As in events.',
    delivery        Map(LowCardinality(String), String) COMMENT 'As in events.' CODEC(ZSTD(1)),
    kafka_topic     LowCardinality(String) COMMENT 'As in events.',
    kafka_partition Int32 COMMENT 'As in events.',
    kafka_offset    Int64 COMMENT 'As in events.' CODEC(T64, ZSTD(1)),
    version         UInt64 COMMENT 'As in events.' CODEC(T64, ZSTD(1))
)
ENGINE = {{engine "ReplacingMergeTree"}}
PARTITION BY (vendor, generation)
ORDER BY (from_month, from_id, from_content)
COMMENT 'Events that get another ID or month, or another content, while hookline reprocess runs. Empty otherwise.';

-- A run that was mapping is begun again. One that was being applied goes on: no event of it gets another ID.
INSERT INTO reprocess_runs (vendor, generation, since_month, until_month, mapping, state, month, after_id, events)
SELECT vendor, generation, since_month, until_month, mapping, 'dropped', month, after_id, events
FROM reprocess_runs FINAL
WHERE state = 'mapping';

INSERT INTO reprocess_mapped (vendor, generation, from_month, from_id, from_content, number, event_month, event_id, event_time, event_test, effect, error, event_version,
    is_outranked, is_last, object, kind, sale_key, type, order_id, amount, currency, occurred_at, received_at, dimensions, proof, is_test, version)
SELECT vendor, generation, event_month, event_id, 0, number, event_month, event_id, toDateTime64(0, 3, 'UTC'), 0, effect, error, event_version,
    0, is_last, object, kind, sale_key, type, order_id, amount, currency, occurred_at, received_at, dimensions, proof, is_test, version
FROM reprocess_effects FINAL
WHERE (vendor, generation) IN (SELECT vendor, generation FROM reprocess_runs FINAL WHERE state = 'applying');

-- What is proven of sales becomes part of what they are summed by. Without the rows that record that a month was looked at as a
-- whole, each is computed again. hookline setup creates the views again.
DROP VIEW IF EXISTS sales_hours_refresh SYNC;

DROP VIEW IF EXISTS sales_rollup_refresh SYNC;

ALTER TABLE sales_hours
    ADD COLUMN IF NOT EXISTS proof LowCardinality(String) COMMENT 'How much of the body the signatures cover: body, fields or weak.' AFTER kind,
    MODIFY ORDER BY (source_month, grain, source_hour, start, vendor, currency, kind, proof);

ALTER TABLE sales_sums
    ADD COLUMN IF NOT EXISTS proof LowCardinality(String) COMMENT 'How much of the body the signatures cover: body, fields or weak. Empty for sums of sales that were gone before this was kept.' AFTER kind,
    MODIFY ORDER BY (zone, grain, source_month, day, vendor, currency, kind, proof);

ALTER TABLE sales_hours DELETE WHERE grain = 'look' SETTINGS mutations_sync = 2;
