-- How far the rollup has come: source months with sales, those that some zone has no up-to-date figures of,
-- and since when the one that has waited longest waits.
SELECT
    count() AS months,
    countIf(stale) AS pending,
    minIf(written_at, stale) AS since
FROM
(
    SELECT parts.written_at AS written_at, runs.zones < {zones:UInt32} OR runs.at <= parts.written_at + INTERVAL 1 SECOND AS stale
    FROM
    (
        SELECT toUInt32(partition) AS source_month, max(modification_time) AS written_at
        FROM system.parts
        WHERE database = currentDatabase() AND table = 'sales' AND active
        GROUP BY partition
    ) AS parts
    LEFT JOIN
    (
        SELECT source_month, min(at) AS at, count() AS zones
        FROM
        (
            SELECT source_month, zone, max(refreshed_at) AS at
            FROM sales_rollup
            GROUP BY source_month, zone
        )
        GROUP BY source_month
    ) AS runs ON runs.source_month = parts.source_month
)
