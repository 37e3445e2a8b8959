-- Two events about one sale can state times on either side of a month's edge (UTC), seconds apart: the tables dedupe
-- within a month, so that both would count. This view looks once a minute at the sales that were stored lately
-- within two days of an edge, and writes tombstones for those that another month's row outranks, as heal.sql does.
-- It costs nothing away from the edges. What it does not find, because times lie further apart or because it was
-- stopped, 'hookline audit --heal' does.
CREATE MATERIALIZED VIEW {{.View}}
REFRESH EVERY 1 MINUTE APPEND
TO {{.Database}}.sales
{{.Definer}}
AS WITH
    (
        SELECT groupArray(toUInt32(partition))
        FROM
        (
            SELECT partition FROM system.parts
            WHERE database = {{.DatabaseText}} AND table = 'sales' AND active AND partition != '0'
            GROUP BY partition HAVING max(modification_time) > now() - INTERVAL 15 MINUTE
        )
    ) AS written,
    recent AS
    (
        SELECT vendor, kind, sale_key, [toYYYYMM(occurred_at - INTERVAL 2 DAY), toYYYYMM(occurred_at + INTERVAL 2 DAY)] AS months
        FROM {{.Database}}.sales
        WHERE source_month IN (SELECT arrayJoin(written)) AND stored_at > now() - INTERVAL 15 MINUTE AND months[1] != months[2]
    ),
    moved AS
    (
        SELECT vendor, kind, sale_key, max((version, is_deleted = 0, source_month)) AS best
        FROM {{.Database}}.sales
        WHERE source_month IN (SELECT arrayJoin(months) FROM recent) AND (vendor, kind, sale_key) IN (SELECT vendor, kind, sale_key FROM recent)
        GROUP BY vendor, kind, sale_key
        HAVING min(source_month) != max(source_month)
    )
SELECT
    vendor, kind, sale_key, event_id, type, order_id, amount, currency, occurred_at, received_at, now64(3, 'UTC') AS stored_at, dimensions,
    best.1 AS version, 1 AS is_deleted
FROM {{.Database}}.sales FINAL
INNER JOIN moved USING (vendor, kind, sale_key)
WHERE source_month IN (SELECT arrayJoin(months) FROM recent) AND source_month != best.3
SETTINGS do_not_merge_across_partitions_select_final = 1
COMMENT {{.Comment}}
