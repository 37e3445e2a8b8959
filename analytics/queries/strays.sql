-- Rows that count although a row of the same identity in another month outranks them: their vendor changed the
-- time between two deliveries, or two events about one sale state times on either side of a month's edge. Tables
-- dedupe within a month only.
WITH moved AS
(
    SELECT {{.Identity}}, max((version, is_deleted = 0, source_month)) AS best
    FROM {{.Table}}
    GROUP BY {{.Identity}}
    HAVING min(source_month) != max(source_month)
)
SELECT {{.Names}}, source_month, best.3 AS best_month
FROM {{.Table}} FINAL
INNER JOIN moved USING ({{.Identity}})
WHERE source_month != best_month
ORDER BY {{.Identity}}, source_month
-- Groups in the order of the key, so that memory does not grow with the table.
SETTINGS optimize_aggregation_in_order = 1
