-- The refreshable materialized view that keeps vendor_rollup, as sales_rollup.sql does sales_sums. Whole
-- months are few rows here, so that all of them are written.
CREATE MATERIALIZED VIEW {{.View}}
REFRESH EVERY 15 SECOND APPEND
TO {{.Database}}.{{.Rollup}}
{{.Definer}}
AS WITH
    {{template "due.sql" .}} AS due,
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
        FROM {{.Database}}.events FINAL
        WHERE source_month IN (SELECT arrayJoin(due))
        GROUP BY vendor, source_month, month
    )
    GROUP BY vendor, source_month
    UNION ALL
    SELECT vendor, source_month, 0, [], [], (0, 0, 0), (0, 0, 0), toDateTime64(0, 3, 'UTC'), map()
    FROM {{.Database}}.vendor_rollup FINAL
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
COMMENT {{.Comment}}
