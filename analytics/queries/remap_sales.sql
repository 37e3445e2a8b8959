-- The rows that must count and do not yet, and tombstones of the same version for those that count in another place.
INSERT INTO sales (vendor, {{.Columns}}, version, is_deleted)
{{template "remap.sql" .}}
SELECT
    {{.Vendor}}, row.1.1, row.1.2, row.1.3, row.1.4, row.1.5, row.1.6, row.1.7, row.1.8, row.1.9, row.1.10, row.1.11, row.1.12, row.1.13, {{.Version}}, row.2
FROM
(
    SELECT
        rank, family, arrayMap(one -> (one.1, one.2, one.15), contents) AS places,
        arrayConcat(
            arrayMap(one -> (one, 0), contents),
            arrayMap(one -> (one, 1), arrayFilter(one -> NOT has(places, (one.1, one.2, one.15)), before))) AS rows
    FROM changed
)
ARRAY JOIN rows AS row
SETTINGS max_partitions_per_insert_block = 0
