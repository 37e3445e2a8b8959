CREATE OR REPLACE VIEW rollup_state
(
    months  UInt64 COMMENT 'Source months that have sales.',
    pending UInt64 COMMENT 'Those of them that changed since they were last recomputed, or that a reporting zone has no figures of.',
    missing UInt64 COMMENT 'Those of them that a reporting zone has no figures of at all: the zone is new, or the month.',
    since   DateTime('UTC') COMMENT 'When the change came that has waited longest; now where nothing is pending.',
    behind  Int64 COMMENT 'How many seconds that is ago: up to 5 is normal.'
)
{{definer}}
AS WITH
    -- Of the retention of sales; 0: forever.
    (SELECT toUInt32OrZero(extract(engine_full, 'toIntervalDay\\((\\d+)\\)')) FROM system.tables WHERE database = {{database}} AND name = 'sales') AS keep,
    (SELECT count() FROM reporting_zones) AS zone_count
SELECT
    count() AS months,
    countIf(stale) AS pending,
    countIf(stale AND unknown) AS missing,
    if(pending = 0, now(), minIf(waits_since, stale)) AS since,
    dateDiff('second', since, now()) AS behind
FROM
(
    SELECT
        NOT hours.looked OR runs.zones < zone_count AS unknown,
        -- Times of parts are whole seconds, so that a run within the next one may have missed a part.
        unknown OR hours.late > 0 OR runs.at <= quarters.written_at + INTERVAL 1 SECOND AS waited,
        multiIf(hours.late > 0, toDateTime(hours.late_since), unknown, parts.written_at, quarters.written_at) AS waits_since,
        -- Months whose sales are about to go, or have gone, are not recomputed.
        waited AND (keep = 0 OR parts.source_month = 0 OR now() < makeDate(intDiv(parts.source_month, 100), parts.source_month % 100, 1) + INTERVAL 1 MONTH + toIntervalDay(keep) - INTERVAL 2 DAY) AS stale
    FROM
    (
        SELECT toUInt32(partition) AS source_month, max(modification_time) AS written_at
        FROM system.parts
        WHERE database = {{database}} AND table = 'sales' AND active
        GROUP BY partition
    ) AS parts
    LEFT JOIN
    (
        SELECT toUInt32(partition) AS source_month, max(modification_time) AS written_at
        FROM system.parts
        WHERE database = {{database}} AND table = 'sales_hours' AND active
        GROUP BY partition
    ) AS quarters ON quarters.source_month = parts.source_month
    LEFT JOIN
    (
        SELECT
            if(source_hour = 0, month, toYYYYMM(toDateTime(toInt64(source_hour) * 3600, 'UTC'))) AS source_month,
            -- A run within a second of a touch may have begun before the sale was visible; the hour is looked at again.
            max(look) AS looked, countIf(waits) AS late, minIf(touched_at, waits) AS late_since
        FROM
        (
            SELECT
                source_hour, max(months) AS month, max(looks) AS look, max(run) AS run_at, max(touched) AS touched_at,
                touched_at > toDateTime64(0, 3, 'UTC') AND touched_at + INTERVAL 1 SECOND > run_at AS waits
            FROM
            (
                SELECT
                    source_hour, source_month AS months, grain = 'look' AS looks,
                    if(grain = 'run', refreshed_at, toDateTime64(0, 3, 'UTC')) AS run, toDateTime64(0, 3, 'UTC') AS touched
                FROM sales_hours
                WHERE grain IN ('run', 'look')
                UNION ALL
                SELECT source_hour, 0, 0, toDateTime64(0, 3, 'UTC'), touched_at FROM sales_touched WHERE touched_at <= now64(3, 'UTC')
            )
            GROUP BY source_hour, if(source_hour = 0, months, 0)
        )
        GROUP BY source_month
    ) AS hours ON hours.source_month = parts.source_month
    LEFT JOIN
    (
        SELECT source_month, min(at) AS at, count() AS zones
        FROM
        (
            SELECT source_month, zone, max(refreshed_at) AS at
            FROM sales_sums
            WHERE grain = 'run'
            GROUP BY source_month, zone
        )
        GROUP BY source_month
    ) AS runs ON runs.source_month = parts.source_month
)
COMMENT 'How far the figures of sales_per_month and sales_daily are behind the table sales.'
