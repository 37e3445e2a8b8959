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
CREATE MATERIALIZED VIEW {{.View}}
REFRESH EVERY 2 SECOND APPEND
TO {{.Database}}.{{.Rollup}}
{{.Definer}}
AS WITH
    {{template "due.sql" .}} AS due,
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
            SELECT [{{.Days}}] AS days, source_month, vendor, currency, kind, proof, sum(sales_hours.count) AS part_count, sum(sales_hours.amount) AS part_amount
            FROM {{.Database}}.sales_hours FINAL
            WHERE source_month IN (SELECT arrayJoin(due)) AND grain = 'sum'
            GROUP BY days, source_month, vendor, currency, kind, proof
        )
        ARRAY JOIN [{{.Parts}}] AS zone, days AS date
        GROUP BY zone, source_month, date, vendor, currency, kind, proof
    )
    ARRAY JOIN [('day', date), ('month', toStartOfMonth(date))] AS period
    UNION ALL
    SELECT zone, grain, source_month, day, vendor, currency, kind, proof, 0, toDecimal128(0, 4), count, amount
    FROM {{.Database}}.sales_sums FINAL
    WHERE source_month IN (SELECT arrayJoin(due)) AND zone IN ({{.Parts}}) AND grain != 'run'
    UNION ALL
    SELECT arrayJoin([{{.Parts}}]), 'run', arrayJoin(due), toDate(0), '', '', '', '', 0, toDecimal128(0, 4), 1, toDecimal128(0, 4)
)
GROUP BY zone, grain, source_month, day, vendor, currency, kind, proof
HAVING count != sum(old_count) OR amount != sum(old_amount)
SETTINGS
    do_not_merge_across_partitions_select_final = 1,
    max_insert_threads = 1,
    min_insert_block_size_rows = 1000000000,
    min_insert_block_size_bytes = 4000000000,
    os_thread_priority = 10
COMMENT {{.Comment}}
