-- +goose Up

CREATE TABLE IF NOT EXISTS events
(
    vendor          LowCardinality(String) COMMENT 'Third party that sent the event, as vendors.yaml names it.',
    event_id        String COMMENT 'The vendor''s own ID of the event, or one composed from its fields. (vendor, event_id) is the event''s identity.' CODEC(ZSTD(1)),
    type            LowCardinality(String) COMMENT 'The vendor''s name for what happened, such as charge.succeeded.',
    occurred_at     DateTime64(3, 'UTC') COMMENT 'When it happened, by the vendor''s signed statement; 1970-01-01 where the vendor states no time (undated).' CODEC(T64, ZSTD(1)),
    received_at     DateTime64(3, 'UTC') COMMENT 'When ingest received the delivery that counts.' CODEC(T64, ZSTD(1)),
    stored_at       DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') COMMENT 'When ClickHouse was given the row.' CODEC(ZSTD(1)),
    payload         String COMMENT 'The body, byte for byte as it was signed. JSON for almost all vendors: read it with JSONExtract functions or payload::JSON.' CODEC(ZSTD(1)),
    content_type    LowCardinality(String) COMMENT 'Content type that the vendor declared for the payload.',
    key_id          LowCardinality(String) COMMENT 'Which secret verified the delivery. A name, not the secret.',
    proof           LowCardinality(String) COMMENT 'What the signature covers: body (every byte), fields (some fields), weak (a checksum, or nothing of the body).',
    effect          LowCardinality(String) COMMENT 'What the event did to the figures: sale, refund, or empty.',
    error           String COMMENT 'Why the event counts for nothing although it should; it is then in the dead-letter topic too. Empty for all others.' CODEC(ZSTD(1)),
    kafka_topic     LowCardinality(String) COMMENT 'Topic that held the record this row was made from.',
    kafka_partition Int32 COMMENT 'Partition of kafka_topic.',
    kafka_offset    Int64 COMMENT 'Offset in kafka_partition.' CODEC(T64, ZSTD(1)),
    version         UInt64 COMMENT 'Rank among the deliveries of one event: the highest counts. See analytics.Version.' CODEC(T64, ZSTD(1)),
    is_deleted      UInt8 DEFAULT 0 COMMENT '1 marks a tombstone: the event no longer counts.',
    source_month    UInt32 MATERIALIZED if(occurred_at = toDateTime64(0, 3, 'UTC'), 0, toYYYYMM(occurred_at)) COMMENT 'Month of occurred_at in UTC as YYYYMM, 0 for undated. The partition: filter by it to read only what is needed.'
)
ENGINE = {{engine "ReplacingMergeTree(version, is_deleted)"}}
PARTITION BY source_month
-- The partition is part of the key so that FINAL and merges dedupe over the same rows, those of one month, and
-- so that FINAL reads only the months asked for (ClickHouse 26.3 and later would read them all otherwise).
ORDER BY (vendor, event_id, source_month)
SETTINGS ttl_only_drop_parts = 1
COMMENT 'Every verified event, each once, with its payload. Query it with FINAL, or through the view event_journal.';

CREATE TABLE IF NOT EXISTS sales
(
    vendor       LowCardinality(String) COMMENT 'Third party that reported it, as vendors.yaml names it.',
    kind         LowCardinality(String) COMMENT 'sale or refund.',
    sale_key     String COMMENT 'The vendor''s own ID of the sale or refund, such as that of the charge. (vendor, kind, sale_key) is its identity, whichever events report it.' CODEC(ZSTD(1)),
    event_id     String COMMENT 'Event that this row was made from; see events.' CODEC(ZSTD(1)),
    type         LowCardinality(String) COMMENT 'Type of that event.',
    order_id     String COMMENT 'The vendor''s ID of the order, where it states one.' CODEC(ZSTD(1)),
    amount       Decimal(18, 4) COMMENT 'Amount in major units of the currency, exact; positive for refunds too.' CODEC(T64, ZSTD(1)),
    currency     LowCardinality(String) COMMENT 'ISO 4217 code.',
    occurred_at  DateTime64(3, 'UTC') COMMENT 'When it happened, by the vendor''s signed statement; 1970-01-01 where the vendor states no time (undated).' CODEC(T64, ZSTD(1)),
    received_at  DateTime64(3, 'UTC') COMMENT 'When ingest received the delivery that counts.' CODEC(T64, ZSTD(1)),
    stored_at    DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') COMMENT 'When ClickHouse was given the row.' CODEC(ZSTD(1)),
    dimensions   Map(LowCardinality(String), String) COMMENT 'What else the vendor''s mapping names: country, product, channel and the like.' CODEC(ZSTD(3)),
    version      UInt64 COMMENT 'Rank among the rows of one sale: the highest counts. See analytics.Version.' CODEC(T64, ZSTD(1)),
    is_deleted   UInt8 COMMENT '1 marks a tombstone: the sale no longer counts.',
    source_month UInt32 MATERIALIZED if(occurred_at = toDateTime64(0, 3, 'UTC'), 0, toYYYYMM(occurred_at)) COMMENT 'Month of occurred_at in UTC as YYYYMM, 0 for undated. The partition: filter by it to read only what is needed.'
)
ENGINE = {{engine "ReplacingMergeTree(version, is_deleted)"}}
PARTITION BY source_month
ORDER BY (vendor, kind, sale_key, source_month)
-- A month that nothing was added to for a day becomes one part, which FINAL reads without merging.
SETTINGS min_age_to_force_merge_seconds = 86400, min_age_to_force_merge_on_partition_only = 1, ttl_only_drop_parts = 1
COMMENT 'One row per sale or refund. Query it with FINAL; for figures by month or day use the views sales_per_month and sales_daily, which are faster by far.';

CREATE TABLE IF NOT EXISTS sales_rollup
(
    zone         LowCardinality(String) COMMENT 'Reporting time zone; see ''hookline setup''.',
    source_month UInt32 COMMENT 'Month in UTC of the sales that this row sums; 0 for undated.',
    day          Date COMMENT 'Day in the zone; 1970-01-01 for undated.',
    vendor       LowCardinality(String) COMMENT 'As in sales. Empty in the row that records when a source month was last recomputed.',
    currency     LowCardinality(String) COMMENT 'As in sales.',
    kind         LowCardinality(String) COMMENT 'sale or refund.',
    count        UInt64 COMMENT 'Number of sales or refunds. 0 where a group is gone.',
    amount       Decimal(38, 4) COMMENT 'Sum of their amounts.',
    refreshed_at DateTime64(3, 'UTC') COMMENT 'When the refresh began that wrote the row: the last one counts.'
)
ENGINE = {{engine "ReplacingMergeTree(refreshed_at)"}}
ORDER BY (zone, source_month, day, vendor, currency, kind)
COMMENT 'Daily sums of sales per reporting zone, kept by the view sales_rollup_refresh. Query sales_per_month or sales_daily instead.';

CREATE TABLE IF NOT EXISTS vendor_rollup
(
    vendor       LowCardinality(String) COMMENT 'As in events. Empty in the row that records when a source month was last recomputed.',
    source_month UInt32 COMMENT 'As in events.',
    events       UInt64 COMMENT 'Number of events. 0 where they are gone.',
    delay_p50    Float64 COMMENT 'Seconds from when the event happened until it was received: half of the events took no longer. 0 for undated.',
    delay_p95    Float64 COMMENT 'The same for 95 % of the events.',
    delay_p99    Float64 COMMENT 'The same for 99 % of the events.',
    lag_p50      Float64 COMMENT 'Seconds from when the event was received until it was stored: half of the events took no longer.',
    lag_p95      Float64 COMMENT 'The same for 95 % of the events.',
    lag_p99      Float64 COMMENT 'The same for 99 % of the events.',
    last_seen    DateTime64(3, 'UTC') COMMENT 'When the last of the events was received.',
    refreshed_at DateTime64(3, 'UTC') COMMENT 'When the refresh began that wrote the row: the last one counts.'
)
ENGINE = {{engine "ReplacingMergeTree(refreshed_at)"}}
ORDER BY (vendor, source_month)
COMMENT 'How the events of each vendor and month came in, kept by the view vendor_rollup_refresh. Query vendor_performance instead.';
