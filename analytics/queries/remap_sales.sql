-- The rows that must count and do not yet, and tombstones of the same version for those that count in another month.
INSERT INTO sales (vendor, kind, sale_key, {{.Columns}}, version, is_deleted)
{{template "remap.sql" .}}
SELECT
    {{.Vendor}}, kind, sale_key, row.1.1, row.1.2, row.1.3, row.1.4, row.1.5, row.1.6, row.1.7, row.1.8,
    bitShiftLeft(toUInt64({{.Generation}}), 48) + top.2, row.2
FROM
(
    SELECT
        kind, sale_key, top,
        arrayConcat([(top.3, 0)], arrayMap(one -> (one.2, 1), arrayFilter(one -> one.1 != top.1, now))) AS rows
    FROM best
    LEFT JOIN (SELECT kind, sale_key, groupArray((month, content, print)) AS now FROM live GROUP BY kind, sale_key) AS live USING (kind, sale_key)
    WHERE length(now) != 1 OR now[1].1 != top.1 OR now[1].3 != top.4
)
ARRAY JOIN rows AS row
SETTINGS max_partitions_per_insert_block = 0
