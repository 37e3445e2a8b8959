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
ENGINE = {{engine "ReplacingMergeTree(updated_at)"}}
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
ENGINE = {{engine "ReplacingMergeTree"}}
PARTITION BY (vendor, generation)
ORDER BY (event_month, event_id)
COMMENT 'What events are by a new mapping, while hookline reprocess runs. Empty otherwise.';
