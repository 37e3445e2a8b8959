-- create the database
CREATE DATABASE IF NOT EXISTS `hookline` ENGINE = Replicated('/clickhouse/databases/hookline', '{shard}', '{replica}') COMMENT 'hookline: webhooks of vendors and the sales in them.'

-- migration 00001_events_and_sales.sql
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
ENGINE = ReplicatedReplacingMergeTree(version, is_deleted)
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
ENGINE = ReplicatedReplacingMergeTree(version, is_deleted)
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
ENGINE = ReplicatedReplacingMergeTree(refreshed_at)
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
ENGINE = ReplicatedReplacingMergeTree(refreshed_at)
ORDER BY (vendor, source_month)
COMMENT 'How the events of each vendor and month came in, kept by the view vendor_rollup_refresh. Query vendor_performance instead.';

-- migration 00002_outcomes.sql
-- +goose Up

CREATE TABLE IF NOT EXISTS action_results
(
    vendor       LowCardinality(String) COMMENT 'Vendor of the event that triggered the action.',
    event_id     String COMMENT 'Event that triggered the action; see events.' CODEC(ZSTD(1)),
    action       LowCardinality(String) COMMENT 'The action as vendors.yaml writes it, such as forward.',
    target       LowCardinality(String) COMMENT 'Where the action went: the URL without its query and credentials.',
    attempt      UInt16 COMMENT 'First attempt is 1.',
    outcome      LowCardinality(String) COMMENT 'succeeded, failed (it will be tried again) or gave_up.',
    status       UInt16 COMMENT 'HTTP status of the answer; 0 where there was none.',
    error        String COMMENT 'Why it failed; empty where it did not.' CODEC(ZSTD(1)),
    occurred_at  DateTime64(3, 'UTC') COMMENT 'The event''s own time; 1970-01-01 for undated.' CODEC(T64, ZSTD(1)),
    started_at   DateTime64(3, 'UTC') COMMENT 'When the attempt began.' CODEC(T64, ZSTD(1)),
    duration_ms  UInt32 COMMENT 'How long the attempt took, in milliseconds.' CODEC(ZSTD(1)),
    stored_at    DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') COMMENT 'When ClickHouse was given the row.' CODEC(ZSTD(1)),
    source_month UInt32 MATERIALIZED if(occurred_at = toDateTime64(0, 3, 'UTC'), 0, toYYYYMM(occurred_at)) COMMENT 'Month of occurred_at in UTC as YYYYMM, 0 for undated. The partition.'
)
ENGINE = ReplicatedReplacingMergeTree(stored_at)
PARTITION BY source_month
ORDER BY (vendor, event_id, action, target, attempt, source_month)
SETTINGS ttl_only_drop_parts = 1
COMMENT 'What came of the actions that events triggered, one row per attempt.';

CREATE TABLE IF NOT EXISTS rejections
(
    minute   DateTime('UTC') COMMENT 'Minute in which the deliveries came.' CODEC(Delta, ZSTD(1)),
    vendor   LowCardinality(String) COMMENT 'Vendor whose endpoint they came to; unknown for every name that is not configured.',
    reason   LowCardinality(String) COMMENT 'Why they were refused, such as signature or too_large.',
    instance LowCardinality(String) COMMENT 'Which instance of ingest counted them.',
    count    UInt64 COMMENT 'How many this instance refused in this minute so far: the highest counts.' CODEC(ZSTD(1))
)
ENGINE = ReplicatedReplacingMergeTree(count)
PARTITION BY toYYYYMM(minute)
ORDER BY (vendor, minute, reason, instance)
SETTINGS ttl_only_drop_parts = 1
COMMENT 'Refused deliveries, counted per vendor, reason and minute.';

CREATE TABLE IF NOT EXISTS dead_letters
(
    kafka_topic     LowCardinality(String) COMMENT 'Topic that held the record that failed. With partition, offset and action, its identity.',
    kafka_partition Int32 COMMENT 'Partition of kafka_topic.',
    kafka_offset    Int64 COMMENT 'Offset in kafka_partition.' CODEC(T64, ZSTD(1)),
    vendor          LowCardinality(String) COMMENT 'Vendor of the event; empty where the record is no event.',
    event_id        String COMMENT 'The event; empty where the record is no event.' CODEC(ZSTD(1)),
    type            LowCardinality(String) COMMENT 'Type of the event.',
    stage           LowCardinality(String) COMMENT 'Where it failed: decode, map, row, time, store or action.',
    action          LowCardinality(String) COMMENT 'The action that failed, at stage action.',
    error           String COMMENT 'Why.' CODEC(ZSTD(1)),
    attempts        UInt16 COMMENT 'How often it was tried.',
    occurred_at     DateTime64(3, 'UTC') COMMENT 'The event''s own time; 1970-01-01 for undated or unreadable.' CODEC(T64, ZSTD(1)),
    received_at     DateTime64(3, 'UTC') COMMENT 'When ingest received it.' CODEC(T64, ZSTD(1)),
    failed_at       DateTime64(3, 'UTC') COMMENT 'When it was given up.' CODEC(T64, ZSTD(1)),
    payload         String COMMENT 'The record''s value, byte for byte.' CODEC(ZSTD(1)),
    dlq_partition   Int32 COMMENT 'Partition of the dead-letter topic that holds the dead letter.',
    dlq_offset      Int64 COMMENT 'Offset in dlq_partition; for hookline dlq show.' CODEC(T64, ZSTD(1)),
    state           LowCardinality(String) COMMENT 'dead, or redriven once ''hookline dlq redrive'' has sent it round again.',
    changed_at      DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') COMMENT 'When it came to its state: the last one counts.' CODEC(ZSTD(1))
)
ENGINE = ReplicatedReplacingMergeTree(changed_at)
ORDER BY (kafka_topic, kafka_partition, kafka_offset, action)
COMMENT 'Events that could not be stored or acted on, with the reason.';

CREATE TABLE IF NOT EXISTS ledger
(
    kafka_topic     LowCardinality(String) COMMENT 'Topic that was read.',
    kafka_partition Int32 COMMENT 'Partition of kafka_topic.',
    first_offset    Int64 COMMENT 'First offset that this entry accounts for.' CODEC(Delta, ZSTD(1)),
    end_offset      Int64 COMMENT 'The offset after the last one. An entry grows: of those with the same first offset the longest counts.' CODEC(Delta, ZSTD(1)),
    consumer_group  LowCardinality(String) COMMENT 'Consumer group that read it.',
    stored          UInt32 COMMENT 'Records whose rows are in ClickHouse and count.' CODEC(ZSTD(1)),
    duplicates      UInt32 COMMENT 'Records that repeat another one of the same batch.' CODEC(ZSTD(1)),
    retried         UInt32 COMMENT 'Records that went to the retry topic.' CODEC(ZSTD(1)),
    dead            UInt32 COMMENT 'Records that went to the dead-letter topic.' CODEC(ZSTD(1)),
    skipped         UInt32 COMMENT 'Records of the retry topic that are for another consumer group.' CODEC(ZSTD(1)),
    vendors         Map(LowCardinality(String), UInt32) COMMENT 'Records per vendor, redeliveries included.' CODEC(ZSTD(1)),
    written_at      DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') COMMENT 'When the entry was last written. An entry grows for a day (UTC) at most.' CODEC(ZSTD(1))
)
ENGINE = ReplicatedReplacingMergeTree(end_offset)
ORDER BY (consumer_group, kafka_topic, kafka_partition, first_offset)
COMMENT 'The account of which offsets ended where: one row per topic partition and day, and one for each time that reading started again. Offsets that no row covers are unaccounted.';

CREATE TABLE IF NOT EXISTS exchange_rates
(
    day      Date COMMENT 'First day on which the rate holds; it holds until the next one.',
    currency LowCardinality(String) COMMENT 'ISO 4217 code of the currency to convert from.',
    target   LowCardinality(String) COMMENT 'ISO 4217 code of the currency to convert to.',
    rate     Decimal(38, 12) COMMENT 'What one major unit of currency is worth in target.',
    source   LowCardinality(String) DEFAULT '' COMMENT 'Who says so.',
    added_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') COMMENT 'When the rate was loaded: the last one counts.'
)
ENGINE = ReplicatedReplacingMergeTree(added_at)
ORDER BY (target, currency, day)
COMMENT 'Exchange rates that you load. Totals in a reporting currency use them; a missing rate shows as missing, never as zero.';

-- migration 00003_reprocess.sql
-- +goose Up

CREATE TABLE IF NOT EXISTS reprocess_runs
(
    vendor      LowCardinality(String) COMMENT 'Vendor whose events are mapped again.',
    generation  UInt16 COMMENT 'Number of the run among those of the vendor. What it writes outranks every delivery and every earlier run; see analytics.Version.',
    since_month UInt32 COMMENT 'First source month of the events, as YYYYMM; 0: no limit.',
    until_month UInt32 COMMENT 'Last source month of the events, as YYYYMM; 0: no limit.',
    mapping     String COMMENT 'Hash of the vendors.yaml that they are mapped with.',
    state       LowCardinality(String) COMMENT 'mapping, applying, done or dropped.',
    month       UInt32 COMMENT 'While mapping: the source month that the run has come to.',
    after_id    String COMMENT 'While mapping: the last event of that month that was mapped.',
    events      UInt64 COMMENT 'How many events were mapped so far.',
    updated_at  DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') COMMENT 'When the row was written: the last one counts.'
)
ENGINE = ReplicatedReplacingMergeTree(updated_at)
ORDER BY (vendor, generation)
COMMENT 'Runs of hookline reprocess and how far each has come, so that one that was cut short is taken up again.';

CREATE TABLE IF NOT EXISTS reprocess_rows
(
    vendor      LowCardinality(String) COMMENT 'Vendor of the event.',
    generation  UInt16 COMMENT 'Run that mapped the event; see reprocess_runs.',
    event_month UInt32 COMMENT 'Source month of the event.',
    event_id    String COMMENT 'The event.' CODEC(ZSTD(1)),
    effect      LowCardinality(String) COMMENT 'What it does to the figures by the new mapping: sale, refund, or empty. The columns from sale_key to dimensions are empty then.',
    error       String COMMENT 'Why it counts for nothing although it should.' CODEC(ZSTD(1)),
    sale_key    String COMMENT 'As in sales.' CODEC(ZSTD(1)),
    type        LowCardinality(String) COMMENT 'As in sales.',
    order_id    String COMMENT 'As in sales.' CODEC(ZSTD(1)),
    amount      Decimal(18, 4) COMMENT 'As in sales.' CODEC(ZSTD(1)),
    currency    LowCardinality(String) COMMENT 'As in sales.',
    occurred_at DateTime64(3, 'UTC') COMMENT 'As in sales.' CODEC(T64, ZSTD(1)),
    received_at DateTime64(3, 'UTC') COMMENT 'As in sales.' CODEC(T64, ZSTD(1)),
    dimensions  Map(LowCardinality(String), String) COMMENT 'As in sales.' CODEC(ZSTD(1)),
    version     UInt64 COMMENT 'As in sales.' CODEC(T64, ZSTD(1)),
    sale_month  UInt32 MATERIALIZED if(occurred_at = toDateTime64(0, 3, 'UTC'), 0, toYYYYMM(occurred_at)) COMMENT 'Source month of the sale.'
)
ENGINE = ReplicatedReplacingMergeTree
PARTITION BY (vendor, generation)
ORDER BY (event_month, event_id)
COMMENT 'What events are by a new mapping, while hookline reprocess runs. Empty otherwise.';

-- migration 00004_codecs.sql
-- +goose Up

-- Amounts are whole cents and most vendors state whole seconds: what all values of a block have in common is taken out
-- first. What is stored already gets its new form as parts merge.
ALTER TABLE sales
    MODIFY COLUMN amount CODEC(GCD, T64('bit'), ZSTD(1)),
    MODIFY COLUMN occurred_at CODEC(GCD, T64, ZSTD(1)),
    MODIFY COLUMN currency CODEC(ZSTD(1));

-- migration 00005_sums.sql
-- +goose Up

-- Sums of months beside those of days: a chart of months reads a few thousand rows whatever number of days there is.
-- What is known is taken over, figures of months whose sales are gone included. The next migration drops the old table,
-- so that this one may be cut short and repeated. hookline setup creates the view again.
DROP VIEW IF EXISTS sales_rollup_refresh SYNC;

CREATE TABLE IF NOT EXISTS sales_sums
(
    zone         LowCardinality(String) COMMENT 'Reporting time zone; see ''hookline setup''.',
    grain        LowCardinality(String) COMMENT 'What the row sums: day or month. run in the row that records when a source month was last recomputed.',
    source_month UInt32 COMMENT 'Month in UTC of the sales that this row sums; 0 for undated.',
    day          Date COMMENT 'Day in the zone, or first day of the month in it; 1970-01-01 for undated.',
    vendor       LowCardinality(String) COMMENT 'As in sales.',
    currency     LowCardinality(String) COMMENT 'As in sales.',
    kind         LowCardinality(String) COMMENT 'sale or refund.',
    count        UInt64 COMMENT 'Number of sales or refunds. 0 where a group is gone.',
    amount       Decimal(38, 4) COMMENT 'Sum of their amounts.',
    refreshed_at DateTime64(3, 'UTC') COMMENT 'When the refresh began that wrote the row: the last one counts.'
)
ENGINE = ReplicatedReplacingMergeTree(refreshed_at)
ORDER BY (zone, grain, source_month, day, vendor, currency, kind)
COMMENT 'Daily and monthly sums of sales per reporting zone, kept by the view sales_rollup_refresh. Query sales_per_month or sales_daily instead.';

INSERT INTO sales_sums (zone, grain, source_month, day, vendor, currency, kind, count, amount, refreshed_at)
SELECT zone, if(vendor = '', 'run', 'day'), source_month, day, vendor, currency, kind, count, amount, refreshed_at
FROM sales_rollup FINAL
UNION ALL
SELECT zone, 'month', source_month, toStartOfMonth(day) AS first, vendor, currency, kind, sum(count), sum(amount), max(refreshed_at)
FROM sales_rollup FINAL
WHERE vendor != ''
GROUP BY zone, source_month, first, vendor, currency, kind;

-- migration 00006_sums.sql
-- +goose Up

DROP TABLE IF EXISTS sales_rollup SYNC;

-- migration 00007_repeated.sql
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

-- migration 00008_comments.sql
-- +goose Up

ALTER TABLE events
    MODIFY COMMENT 'Every verified event, each once, with its payload. Query it with FINAL, or through the view current_events; event_journal has the whole life of one.';

ALTER TABLE rejections
    COMMENT COLUMN reason 'Why they were refused, such as signature_mismatch, timestamp_outside_window or body_too_large: the reason in the answer.';

-- migration 00009_event_index.sql
-- +goose Up

-- Sales are in order of their own keys: without an index, a query for those of one event reads the IDs of all. What is
-- stored gets it in the background; its parts are new then, so that all months are recomputed once.
ALTER TABLE sales ADD INDEX IF NOT EXISTS by_event event_id TYPE bloom_filter(0.15) GRANULARITY 1;

ALTER TABLE sales MATERIALIZE INDEX by_event;

-- migration 00010_identity.sql
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
ENGINE = ReplicatedReplacingMergeTree(version, is_deleted)
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
ENGINE = ReplicatedAggregatingMergeTree
ORDER BY (vendor, object, kind, sale_key, source_hour)
-- Each batch looks its own keys up: small granules and blocks are what one key costs to read.
SETTINGS index_granularity = 256, min_compress_block_size = 16384, max_compress_block_size = 65536
COMMENT 'In which hours each sale was ever stated, and how the statements rank: why a sale counts in one hour only.';

-- migration 00011_reprocess.sql
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
ENGINE = ReplicatedReplacingMergeTree
PARTITION BY (vendor, generation)
ORDER BY (event_month, event_id, number)
COMMENT 'What events are by a new mapping, while hookline reprocess runs. Empty otherwise.';

-- A run that an earlier version began is begun again.
DROP TABLE IF EXISTS reprocess_rows SYNC;

-- What the delivery itself said, which its body need not say again.
ALTER TABLE events
    ADD COLUMN IF NOT EXISTS is_test UInt8 DEFAULT 0 COMMENT '1: the delivery said that it is test money.' AFTER error;

-- migration 00012_hours.sql
-- +goose Up

CREATE TABLE IF NOT EXISTS sales_touched
(
    source_hour UInt32 COMMENT 'As in sales.',
    touched_at  SimpleAggregateFunction(max, DateTime64(3, 'UTC')) COMMENT 'When rows of that hour were last written, or are to be taken into figures.'
)
ENGINE = ReplicatedAggregatingMergeTree
ORDER BY source_hour
COMMENT 'Which hours of sales were written to, by the view sales_touched_log: what sales_hours_refresh goes by.';

CREATE TABLE IF NOT EXISTS sales_hours
(
    source_month UInt32 COMMENT 'As in sales.',
    grain        LowCardinality(String) COMMENT 'sum: figures of a quarter of an hour. run: the row records when the hour was last recomputed, and from how many rows (count). look: the same of the month as a whole.',
    source_hour  UInt32 COMMENT 'As in sales.',
    start        DateTime('UTC') COMMENT 'Start of the quarter of an hour that the row sums: edges of days in every time zone are edges of these.',
    vendor       LowCardinality(String) COMMENT 'As in sales.',
    currency     LowCardinality(String) COMMENT 'As in sales.',
    kind         LowCardinality(String) COMMENT 'As in sales, with ''test '' before it for test money.',
    count        UInt64 COMMENT 'Number of effects. 0 where a group is gone.' CODEC(T64, ZSTD(1)),
    amount       Decimal(38, 4) COMMENT 'Sum of their amounts.' CODEC(ZSTD(1)),
    refreshed_at DateTime64(3, 'UTC') COMMENT 'When the refresh began that wrote the row: the last one counts.' CODEC(T64, ZSTD(1))
)
ENGINE = ReplicatedReplacingMergeTree(refreshed_at)
PARTITION BY source_month
ORDER BY (source_month, grain, source_hour, start, vendor, currency, kind)
COMMENT 'Sums of sales by the quarter of an hour, kept by the view sales_hours_refresh. Figures in every time zone are computed from them.';

-- migration 00013_identify_again.sql
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
ENGINE = ReplicatedReplacingMergeTree(version)
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
ENGINE = ReplicatedAggregatingMergeTree
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
ENGINE = ReplicatedReplacingMergeTree(is_outranked)
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
ENGINE = ReplicatedReplacingMergeTree
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

-- migration 00014_identify_again.sql
-- +goose Up

-- Its rows that count are in reprocess_mapped.
DROP TABLE IF EXISTS reprocess_effects SYNC;

-- create the view reporting_zones
CREATE VIEW IF NOT EXISTS reporting_zones
(
    zone String COMMENT 'IANA name of the time zone.'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT arrayJoin(['UTC']) AS zone
COMMENT 'The time zones that sales_per_month and sales_daily have figures for; set by hookline setup --zones.'

-- log the hours of sales that are written to
CREATE MATERIALIZED VIEW IF NOT EXISTS sales_touched_log TO sales_touched
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT
    toUInt32(intDiv(toUnixTimestamp(occurred_at), 3600)) AS source_hour,
    max(greatest(now64(3, 'UTC'), toDateTime64(counts_from, 3, 'UTC'))) AS touched_at
FROM sales
GROUP BY source_hour
COMMENT 'Writes to sales_touched which hours of sales were written to.'

-- create the view current_events
CREATE OR REPLACE VIEW current_events
(
    vendor          LowCardinality(String) COMMENT 'Third party that sent the event, as vendors.yaml names it.',
    event_id        String COMMENT 'The vendor''s own ID of the event, or one composed from its fields. (vendor, event_id) is the event''s identity.',
    type            LowCardinality(String) COMMENT 'The vendor''s name for what happened, such as charge.succeeded.',
    occurred_at     DateTime64(3, 'UTC') COMMENT 'When it happened, by the vendor''s signed statement; 1970-01-01 where the vendor states no time (undated).',
    received_at     DateTime64(3, 'UTC') COMMENT 'When ingest received the delivery that counts.',
    stored_at       DateTime64(3, 'UTC') COMMENT 'When ClickHouse was given the row.',
    payload         String COMMENT 'The body, byte for byte as it was signed. JSON for almost all vendors: read it with JSONExtract functions or payload::JSON.',
    content_type    LowCardinality(String) COMMENT 'Content type that the vendor declared for the payload.',
    key_id          LowCardinality(String) COMMENT 'Which secret verified the delivery. A name, not the secret.',
    proof           LowCardinality(String) COMMENT 'What the signature covers: body (every byte), fields (some fields), weak (a checksum, or nothing of the body).',
    effect          LowCardinality(String) COMMENT 'What the event did to the figures: sale, refund, or empty.',
    error           String COMMENT 'Why the event counts for nothing although it should; it is then in the dead-letter topic too. Empty for all others.',
    is_test         UInt8 COMMENT '1: the delivery said that it is test money.',
    delivery        Map(LowCardinality(String), String) COMMENT 'What vendors.yaml or a preset may read of the delivery beside the payload: request headers (header:NAME) and what stood around an item of a list (body:PATH).',
    kafka_topic     LowCardinality(String) COMMENT 'Topic that held the record this row was made from.',
    kafka_partition Int32 COMMENT 'Partition of kafka_topic.',
    kafka_offset    Int64 COMMENT 'Offset in kafka_partition.',
    version         UInt64 COMMENT 'Rank among the deliveries of one event: the highest counts. See analytics.Version.',
    source_month    UInt32 COMMENT 'Month of occurred_at in UTC as YYYYMM, 0 for undated. The partition: filter by it to read only what is needed.'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT vendor, event_id, type, occurred_at, received_at, stored_at, payload, content_type, key_id, proof, effect, error, is_test, delivery, kafka_topic, kafka_partition, kafka_offset, version, source_month
FROM events FINAL
COMMENT 'Every verified event, each once, with its payload. Filter by source_month to read only what is needed.'

-- create the view current_sales
CREATE OR REPLACE VIEW current_sales
(
    vendor       LowCardinality(String) COMMENT 'Third party that reported it, as vendors.yaml names it.',
    kind         LowCardinality(String) COMMENT 'sale, capture, order, refund, reversal, fee or tax: what the row adds to or takes from.',
    sale_key     String COMMENT 'The vendor''s own ID of the effect, such as that of the charge. (vendor, kind, sale_key) is its identity, within its object where it has one.',
    event_id     String COMMENT 'Event that this row was made from; see events.',
    type         LowCardinality(String) COMMENT 'Type of that event.',
    order_id     String COMMENT 'The vendor''s ID of the order, where it states one.',
    amount       Decimal(18, 4) COMMENT 'Amount in major units of the currency, exact; positive for every kind.',
    currency     LowCardinality(String) COMMENT 'ISO 4217 code.',
    occurred_at  DateTime64(3, 'UTC') COMMENT 'When it happened, by the vendor''s statement; 1970-01-01 where the vendor states no time (undated).',
    received_at  DateTime64(3, 'UTC') COMMENT 'When ingest received the delivery that counts.',
    stored_at    DateTime64(3, 'UTC') COMMENT 'When ClickHouse was given the row.',
    dimensions   Map(LowCardinality(String), String) COMMENT 'What else the vendor''s mapping names: country, product, channel and the like.',
    version      UInt64 COMMENT 'Rank among the rows of one place: the highest counts. See analytics/versions.go.',
    object       String COMMENT 'Object of the vendor''s whose whole state the event reported; empty where the effect stands for itself.',
    proof        LowCardinality(String) COMMENT 'What the signature of the event covers: body, fields or weak.',
    is_test      UInt8 COMMENT '1 marks test money, which is in no figure.',
    source_month UInt32 COMMENT 'Month of occurred_at in UTC as YYYYMM, 0 for undated. The partition: filter by it to read only what is needed.'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT vendor, kind, sale_key, event_id, type, order_id, amount, currency, occurred_at, received_at, stored_at, dimensions, version, object, proof, is_test, source_month
FROM sales FINAL
COMMENT 'Every sale and refund, each once, as it counts now. For figures by month or day use the views sales_per_month and sales_daily, which are faster by far. Filter by source_month to read only what is needed.'

-- create the view event_journal
-- Each step is ranked here as FINAL ranks rows, the one stored last among equal versions. With FINAL ClickHouse reads whole
-- blocks of rows, payloads included, before it looks at event_id; a filter on what rows are grouped by comes first.
CREATE OR REPLACE VIEW event_journal
(
    vendor   LowCardinality(String) COMMENT 'Third party that sent the event.',
    event_id String COMMENT 'The event: filter by it, without which all events there are would be read.',
    at       DateTime64(3, 'UTC') COMMENT 'When the step was taken.',
    step     String COMMENT 'occurred, received, stored, sale, refund, action or dead letter.',
    detail   String COMMENT 'What there is to say about the step.',
    payload  String COMMENT 'The body as it was signed, with the step received; the record''s value with dead letter.'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS
SELECT vendor, event_id, taken.1 AS at, taken.2 AS step, taken.3 AS detail, taken.4 AS payload
FROM
(
    SELECT
        vendor, event_id, source_month,
        argMax(events.type, (version, events.stored_at)) AS last_type,
        argMax(events.occurred_at, (version, events.stored_at)) AS occurred,
        argMax(events.received_at, (version, events.stored_at)) AS received,
        argMax(events.stored_at, (version, events.stored_at)) AS stored,
        argMax(events.payload, (version, events.stored_at)) AS body,
        argMax((key_id, proof), (version, events.stored_at)) AS verified,
        argMax((kafka_topic, kafka_partition, kafka_offset), (version, events.stored_at)) AS origin
    FROM events
    GROUP BY vendor, event_id, source_month
    HAVING argMax(is_deleted, (version, events.stored_at)) = 0
)
ARRAY JOIN
[
    (occurred, 'occurred', concat(last_type, if(source_month = 0, ' (the vendor states no time)', '')), ''),
    (received, 'received', concat('verified with key ', verified.1, ', which covers ', transform(verified.2, ['body', 'fields', 'weak'], ['the whole body', 'some fields', 'little or nothing of the body'], 'an unknown part')), body),
    (stored, 'stored', concat('from ', origin.1, ', partition ', toString(origin.2), ', offset ', toString(origin.3)), '')
] AS taken
UNION ALL
-- What an event made counts unless another event's row of the same sale outranks it.
SELECT vendor, event_id, last.2, kind, concat(toString(last.3), ' ', last.4, ', key ', sale_key, if(last.5 = '', '', concat(', order ', last.5))), ''
FROM
(
    SELECT
        made.vendor AS vendor, made.event_id AS event_id, made.kind AS kind, made.sale_key AS sale_key,
        argMax((sales.event_id, sales.stored_at, sales.amount, sales.currency, sales.order_id, sales.is_deleted), (sales.version, sales.stored_at)) AS last
    FROM sales
    INNER JOIN (SELECT DISTINCT vendor, kind, sale_key, source_month, event_id FROM sales) AS made
        ON sales.vendor = made.vendor AND sales.kind = made.kind AND sales.sale_key = made.sale_key AND sales.source_month = made.source_month
    GROUP BY made.vendor, made.event_id, made.kind, made.sale_key, made.source_month
)
WHERE last.1 = event_id AND last.6 = 0
UNION ALL
SELECT vendor, event_id, last.1, 'action',
    concat(action, ' to ', target, ', attempt ', toString(attempt), ': ', last.2, if(last.3 = 0, '', concat(', status ', toString(last.3))), if(last.4 = '', '', concat(', ', last.4)), ', ', toString(last.5), ' ms'), ''
FROM
(
    SELECT vendor, event_id, action, target, attempt, argMax((started_at, outcome, status, error, duration_ms), stored_at) AS last
    FROM action_results
    GROUP BY vendor, event_id, action, target, attempt, source_month
)
UNION ALL
SELECT vendor, event_id, last.1, 'dead letter', concat('given up at stage ', last.2, ' after ', toString(last.3), ' attempts: ', last.4, if(last.5 = 'dead', '', concat(' (', last.5, ')'))), body
FROM
(
    SELECT
        vendor, event_id,
        argMax((failed_at, stage, attempts, error, state), changed_at) AS last,
        argMax(dead_letters.payload, changed_at) AS body
    FROM dead_letters
    GROUP BY vendor, event_id, kafka_topic, kafka_partition, kafka_offset, action
)
COMMENT 'The whole life of an event, one row per step. Order it by at.'

-- create the view rollup_state
CREATE OR REPLACE VIEW rollup_state
(
    months  UInt64 COMMENT 'Source months that have sales.',
    pending UInt64 COMMENT 'Those of them that changed since they were last recomputed, or that a reporting zone has no figures of.',
    missing UInt64 COMMENT 'Those of them that a reporting zone has no figures of at all: the zone is new, or the month.',
    since   DateTime('UTC') COMMENT 'When the change came that has waited longest; now where nothing is pending.',
    behind  Int64 COMMENT 'How many seconds that is ago: up to 5 is normal.'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS WITH
    -- Of the retention of sales; 0: forever.
    (SELECT toUInt32OrZero(extract(engine_full, 'toIntervalDay\\((\\d+)\\)')) FROM system.tables WHERE database = 'hookline' AND name = 'sales') AS keep,
    (SELECT count() FROM reporting_zones) AS zone_count
SELECT
    count() AS months,
    countIf(stale) AS pending,
    countIf(stale AND unknown) AS missing,
    if(pending = 0, now(), minIf(waits_since, stale)) AS since,
    dateDiff('second', since, now()) AS behind
FROM
(
    SELECT
        NOT hours.looked OR runs.zones < zone_count AS unknown,
        -- Times of parts are whole seconds, so that a run within the next one may have missed a part.
        unknown OR hours.late > 0 OR runs.at <= quarters.written_at + INTERVAL 1 SECOND AS waited,
        multiIf(hours.late > 0, toDateTime(hours.late_since), unknown, parts.written_at, quarters.written_at) AS waits_since,
        -- Months whose sales are about to go, or have gone, are not recomputed.
        waited AND (keep = 0 OR parts.source_month = 0 OR now() < makeDate(intDiv(parts.source_month, 100), parts.source_month % 100, 1) + INTERVAL 1 MONTH + toIntervalDay(keep) - INTERVAL 2 DAY) AS stale
    FROM
    (
        SELECT toUInt32(partition) AS source_month, max(modification_time) AS written_at
        FROM system.parts
        WHERE database = 'hookline' AND table = 'sales' AND active
        GROUP BY partition
    ) AS parts
    LEFT JOIN
    (
        SELECT toUInt32(partition) AS source_month, max(modification_time) AS written_at
        FROM system.parts
        WHERE database = 'hookline' AND table = 'sales_hours' AND active
        GROUP BY partition
    ) AS quarters ON quarters.source_month = parts.source_month
    LEFT JOIN
    (
        SELECT
            if(source_hour = 0, month, toYYYYMM(toDateTime(toInt64(source_hour) * 3600, 'UTC'))) AS source_month,
            -- A run within a second of a touch may have begun before the sale was visible; the hour is looked at again.
            max(look) AS looked, countIf(waits) AS late, minIf(touched_at, waits) AS late_since
        FROM
        (
            SELECT
                source_hour, max(months) AS month, max(looks) AS look, max(run) AS run_at, max(touched) AS touched_at,
                touched_at > toDateTime64(0, 3, 'UTC') AND touched_at + INTERVAL 1 SECOND > run_at AS waits
            FROM
            (
                SELECT
                    source_hour, source_month AS months, grain = 'look' AS looks,
                    if(grain = 'run', refreshed_at, toDateTime64(0, 3, 'UTC')) AS run, toDateTime64(0, 3, 'UTC') AS touched
                FROM sales_hours
                WHERE grain IN ('run', 'look')
                UNION ALL
                SELECT source_hour, 0, 0, toDateTime64(0, 3, 'UTC'), touched_at FROM sales_touched WHERE touched_at <= now64(3, 'UTC')
            )
            GROUP BY source_hour, if(source_hour = 0, months, 0)
        )
        GROUP BY source_month
    ) AS hours ON hours.source_month = parts.source_month
    LEFT JOIN
    (
        SELECT source_month, min(at) AS at, count() AS zones
        FROM
        (
            SELECT source_month, zone, max(refreshed_at) AS at
            FROM sales_sums
            WHERE grain = 'run'
            GROUP BY source_month, zone
        )
        GROUP BY source_month
    ) AS runs ON runs.source_month = parts.source_month
)
COMMENT 'How far the figures of sales_per_month and sales_daily are behind the table sales.'

-- create the view sales_daily
CREATE OR REPLACE VIEW sales_daily
(
    zone                LowCardinality(String) COMMENT 'Reporting time zone: filter by exactly one.',
    day                 Date COMMENT 'Day in the zone; 1970-01-01 for undated.',
    undated             Bool COMMENT 'true for sales whose vendor states no time: they belong to no day.',
    vendor              LowCardinality(String) COMMENT 'Third party, as vendors.yaml names it.',
    currency            LowCardinality(String) COMMENT 'ISO 4217 code. Amounts of different currencies do not add up.',
    proof               LowCardinality(String) COMMENT 'How much of the body the signatures cover: body (every byte), fields (some), weak (a checksum, or nothing). Empty for sales that were gone before this was kept.',
    gross               Decimal(38, 4) COMMENT 'Sum of sales and captures, in major units.',
    refunds             Decimal(38, 4) COMMENT 'Sum of refunds and chargebacks less their reversals. A refund counts on the day on which it happened.',
    net                 Decimal(38, 4) COMMENT 'gross - refunds.',
    orders              UInt64 COMMENT 'Number of orders: an order of several captures is one.',
    refund_count        UInt64 COMMENT 'Number of refunds and chargebacks less their reversals; 0 where there are more reversals.',
    average_order_value Nullable(Decimal(38, 4)) COMMENT 'gross / orders, cut after 4 decimals; NULL without orders.',
    fees                Decimal(38, 4) COMMENT 'Sum of the fees that the vendor reports; in no other figure.',
    taxes               Decimal(38, 4) COMMENT 'The same for taxes.'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT
    zone, day, (source_month = 0)::Bool AS undated, vendor, currency, proof,
    sumIf(amount, kind IN ('sale', 'capture')) AS gross,
    sumIf(amount, kind = 'refund') - sumIf(amount, kind = 'reversal') AS refunds,
    gross - refunds AS net,
    sumIf(count, kind IN ('sale', 'order')) AS orders,
    toUInt64(greatest(toInt64(sumIf(count, kind = 'refund')) - toInt64(sumIf(count, kind = 'reversal')), 0)) AS refund_count,
    if(orders = 0, NULL, gross / orders) AS average_order_value,
    sumIf(amount, kind = 'fee') AS fees,
    sumIf(amount, kind = 'tax') AS taxes
FROM sales_sums FINAL
WHERE grain = 'day' AND count > 0 AND NOT startsWith(kind, 'test ')
GROUP BY zone, day, undated, vendor, currency, proof
COMMENT 'Sales per day, vendor, currency and proof in a reporting zone: sums over proof are those of the vendor. Seconds behind the table sales.'

-- create the view sales_per_month
CREATE OR REPLACE VIEW sales_per_month
(
    zone                LowCardinality(String) COMMENT 'Reporting time zone: filter by exactly one.',
    month               Date COMMENT 'First day of the month in the zone; 1970-01-01 for undated.',
    undated             Bool COMMENT 'true for sales whose vendor states no time: they belong to no month.',
    vendor              LowCardinality(String) COMMENT 'Third party, as vendors.yaml names it.',
    currency            LowCardinality(String) COMMENT 'ISO 4217 code. Amounts of different currencies do not add up.',
    proof               LowCardinality(String) COMMENT 'How much of the body the signatures cover: body (every byte), fields (some), weak (a checksum, or nothing). Empty for sales that were gone before this was kept.',
    gross               Decimal(38, 4) COMMENT 'Sum of sales and captures, in major units.',
    refunds             Decimal(38, 4) COMMENT 'Sum of refunds and chargebacks less their reversals. A refund counts in the month in which it happened.',
    net                 Decimal(38, 4) COMMENT 'gross - refunds.',
    orders              UInt64 COMMENT 'Number of orders: an order of several captures is one.',
    refund_count        UInt64 COMMENT 'Number of refunds and chargebacks less their reversals; 0 where there are more reversals.',
    average_order_value Nullable(Decimal(38, 4)) COMMENT 'gross / orders, cut after 4 decimals; NULL without orders.',
    fees                Decimal(38, 4) COMMENT 'Sum of the fees that the vendor reports; in no other figure.',
    taxes               Decimal(38, 4) COMMENT 'The same for taxes.'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT
    zone, day AS month, (source_month = 0)::Bool AS undated, vendor, currency, proof,
    sumIf(amount, kind IN ('sale', 'capture')) AS gross,
    sumIf(amount, kind = 'refund') - sumIf(amount, kind = 'reversal') AS refunds,
    gross - refunds AS net,
    sumIf(count, kind IN ('sale', 'order')) AS orders,
    toUInt64(greatest(toInt64(sumIf(count, kind = 'refund')) - toInt64(sumIf(count, kind = 'reversal')), 0)) AS refund_count,
    if(orders = 0, NULL, gross / orders) AS average_order_value,
    sumIf(amount, kind = 'fee') AS fees,
    sumIf(amount, kind = 'tax') AS taxes
FROM sales_sums FINAL
WHERE grain = 'month' AND count > 0 AND NOT startsWith(kind, 'test ')
GROUP BY zone, month, undated, vendor, currency, proof
COMMENT 'Sales per month, vendor, currency and proof in a reporting zone: sums over proof are those of the vendor. Seconds behind the table sales.'

-- create the view sales_per_month_converted
CREATE OR REPLACE VIEW sales_per_month_converted
(
    zone     LowCardinality(String) COMMENT 'Reporting time zone: filter by exactly one.',
    month    Date COMMENT 'First day of the month in the zone; 1970-01-01 for undated.',
    undated  Bool COMMENT 'true for sales whose vendor states no time: they belong to no month.',
    vendor   LowCardinality(String) COMMENT 'Third party, as vendors.yaml names it.',
    currency LowCardinality(String) COMMENT 'Currency that the amounts were converted to, one that exchange_rates has as target: filter by exactly one.',
    gross    Nullable(Decimal(38, 4)) COMMENT 'Sum of sales, each day at the rate of that day, rounded to 4 decimals a day; NULL where a rate is missing.',
    refunds  Nullable(Decimal(38, 4)) COMMENT 'The same for refunds, positive.',
    net      Nullable(Decimal(38, 4)) COMMENT 'gross - refunds.',
    missing  Array(String) COMMENT 'Currencies without a rate on a day with sales or refunds.'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT
    zone, toStartOfMonth(day) AS month, undated, vendor, target AS currency,
    if(empty(missing), sum(round(daily.gross * rate, 4))::Decimal(38, 4), NULL) AS gross,
    if(empty(missing), sum(round(daily.refunds * rate, 4))::Decimal(38, 4), NULL) AS refunds,
    gross - refunds AS net,
    arraySort(groupUniqArrayIf(toString(original), rate = 0)) AS missing
FROM
(
    SELECT
        sales.zone AS zone, sales.day AS day, sales.undated AS undated, sales.vendor AS vendor, sales.currency AS original,
        sales.gross AS gross, sales.refunds AS refunds, sales.target AS target,
        -- Undated sales have no day to take a rate of.
        multiIf(original = target, toDecimal128(1, 12), undated, toDecimal128(0, 12), rates.rate) AS rate
    FROM (SELECT * FROM sales_daily CROSS JOIN (SELECT DISTINCT target FROM exchange_rates) AS targets) AS sales
    ASOF LEFT JOIN (SELECT currency, target, day AS since, rate FROM exchange_rates FINAL) AS rates
        ON rates.currency = sales.currency AND rates.target = sales.target AND rates.since <= sales.day
) AS daily
GROUP BY zone, month, undated, vendor, target
COMMENT 'Sales per month and vendor in one currency, by the rates that you load into exchange_rates.'

-- create the view test_sales_per_month
CREATE OR REPLACE VIEW test_sales_per_month
(
    zone                LowCardinality(String) COMMENT 'Reporting time zone: filter by exactly one.',
    month               Date COMMENT 'First day of the month in the zone; 1970-01-01 for undated.',
    undated             Bool COMMENT 'true for sales whose vendor states no time: they belong to no month.',
    vendor              LowCardinality(String) COMMENT 'Third party, as vendors.yaml names it.',
    currency            LowCardinality(String) COMMENT 'ISO 4217 code. Amounts of different currencies do not add up.',
    gross               Decimal(38, 4) COMMENT 'Sum of sales and captures, in major units.',
    refunds             Decimal(38, 4) COMMENT 'Sum of refunds and chargebacks less their reversals. A refund counts in the month in which it happened.',
    net                 Decimal(38, 4) COMMENT 'gross - refunds.',
    orders              UInt64 COMMENT 'Number of orders: an order of several captures is one.',
    refund_count        UInt64 COMMENT 'Number of refunds and chargebacks less their reversals; 0 where there are more reversals.',
    average_order_value Nullable(Decimal(38, 4)) COMMENT 'gross / orders, cut after 4 decimals; NULL without orders.',
    fees                Decimal(38, 4) COMMENT 'Sum of the fees that the vendor reports; in no other figure.',
    taxes               Decimal(38, 4) COMMENT 'The same for taxes.'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT
    zone, day AS month, (source_month = 0)::Bool AS undated, vendor, currency,
    sumIf(amount, kind IN ('test sale', 'test capture')) AS gross,
    sumIf(amount, kind = 'test refund') - sumIf(amount, kind = 'test reversal') AS refunds,
    gross - refunds AS net,
    sumIf(count, kind IN ('test sale', 'test order')) AS orders,
    toUInt64(greatest(toInt64(sumIf(count, kind = 'test refund')) - toInt64(sumIf(count, kind = 'test reversal')), 0)) AS refund_count,
    if(orders = 0, NULL, gross / orders) AS average_order_value,
    sumIf(amount, kind = 'test fee') AS fees,
    sumIf(amount, kind = 'test tax') AS taxes
FROM sales_sums FINAL
WHERE grain = 'month' AND count > 0 AND startsWith(kind, 'test ')
GROUP BY zone, month, undated, vendor, currency
COMMENT 'Test money per month, vendor and currency in a reporting zone. It is in no other view of figures.'

-- create the view unaccounted
CREATE OR REPLACE VIEW unaccounted
(
    consumer_group  LowCardinality(String) COMMENT 'Consumer group whose account has the gap.',
    kafka_topic     LowCardinality(String) COMMENT 'Topic.',
    kafka_partition Int32 COMMENT 'Partition of kafka_topic.',
    first_offset    Int64 COMMENT 'First offset of the gap.',
    end_offset      Int64 COMMENT 'The offset after the last one.',
    offsets         Int64 COMMENT 'How many offsets that is. Kafka''s own transaction markers are offsets too.'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT
    consumer_group, kafka_topic, kafka_partition,
    reached AS first_offset, next AS end_offset, end_offset - first_offset AS offsets
FROM
(
    SELECT
        consumer_group, kafka_topic, kafka_partition, ledger.first_offset AS next,
        -- Entries may overlap: records are read again after a crash.
        max(ledger.end_offset) OVER (PARTITION BY consumer_group, kafka_topic, kafka_partition ORDER BY ledger.first_offset, ledger.end_offset ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS reached,
        row_number() OVER (PARTITION BY consumer_group, kafka_topic, kafka_partition ORDER BY ledger.first_offset, ledger.end_offset) AS entry
    FROM ledger FINAL
)
WHERE entry > 1 AND next > reached
COMMENT 'Offsets between two entries of the ledger that no entry covers: must be empty. Those after the last entry are still to be read; hookline audit compares with the broker.'

-- create the view vendor_performance
CREATE OR REPLACE VIEW vendor_performance
(
    month                Date COMMENT 'First day of the month in UTC: that of the event''s own time for events and sales, that of the incident for the others. 1970-01-01 for undated.',
    vendor               LowCardinality(String) COMMENT 'Third party, as vendors.yaml names it; empty for deliveries to unknown endpoints.',
    events               UInt64 COMMENT 'Number of events.',
    sales                UInt64 COMMENT 'Number of sales.',
    refunds              UInt64 COMMENT 'Number of refunds.',
    refund_rate          Nullable(Float64) COMMENT 'refunds / sales; NULL without sales.',
    sales_growth         Nullable(Float64) COMMENT 'sales / sales of the month before - 1; NULL without sales in the month before.',
    delay_p50            Float64 COMMENT 'Seconds from when an event happened until it was received: half of the events took no longer.',
    delay_p95            Float64 COMMENT 'The same for 95 % of the events.',
    delay_p99            Float64 COMMENT 'The same for 99 % of the events.',
    lag_p50              Float64 COMMENT 'Seconds from when an event was received until it was stored: half of the events took no longer.',
    lag_p95              Float64 COMMENT 'The same for 95 % of the events.',
    lag_p99              Float64 COMMENT 'The same for 99 % of the events.',
    deliveries           UInt64 COMMENT 'Number of deliveries, redeliveries included, by the month in which they were read. What hookline itself sends round again, retries and redrives, is none.',
    new_events           UInt64 COMMENT 'Number of events that were stored in the month, whenever they happened: each at the delivery that counts.',
    redelivery_rate      Nullable(Float64) COMMENT 'Share of the deliveries that brought an event again: (deliveries - new_events) / deliveries. NULL without deliveries.',
    rejections           UInt64 COMMENT 'Number of refused deliveries.',
    rejections_by_reason Map(String, UInt64) COMMENT 'The same by reason.',
    dead_letters         UInt64 COMMENT 'Number of events that were given up in the month and not redriven since.',
    action_failures      UInt64 COMMENT 'Number of actions that were given up.',
    last_seen            DateTime64(3, 'UTC') COMMENT 'When the last of the events was received; 1970-01-01 where there are none.'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT
    if(source_month = 0, toDate(0), makeDate(intDiv(source_month, 100), source_month % 100, 1)) AS month,
    vendor,
    sum(e) AS events, sum(s) AS sales, sum(r) AS refunds,
    if(sales = 0, NULL, refunds / sales) AS refund_rate,
    if(source_month = 0, NULL, sales / nullIf(any(sales) OVER before, 0) - 1) AS sales_growth,
    max(delay.1) AS delay_p50, max(delay.2) AS delay_p95, max(delay.3) AS delay_p99,
    max(lag.1) AS lag_p50, max(lag.2) AS lag_p95, max(lag.3) AS lag_p99,
    sum(d) AS deliveries,
    sum(n) AS new_events,
    -- Deliveries of vendors that the configuration does not know are counted together, their events are not.
    if(deliveries = 0 OR vendor = 'unknown', NULL, greatest(1 - new_events / deliveries, 0)) AS redelivery_rate,
    arraySum(mapValues(rejections_by_reason)) AS rejections,
    sumMap(refused) AS rejections_by_reason,
    sum(dead) AS dead_letters, sum(failed) AS action_failures, max(seen) AS last_seen
FROM
(
    SELECT source_month, vendor, events AS e, 0 AS s, 0 AS r, (delay_p50, delay_p95, delay_p99) AS delay, (lag_p50, lag_p95, lag_p99) AS lag,
        0 AS d, 0 AS n, map()::Map(String, UInt64) AS refused, 0 AS dead, 0 AS failed, last_seen AS seen
    FROM vendor_rollup FINAL
    WHERE events > 0
    UNION ALL
    SELECT stored.1, vendor, 0, 0, 0, (0, 0, 0), (0, 0, 0), 0, stored.2, map(), 0, 0, toDateTime64(0, 3, 'UTC')
    FROM (SELECT vendor, arrayJoin(stored_in::Array(Tuple(UInt32, UInt64))) AS stored FROM vendor_rollup FINAL WHERE events > 0)
    UNION ALL
    -- In any one zone the months of a source month add up to all of it.
    SELECT source_month, vendor, 0, sumIf(count, kind IN ('sale', 'order')), sumIf(count, kind = 'refund'), (0, 0, 0), (0, 0, 0), 0, 0, map(), 0, 0, toDateTime64(0, 3, 'UTC')
    FROM sales_sums FINAL
    WHERE grain = 'month' AND count > 0 AND zone = (SELECT min(zone) FROM reporting_zones)
    GROUP BY source_month, vendor
    UNION ALL
    SELECT toYYYYMM(written_at), vendors.1, 0, 0, 0, (0, 0, 0), (0, 0, 0), vendors.2, 0, map(), 0, 0, toDateTime64(0, 3, 'UTC')
    -- Earlier versions counted the records of the retry topic too.
    FROM (SELECT written_at, arrayJoin(vendors::Array(Tuple(String, UInt32))) AS vendors FROM ledger FINAL WHERE NOT endsWith(kafka_topic, '.events.retry'))
    UNION ALL
    SELECT toYYYYMM(minute), vendor, 0, 0, 0, (0, 0, 0), (0, 0, 0), 0, 0, map(reason, sum(count)), 0, 0, toDateTime64(0, 3, 'UTC')
    FROM rejections FINAL
    GROUP BY toYYYYMM(minute), vendor, reason
    UNION ALL
    SELECT toYYYYMM(failed_at), vendor, 0, 0, 0, (0, 0, 0), (0, 0, 0), 0, 0, map(), count(), 0, toDateTime64(0, 3, 'UTC')
    FROM dead_letters FINAL
    WHERE state = 'dead'
    GROUP BY toYYYYMM(failed_at), vendor
    UNION ALL
    SELECT toYYYYMM(started_at), vendor, 0, 0, 0, (0, 0, 0), (0, 0, 0), 0, 0, map(), 0, count(), toDateTime64(0, 3, 'UTC')
    FROM action_results FINAL
    WHERE outcome = 'gave_up'
    GROUP BY toYYYYMM(started_at), vendor
)
GROUP BY source_month, vendor
WINDOW before AS (PARTITION BY vendor ORDER BY toRelativeMonthNum(month) RANGE BETWEEN 1 PRECEDING AND 1 PRECEDING)
COMMENT 'How each vendor did in each month, for a review meeting: volume, refunds, growth, delays, rejections, dead letters.'

-- create the view sales_hours_refresh
-- The refreshable materialized view that keeps sales_hours. Each run recomputes whole source hours from sales FINAL, so
-- that what it writes never depends on how often a sale was delivered, or in which order, and costs what the hours hold
-- that were written to, not what their months hold.
--
-- touched: an hour is due when rows were written to it since it was last recomputed, less 3 s, because a part becomes
-- visible a moment after the log says so; and once more when 10 s, 30 s, 2 min and 10 min have passed, for parts that took
-- longer.
-- look: a month is due as a whole when it never was recomputed as a whole, and after each mutation of sales, which deletes
-- rows: that is how hours are found that the log does not name.
-- The hours due are a scalar, evaluated once; those written to come before those that are looked at once more, and the
-- newest first. A run takes about 2 million rows, and one month at least: everything else waits for it.
--
-- Only groups that differ from what there is are written, those that vanished as zeros, one row per hour that records the
-- run, and one per month that was looked at.
CREATE MATERIALIZED VIEW sales_hours_refresh
REFRESH EVERY 1 SECOND APPEND
TO `hookline`.sales_hours
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS WITH
    now64(3, 'UTC') AS started,
    (
        SELECT groupArray((source_month, mutation))
        FROM
        (
            SELECT parts.source_month AS source_month, parts.mutation AS mutation, sum(size) OVER (ORDER BY source_month DESC ROWS UNBOUNDED PRECEDING) - size AS before
            FROM
            (
                -- The name of a part that a mutation made ends with the mutation's number.
                SELECT toUInt32(partition) AS source_month, max(toUInt64OrZero(extract(name, '_\\d+_\\d+_\\d+_(\\d+)$'))) AS mutation, sum(rows) AS size
                FROM system.parts
                WHERE database = 'hookline' AND table = 'sales' AND active
                GROUP BY partition
            ) AS parts
            LEFT JOIN
            (
                SELECT source_month, true AS known, argMax(count, refreshed_at) AS mutation
                FROM `hookline`.sales_hours
                WHERE grain = 'look'
                GROUP BY source_month
            ) AS looks ON looks.source_month = parts.source_month
            WHERE (NOT known OR looks.mutation < parts.mutation)
                AND (SELECT count() FROM system.mutations WHERE database = 'hookline' AND table = 'sales' AND NOT is_done) = 0 AND NOT (source_month != 0 AND now() >= makeDate(intDiv(source_month, 100), source_month % 100, 1) + INTERVAL 1 MONTH + INTERVAL 800 DAY - INTERVAL 2 DAY)
        )
        WHERE before < 2000000
    ) AS looks,
    arrayMap(look -> look.1, looks) AS looked,
    (
        SELECT groupArray(source_hour)
        FROM
        (
            SELECT source_hour, sum(size) OVER (ORDER BY late DESC, source_hour DESC ROWS UNBOUNDED PRECEDING) - size AS before
            FROM
            (
                SELECT
                    touched.source_hour AS source_hour, runs.size + 1000 AS size, runs.at < touched.at + INTERVAL 3 SECOND AS late,
                    toYYYYMM(toDateTime(toInt64(source_hour) * 3600, 'UTC')) AS month, if(source_hour = 0, 0, month) AS source_month
                FROM
                (
                    SELECT source_hour, max(touched_at) AS at
                    FROM `hookline`.sales_touched
                    GROUP BY source_hour
                ) AS touched
                LEFT JOIN
                (
                    SELECT source_hour, max(refreshed_at) AS at, argMax(count, refreshed_at) AS size
                    FROM `hookline`.sales_hours
                    WHERE grain = 'run'
                    GROUP BY source_hour
                ) AS runs ON runs.source_hour = touched.source_hour
                WHERE (late AND started >= touched.at OR arrayExists(later -> runs.at < touched.at + later AND started >= touched.at + later, [10, 30, 120, 600])) AND NOT (source_month != 0 AND now() >= makeDate(intDiv(source_month, 100), source_month % 100, 1) + INTERVAL 1 MONTH + INTERVAL 800 DAY - INTERVAL 2 DAY)
            )
        )
        WHERE before < 2000000
    ) AS touched,
    arrayDistinct(arrayConcat(looked, arrayMap(hour -> if(hour = 0, 0, toYYYYMM(toDateTime(toInt64(hour) * 3600, 'UTC'))), touched))) AS months
SELECT
    source_month, grain, source_hour, start, vendor, currency, kind, proof,
    sum(new_count) AS count, sum(new_amount) AS amount, started AS refreshed_at
FROM
(
    SELECT source_month, row.1 AS grain, source_hour, row.2 AS start, row.3 AS vendor, row.4 AS currency, row.5 AS kind, row.6 AS proof, number AS new_count,
        if(grain = 'run', toDecimal128(0, 4), total) AS new_amount, 0 AS old_count, toDecimal128(0, 4) AS old_amount
    FROM
    (
        SELECT
            source_month, source_hour, toStartOfFifteenMinutes(toDateTime(occurred_at, 'UTC')) AS quarter, sales.vendor AS name, sales.currency AS code,
            if(is_test = 1, concat('test ', sales.kind), sales.kind::String) AS what,
            splitByChar('-', sales.proof::String)[1] AS body, count() AS number, sum(sales.amount) AS total
        FROM `hookline`.sales FINAL
        WHERE source_month IN (SELECT arrayJoin(months)) AND (source_hour IN (SELECT arrayJoin(touched)) OR source_month IN (SELECT arrayJoin(looked)))
            AND counts_from <= toDateTime(started)
        GROUP BY source_month, source_hour, quarter, name, code, what, body
    )
    ARRAY JOIN [('sum', quarter, name::String, code::String, what, body), ('run', toDateTime(0, 'UTC'), '', '', '', '')] AS row
    UNION ALL
    SELECT source_month, grain, source_hour, start, vendor, currency, kind, proof, 0, toDecimal128(0, 4), count, amount
    FROM `hookline`.sales_hours FINAL
    WHERE source_month IN (SELECT arrayJoin(months)) AND grain = 'sum'
        AND (source_hour IN (SELECT arrayJoin(touched)) OR source_month IN (SELECT arrayJoin(looked)))
    UNION ALL
    SELECT
        if(hour = 0, 0, toYYYYMM(toDateTime(toInt64(hour) * 3600, 'UTC'))), 'run', arrayJoin(touched) AS hour, toDateTime(0, 'UTC'), '', '', '', '',
        0, toDecimal128(0, 4), 0, toDecimal128(1, 4)
    UNION ALL
    SELECT look.1, 'look', 0, toDateTime(0, 'UTC'), '', '', '', '', look.2, toDecimal128(0, 4), 0, toDecimal128(1, 4)
    FROM (SELECT arrayJoin(looks) AS look)
)
GROUP BY source_month, grain, source_hour, start, vendor, currency, kind, proof
HAVING count != sum(old_count) OR amount != sum(old_amount)
SETTINGS
    do_not_merge_across_partitions_select_final = 1,
    max_insert_threads = 1,
    min_insert_block_size_rows = 1000000000,
    min_insert_block_size_bytes = 4000000000,
    os_thread_priority = 10
COMMENT 'Keeps up what its name says. Definition 16f571101691.'

-- create the view sales_rollup_refresh
-- The refreshable materialized view that keeps sales_sums. Each run recomputes whole source months from the quarters of
-- an hour in sales_hours, whose number does not grow with that of sales.
--
-- Only groups that differ from what the rollup has are written, those that vanished as zeros, and one row per
-- month and zone that records the run. One block makes one part, so that a run that is killed
-- leaves everything or nothing; it must not be cut by size or among threads.
--
-- Quarters are grouped by their days in all zones first, and the few groups are then dealt out to the zones: a row for each
-- sale and zone costs half as much again. Readers come first: a run takes what they leave of the processor, where the server may
-- lower priorities (CAP_SYS_NICE).
CREATE MATERIALIZED VIEW sales_rollup_refresh
REFRESH EVERY 2 SECOND APPEND
TO `hookline`.sales_sums
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS WITH
    (
        SELECT groupArray(source_month)
        FROM
        (
            SELECT parts.source_month AS source_month
            FROM
            (
                SELECT toUInt32(partition) AS source_month, max(modification_time) AS written_at
                FROM system.parts
                WHERE database = 'hookline' AND table = 'sales_hours' AND active
                GROUP BY partition
            ) AS parts
            LEFT JOIN
            (
                SELECT source_month, min(at) AS at, count() AS parts
                FROM
                (
                    SELECT source_month, zone AS part, max(refreshed_at) AS at
                    FROM `hookline`.sales_sums
                    WHERE part IN ('Africa/Lagos', 'UTC') AND grain = 'run'
                    GROUP BY source_month, part
                )
                GROUP BY source_month
            ) AS runs ON runs.source_month = parts.source_month
            WHERE
            (
                runs.parts < 2
                OR runs.at < parts.written_at + INTERVAL 3 SECOND
                OR arrayExists(later -> runs.at < parts.written_at + later AND now() >= parts.written_at + later, [10, 30, 120, 600])
            )
            AND (source_month = 0 OR now() < makeDate(intDiv(source_month, 100), source_month % 100, 1) + INTERVAL 1 MONTH + INTERVAL 800 DAY - INTERVAL 2 DAY)
            ORDER BY source_month = toYYYYMM(now('UTC')) DESC, runs.at
            LIMIT 4
        )
    )
 AS due,
    now64(3, 'UTC') AS started
SELECT
    zone, grain, source_month, day, vendor, currency, kind, proof,
    sum(new_count) AS count, sum(new_amount) AS amount, started AS refreshed_at
FROM
(
    SELECT zone, period.1 AS grain, source_month, period.2 AS day, vendor, currency, kind, proof, new_count, new_amount, 0 AS old_count, toDecimal128(0, 4) AS old_amount
    FROM
    (
        SELECT zone, source_month, date, vendor, currency, kind, proof, sum(part_count) AS new_count, sum(part_amount) AS new_amount
        FROM
        (
            SELECT [if(source_month = 0, toDate(0), toDate(start, 'Africa/Lagos')), if(source_month = 0, toDate(0), toDate(start, 'UTC'))] AS days, source_month, vendor, currency, kind, proof, sum(sales_hours.count) AS part_count, sum(sales_hours.amount) AS part_amount
            FROM `hookline`.sales_hours FINAL
            WHERE source_month IN (SELECT arrayJoin(due)) AND grain = 'sum'
            GROUP BY days, source_month, vendor, currency, kind, proof
        )
        ARRAY JOIN ['Africa/Lagos', 'UTC'] AS zone, days AS date
        GROUP BY zone, source_month, date, vendor, currency, kind, proof
    )
    ARRAY JOIN [('day', date), ('month', toStartOfMonth(date))] AS period
    UNION ALL
    SELECT zone, grain, source_month, day, vendor, currency, kind, proof, 0, toDecimal128(0, 4), count, amount
    FROM `hookline`.sales_sums FINAL
    WHERE source_month IN (SELECT arrayJoin(due)) AND zone IN ('Africa/Lagos', 'UTC') AND grain != 'run'
    UNION ALL
    SELECT arrayJoin(['Africa/Lagos', 'UTC']), 'run', arrayJoin(due), toDate(0), '', '', '', '', 0, toDecimal128(0, 4), 1, toDecimal128(0, 4)
)
GROUP BY zone, grain, source_month, day, vendor, currency, kind, proof
HAVING count != sum(old_count) OR amount != sum(old_amount)
SETTINGS
    do_not_merge_across_partitions_select_final = 1,
    max_insert_threads = 1,
    min_insert_block_size_rows = 1000000000,
    min_insert_block_size_bytes = 4000000000,
    os_thread_priority = 10
COMMENT 'Keeps up what its name says. Definition 5262033ea4c6.'

-- create the view vendor_rollup_refresh
-- The refreshable materialized view that keeps vendor_rollup, as sales_rollup.sql does sales_sums. Whole
-- months are few rows here, so that all of them are written.
CREATE MATERIALIZED VIEW vendor_rollup_refresh
REFRESH EVERY 15 SECOND APPEND
TO `hookline`.vendor_rollup
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS WITH
    (
        SELECT groupArray(source_month)
        FROM
        (
            SELECT parts.source_month AS source_month
            FROM
            (
                SELECT toUInt32(partition) AS source_month, max(modification_time) AS written_at
                FROM system.parts
                WHERE database = 'hookline' AND table = 'events' AND active
                GROUP BY partition
            ) AS parts
            LEFT JOIN
            (
                SELECT source_month, min(at) AS at, count() AS parts
                FROM
                (
                    SELECT source_month, '' AS part, max(refreshed_at) AS at
                    FROM `hookline`.vendor_rollup
                    WHERE part IN ('') AND vendor = ''
                    GROUP BY source_month, part
                )
                GROUP BY source_month
            ) AS runs ON runs.source_month = parts.source_month
            WHERE
            (
                runs.parts < 1
                OR runs.at < parts.written_at + INTERVAL 3 SECOND
                OR arrayExists(later -> runs.at < parts.written_at + later AND now() >= parts.written_at + later, [10, 30, 120, 600])
            )
            ORDER BY source_month = toYYYYMM(now('UTC')) DESC, runs.at
            LIMIT 4
        )
    )
 AS due,
    now64(3, 'UTC') AS started
SELECT
    vendor, source_month, sum(number) AS events,
    max(delay.1) AS delay_p50, max(delay.2) AS delay_p95, max(delay.3) AS delay_p99,
    max(lag.1) AS lag_p50, max(lag.2) AS lag_p95, max(lag.3) AS lag_p99,
    max(seen) AS last_seen, sumMap(stored) AS stored_in, started AS refreshed_at
FROM
(
    SELECT
        vendor, source_month, sum(part) AS number,
        arrayMap(v -> if(source_month = 0, 0, v / 1000), quantilesTDigestMerge(0.5, 0.95, 0.99)(part_delays)) AS delays,
        arrayMap(v -> v / 1000, quantilesTDigestMerge(0.5, 0.95, 0.99)(part_lags)) AS lags,
        (delays[1], delays[2], delays[3]) AS delay, (lags[1], lags[2], lags[3]) AS lag,
        max(part_seen) AS seen, sumMap(map(month, part)) AS stored
    FROM
    (
        SELECT
            vendor, source_month, toYYYYMM(stored_at) AS month, count() AS part,
            quantilesTDigestState(0.5, 0.95, 0.99)(greatest(dateDiff('millisecond', occurred_at, received_at), 0)) AS part_delays,
            quantilesTDigestState(0.5, 0.95, 0.99)(greatest(dateDiff('millisecond', received_at, stored_at), 0)) AS part_lags,
            max(received_at) AS part_seen
        FROM `hookline`.events FINAL
        WHERE source_month IN (SELECT arrayJoin(due))
        GROUP BY vendor, source_month, month
    )
    GROUP BY vendor, source_month
    UNION ALL
    SELECT vendor, source_month, 0, [], [], (0, 0, 0), (0, 0, 0), toDateTime64(0, 3, 'UTC'), map()
    FROM `hookline`.vendor_rollup FINAL
    WHERE source_month IN (SELECT arrayJoin(due))
    UNION ALL
    SELECT '', arrayJoin(due), 0, [], [], (0, 0, 0), (0, 0, 0), toDateTime64(0, 3, 'UTC'), map()
)
GROUP BY vendor, source_month
SETTINGS
    do_not_merge_across_partitions_select_final = 1,
    max_insert_threads = 1,
    min_insert_block_size_rows = 1000000000,
    min_insert_block_size_bytes = 4000000000
COMMENT 'Keeps up what its name says. Definition d2b44a2d7cc9.'

