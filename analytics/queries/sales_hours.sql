-- The refreshable materialized view that keeps sales_hours. Each run recomputes whole source hours from sales FINAL, so
-- that what it writes never depends on how often a sale was delivered, or in which order, and costs what the hours hold
-- that were written to, not what their months hold.
--
-- touched: an hour is due when rows were written to it since it was last recomputed, less 3 s, because a part becomes
-- visible a moment after the log says so; and once more when 10 s, 30 s, 2 min and 10 min have passed, for parts that took
-- longer.
-- look: a month is due as a whole when it never was recomputed as a whole, and after each mutation of sales, which deletes
-- rows: that is how hours are found that the log does not name.
-- The hours due are a scalar, evaluated once; those written to come before those that are looked at once more, and the
-- newest first. A run takes about 2 million rows, and one month at least: everything else waits for it.
--
-- Only groups that differ from what there is are written, those that vanished as zeros, one row per hour that records the
-- run, and one per month that was looked at.
CREATE MATERIALIZED VIEW {{.View}}
REFRESH EVERY 1 SECOND APPEND
TO {{.Database}}.sales_hours
{{.Definer}}
AS WITH
    now64(3, 'UTC') AS started,
    (
        SELECT groupArray((source_month, mutation))
        FROM
        (
            SELECT parts.source_month AS source_month, parts.mutation AS mutation, sum(size) OVER (ORDER BY source_month DESC ROWS UNBOUNDED PRECEDING) - size AS before
            FROM
            (
                -- The name of a part that a mutation made ends with the mutation's number.
                SELECT toUInt32(partition) AS source_month, max(toUInt64OrZero(extract(name, '_\\d+_\\d+_\\d+_(\\d+)$'))) AS mutation, sum(rows) AS size
                FROM system.parts
                WHERE database = {{.DatabaseText}} AND table = 'sales' AND active
                GROUP BY partition
            ) AS parts
            LEFT JOIN
            (
                SELECT source_month, true AS known, argMax(count, refreshed_at) AS mutation
                FROM {{.Database}}.sales_hours
                WHERE grain = 'look'
                GROUP BY source_month
            ) AS looks ON looks.source_month = parts.source_month
            WHERE (NOT known OR looks.mutation < parts.mutation)
                AND (SELECT count() FROM system.mutations WHERE database = {{.DatabaseText}} AND table = 'sales' AND NOT is_done) = 0
                {{- if .Keep}} AND {{.Kept}}{{end}}
        )
        WHERE before < 2000000
    ) AS looks,
    arrayMap(look -> look.1, looks) AS looked,
    (
        SELECT groupArray(source_hour)
        FROM
        (
            SELECT source_hour, sum(size) OVER (ORDER BY late DESC, source_hour DESC ROWS UNBOUNDED PRECEDING) - size AS before
            FROM
            (
                SELECT
                    touched.source_hour AS source_hour, runs.size + 1000 AS size, runs.at < touched.at + INTERVAL 3 SECOND AS late,
                    toYYYYMM(toDateTime(toInt64(source_hour) * 3600, 'UTC')) AS month, if(source_hour = 0, 0, month) AS source_month
                FROM
                (
                    SELECT source_hour, max(touched_at) AS at
                    FROM {{.Database}}.sales_touched
                    GROUP BY source_hour
                ) AS touched
                LEFT JOIN
                (
                    SELECT source_hour, max(refreshed_at) AS at, argMax(count, refreshed_at) AS size
                    FROM {{.Database}}.sales_hours
                    WHERE grain = 'run'
                    GROUP BY source_hour
                ) AS runs ON runs.source_hour = touched.source_hour
                WHERE (late AND started >= touched.at OR arrayExists(later -> runs.at < touched.at + later AND started >= touched.at + later, [10, 30, 120, 600]))
                    {{- if .Keep}} AND {{.Kept}}{{end}}
            )
        )
        WHERE before < 2000000
    ) AS touched,
    arrayDistinct(arrayConcat(looked, arrayMap(hour -> if(hour = 0, 0, toYYYYMM(toDateTime(toInt64(hour) * 3600, 'UTC'))), touched))) AS months
SELECT
    source_month, grain, source_hour, start, vendor, currency, kind, proof,
    sum(new_count) AS count, sum(new_amount) AS amount, started AS refreshed_at
FROM
(
    SELECT source_month, row.1 AS grain, source_hour, row.2 AS start, row.3 AS vendor, row.4 AS currency, row.5 AS kind, row.6 AS proof, number AS new_count,
        if(grain = 'run', toDecimal128(0, 4), total) AS new_amount, 0 AS old_count, toDecimal128(0, 4) AS old_amount
    FROM
    (
        SELECT
            source_month, source_hour, toStartOfFifteenMinutes(toDateTime(occurred_at, 'UTC')) AS quarter, sales.vendor AS name, sales.currency AS code,
            if(is_test = 1, concat('test ', sales.kind), sales.kind::String) AS what,
            splitByChar('-', sales.proof::String)[1] AS body, count() AS number, sum(sales.amount) AS total
        FROM {{.Database}}.sales FINAL
        WHERE source_month IN (SELECT arrayJoin(months)) AND (source_hour IN (SELECT arrayJoin(touched)) OR source_month IN (SELECT arrayJoin(looked)))
            AND counts_from <= toDateTime(started)
        GROUP BY source_month, source_hour, quarter, name, code, what, body
    )
    ARRAY JOIN [('sum', quarter, name::String, code::String, what, body), ('run', toDateTime(0, 'UTC'), '', '', '', '')] AS row
    UNION ALL
    SELECT source_month, grain, source_hour, start, vendor, currency, kind, proof, 0, toDecimal128(0, 4), count, amount
    FROM {{.Database}}.sales_hours FINAL
    WHERE source_month IN (SELECT arrayJoin(months)) AND grain = 'sum'
        AND (source_hour IN (SELECT arrayJoin(touched)) OR source_month IN (SELECT arrayJoin(looked)))
    UNION ALL
    SELECT
        if(hour = 0, 0, toYYYYMM(toDateTime(toInt64(hour) * 3600, 'UTC'))), 'run', arrayJoin(touched) AS hour, toDateTime(0, 'UTC'), '', '', '', '',
        0, toDecimal128(0, 4), 0, toDecimal128(1, 4)
    UNION ALL
    SELECT look.1, 'look', 0, toDateTime(0, 'UTC'), '', '', '', '', look.2, toDecimal128(0, 4), 0, toDecimal128(1, 4)
    FROM (SELECT arrayJoin(looks) AS look)
)
GROUP BY source_month, grain, source_hour, start, vendor, currency, kind, proof
HAVING count != sum(old_count) OR amount != sum(old_amount)
SETTINGS
    do_not_merge_across_partitions_select_final = 1,
    max_insert_threads = 1,
    min_insert_block_size_rows = 1000000000,
    min_insert_block_size_bytes = 4000000000,
    os_thread_priority = 10
COMMENT {{.Comment}}
