-- +goose Up

CREATE TABLE IF NOT EXISTS sales_touched
(
    source_hour UInt32 COMMENT 'As in sales.',
    touched_at  SimpleAggregateFunction(max, DateTime64(3, 'UTC')) COMMENT 'When rows of that hour were last written, or are to be taken into figures.'
)
ENGINE = {{engine "AggregatingMergeTree"}}
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
ENGINE = {{engine "ReplacingMergeTree(refreshed_at)"}}
PARTITION BY source_month
ORDER BY (source_month, grain, source_hour, start, vendor, currency, kind)
COMMENT 'Sums of sales by the quarter of an hour, kept by the view sales_hours_refresh. Figures in every time zone are computed from them.';
