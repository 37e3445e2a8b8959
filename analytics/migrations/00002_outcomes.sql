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
ENGINE = {{engine "ReplacingMergeTree(stored_at)"}}
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
ENGINE = {{engine "ReplacingMergeTree(count)"}}
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
ENGINE = {{engine "ReplacingMergeTree(changed_at)"}}
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
ENGINE = {{engine "ReplacingMergeTree(end_offset)"}}
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
ENGINE = {{engine "ReplacingMergeTree(added_at)"}}
ORDER BY (target, currency, day)
COMMENT 'Exchange rates that you load. Totals in a reporting currency use them; a missing rate shows as missing, never as zero.';
