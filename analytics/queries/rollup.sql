-- The refreshable materialized view that keeps sales_rollup. Each run recomputes whole source months from
-- sales FINAL, so that what it writes never depends on how often a sale was delivered, or in which order.
--
-- A run takes the source months that are due, at most four, the current month first and then those that have
-- waited longest, so that redeliveries all over the past delay each other and not the current month. A month
-- is due
--  * when a reporting zone has no figures of it yet (a new zone, a new month, a rollup that was dropped);
--  * when a part was written to it since it was last recomputed, less 3 s: part times are whole seconds, and a
--    part becomes visible a moment after it gets its time;
--  * once more when 5 minutes have passed since: for parts that took longer than 3 s to become visible (slow
--    disks, replication), and for clocks that were set back.
-- Times of parts, not of rows: they also tell of deleted rows and of parts fetched from a replica, and cost
-- nothing to look up at any size. A month whose parts are all gone (retention) is never due: its figures stay.
--
-- Only groups that differ from what the rollup has are written, those that vanished as zeros, and one row per
-- month and zone that records the run (vendor ''). One block makes one part, so that a run that is killed
-- leaves everything or nothing; it must not be cut by size or among threads.
CREATE MATERIALIZED VIEW sales_rollup_refresh
REFRESH EVERY 2 SECOND APPEND
TO {{.Database}}.sales_rollup
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
                WHERE database = {{.DatabaseText}} AND table = 'sales' AND active
                GROUP BY partition
            ) AS parts
            LEFT JOIN
            (
                SELECT source_month, min(at) AS at, count() AS zones
                FROM
                (
                    SELECT source_month, zone, max(refreshed_at) AS at
                    FROM {{.Database}}.sales_rollup
                    WHERE zone IN ({{.Zones}})
                    GROUP BY source_month, zone
                )
                GROUP BY source_month
            ) AS runs ON runs.source_month = parts.source_month
            WHERE runs.zones < {{.ZoneCount}}
               OR runs.at < parts.written_at + INTERVAL 3 SECOND
               OR (runs.at < parts.written_at + INTERVAL 5 MINUTE AND now() >= parts.written_at + INTERVAL 5 MINUTE)
            ORDER BY source_month = toYYYYMM(now('UTC')) DESC, runs.at
            LIMIT 4
        )
    ) AS due,
    now64(3, 'UTC') AS started
SELECT
    zone, source_month, day, vendor, currency, kind,
    sum(new_count) AS count, sum(new_amount) AS amount, started AS refreshed_at
FROM
(
    SELECT
        zoned.1 AS zone, source_month, zoned.2 AS day, vendor, currency, kind,
        count() AS new_count, sum(amount) AS new_amount, 0 AS old_count, toDecimal128(0, 4) AS old_amount
    FROM {{.Database}}.sales FINAL
    ARRAY JOIN [{{.ZonedDays}}] AS zoned
    WHERE source_month IN (SELECT arrayJoin(due))
    GROUP BY zone, source_month, day, vendor, currency, kind
    UNION ALL
    SELECT zone, source_month, day, vendor, currency, kind, 0, toDecimal128(0, 4), count, amount
    FROM {{.Database}}.sales_rollup FINAL
    WHERE source_month IN (SELECT arrayJoin(due)) AND zone IN ({{.Zones}})
    UNION ALL
    SELECT arrayJoin([{{.Zones}}]), arrayJoin(due), toDate(0), '', '', '', 0, toDecimal128(0, 4), 1, toDecimal128(0, 4)
)
GROUP BY zone, source_month, day, vendor, currency, kind
HAVING count != sum(old_count) OR amount != sum(old_amount)
SETTINGS
    do_not_merge_across_partitions_select_final = 1,
    max_insert_threads = 1,
    min_insert_block_size_rows = 1000000000,
    min_insert_block_size_bytes = 4000000000
COMMENT {{.Comment}}
