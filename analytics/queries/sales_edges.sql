-- Two events about one sale can state times on either side of a month's edge (UTC), seconds apart: the tables dedupe
-- within a month, so that both would count. This view looks once a minute at the sales that were stored since it last
-- looked and lie within two days of an edge, and writes tombstones for those that another month's row outranks, as
-- heal.sql does. Of sales away from the edges it reads the times only. What it does not find, because times lie further
-- apart or because it was stopped, 'hookline audit --heal' does.
--
-- A part becomes visible a moment after it gets its time, and a run may find the clock set back: so it looks two minutes
-- further back than it would have to, and after a start of the server a day.
--
-- Rows of a sale in one month are ranked here as FINAL does it, the one stored last among equal versions: FINAL would
-- read the keys of all sales of the months.
CREATE MATERIALIZED VIEW {{.View}}
REFRESH EVERY 1 MINUTE APPEND
TO {{.Database}}.sales
{{.Definer}}
AS WITH
    ifNull(
        (
            SELECT max(last_success_time) FROM system.view_refreshes
            WHERE database = {{.DatabaseText}} AND view = '{{.View}}'
        ),
        now() - INTERVAL 1 DAY
    ) - INTERVAL 2 MINUTE AS since,
    (
        SELECT groupArray(toUInt32(partition))
        FROM
        (
            SELECT partition FROM system.parts
            WHERE database = {{.DatabaseText}} AND table = 'sales' AND active AND partition != '0'
            GROUP BY partition HAVING max(modification_time) > since
        )
    ) AS written,
    arrayDistinct(arrayFlatten(arrayMap(m -> [m, if(m % 100 = 1, m - 89, m - 1), if(m % 100 = 12, m + 89, m + 1)], written))) AS beside,
    recent AS
    (
        SELECT vendor, kind, sale_key
        FROM {{.Database}}.sales
        PREWHERE toYYYYMM(occurred_at - INTERVAL 2 DAY) != toYYYYMM(occurred_at + INTERVAL 2 DAY)
        WHERE source_month IN (SELECT arrayJoin(written)) AND stored_at > since
    ),
    moved AS
    (
        SELECT vendor, kind, sale_key, max((version, is_deleted = 0, source_month)) AS best
        FROM {{.Database}}.sales
        PREWHERE toYYYYMM(occurred_at - INTERVAL 2 DAY) != toYYYYMM(occurred_at + INTERVAL 2 DAY)
        WHERE source_month IN (SELECT arrayJoin(beside)) AND (vendor, kind, sale_key) IN (SELECT vendor, kind, sale_key FROM recent)
        GROUP BY vendor, kind, sale_key
        HAVING min(source_month) != max(source_month)
    )
SELECT
    vendor, kind, sale_key, last.1 AS event_id, last.2 AS type, last.3 AS order_id, last.4 AS amount, last.5 AS currency,
    last.6 AS occurred_at, last.7 AS received_at, now64(3, 'UTC') AS stored_at, last.8 AS dimensions, outranks AS version, 1 AS is_deleted
FROM
(
    SELECT
        vendor, kind, sale_key, any(best.1) AS outranks,
        argMax((event_id, type, order_id, amount, currency, occurred_at, received_at, dimensions), (version, stored_at)) AS last,
        argMax(is_deleted, (version, stored_at)) AS gone
    FROM {{.Database}}.sales
    INNER JOIN moved USING (vendor, kind, sale_key)
    PREWHERE toYYYYMM(occurred_at - INTERVAL 2 DAY) != toYYYYMM(occurred_at + INTERVAL 2 DAY)
    WHERE source_month IN (SELECT arrayJoin(beside)) AND source_month != best.3
    GROUP BY vendor, kind, sale_key, source_month
)
WHERE gone = 0
COMMENT {{.Comment}}
