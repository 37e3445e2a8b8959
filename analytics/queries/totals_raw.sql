-- The same totals counted row by row, for any zone: what the rollup must agree with.
SELECT
    if(source_month = 0, toDate(0), toStartOfMonth(toDate(occurred_at, {zone:String}))) AS month,
    (source_month = 0)::Bool AS undated, vendor, currency, kind, count() AS count, sum(amount) AS amount
FROM sales FINAL
WHERE is_test = 0
GROUP BY month, undated, vendor, currency, kind
ORDER BY undated, month, vendor, currency, kind
