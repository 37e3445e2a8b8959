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
{{definer}}
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
