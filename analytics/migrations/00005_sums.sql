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
ENGINE = {{engine "ReplacingMergeTree(refreshed_at)"}}
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
