-- +goose Up

-- Two events about one sale at the edge of a month are resolved when they are inserted.
DROP VIEW IF EXISTS sales_edges_refresh SYNC;

-- Takes the name sales once hookline setup has moved the rows there are.
CREATE TABLE IF NOT EXISTS sales_by_hour
(
    vendor       LowCardinality(String) COMMENT 'Third party that reported it, as vendors.yaml names it.',
    kind         LowCardinality(String) COMMENT 'sale, capture, order, refund, reversal, fee or tax: what the row adds to or takes from.' CODEC(ZSTD(1)),
    sale_key     String COMMENT 'The vendor''s own ID of the effect, such as that of the charge. (vendor, kind, sale_key) is its identity, within its object where it has one.' CODEC(ZSTD(1)),
    event_id     String COMMENT 'Event that this row was made from; see events.' CODEC(ZSTD(1)),
    type         LowCardinality(String) COMMENT 'Type of that event.',
    order_id     String COMMENT 'The vendor''s ID of the order, where it states one.' CODEC(ZSTD(1)),
    amount       Decimal(18, 4) COMMENT 'Amount in major units of the currency, exact; positive for every kind.' CODEC(GCD, T64('bit'), ZSTD(1)),
    currency     LowCardinality(String) COMMENT 'ISO 4217 code.' CODEC(ZSTD(1)),
    occurred_at  DateTime64(3, 'UTC') COMMENT 'When it happened, by the vendor''s statement; 1970-01-01 where the vendor states no time (undated).' CODEC(GCD, T64, ZSTD(1)),
    received_at  DateTime64(3, 'UTC') COMMENT 'When ingest received the delivery that counts.' CODEC(T64, ZSTD(1)),
    stored_at    DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') COMMENT 'When ClickHouse was given the row.' CODEC(ZSTD(1)),
    dimensions   Map(LowCardinality(String), String) COMMENT 'What else the vendor''s mapping names: country, product, channel and the like.' CODEC(ZSTD(3)),
    version      UInt64 COMMENT 'Rank among the rows of one place: the highest counts. See analytics/versions.go.' CODEC(T64, ZSTD(1)),
    is_deleted   UInt8 COMMENT '1 marks a tombstone: the sale counts in another hour, or no longer.',
    object       String DEFAULT '' COMMENT 'Object of the vendor''s whose whole state the event reported; empty where the effect stands for itself.' CODEC(ZSTD(1)),
    proof        LowCardinality(String) DEFAULT '' COMMENT 'What the signature of the event covers: body, fields or weak.',
    is_test      UInt8 DEFAULT 0 COMMENT '1 marks test money: in no figure, shown in test_sales_per_month.',
    counts_from  DateTime('UTC') DEFAULT toDateTime(0, 'UTC') COMMENT 'When figures take the row in. Later than it was stored for a sale that came from another hour, so that it never counts twice.' CODEC(ZSTD(1)),
    source_month UInt32 MATERIALIZED if(occurred_at = toDateTime64(0, 3, 'UTC'), 0, toYYYYMM(occurred_at)) COMMENT 'Month of occurred_at in UTC as YYYYMM, 0 for undated. The partition: filter by it to read only what is needed.',
    source_hour  UInt32 MATERIALIZED intDiv(toUnixTimestamp(occurred_at), 3600) COMMENT 'Hour of occurred_at in UTC since 1970, 0 for undated: what figures are computed by.' CODEC(DoubleDelta, ZSTD(1)),
    INDEX by_event event_id TYPE bloom_filter(0.15) GRANULARITY 1
)
ENGINE = {{engine "ReplacingMergeTree(version, is_deleted)"}}
PARTITION BY source_month
-- In the order of time, so that the figures of one hour are computed from a few granules.
ORDER BY (source_month, source_hour, vendor, kind, sale_key)
-- A month that nothing was added to for a day becomes one part, which FINAL reads without merging.
SETTINGS min_age_to_force_merge_seconds = 86400, min_age_to_force_merge_on_partition_only = 1, ttl_only_drop_parts = 1
COMMENT 'One row per sale, refund or other effect. Query it with FINAL; for figures by month or day use the views sales_per_month and sales_daily, which are faster by far.';

CREATE TABLE IF NOT EXISTS sale_keys
(
    vendor      LowCardinality(String) COMMENT 'As in sales.',
    object      String COMMENT 'Object whose whole state was stated, or key of an effect that stands for itself.' CODEC(ZSTD(1)),
    kind        LowCardinality(String) COMMENT 'As in sales; empty where the state of the object has no effects.',
    sale_key    String COMMENT 'Key of an effect of the object; empty for one that stands for itself.' CODEC(ZSTD(1)),
    source_hour UInt32 COMMENT 'As in sales: the hour in which the effect was stated.' CODEC(T64, ZSTD(1)),
    version     SimpleAggregateFunction(max, UInt64) COMMENT 'Highest version of such a statement.' CODEC(T64, ZSTD(1)),
    seen        SimpleAggregateFunction(min, DateTime('UTC')) DEFAULT now() COMMENT 'When the first one was stored.' CODEC(T64, ZSTD(1))
)
ENGINE = {{engine "AggregatingMergeTree"}}
ORDER BY (vendor, object, kind, sale_key, source_hour)
-- Each batch looks its own keys up: small granules and blocks are what one key costs to read.
SETTINGS index_granularity = 256, min_compress_block_size = 16384, max_compress_block_size = 65536
COMMENT 'In which hours each sale was ever stated, and how the statements rank: why a sale counts in one hour only.';
