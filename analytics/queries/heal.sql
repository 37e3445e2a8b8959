-- Tombstones for what strays.sql finds: with the version of the row that should count, so that they outrank the
-- stray in its month, and a delivery that outranks them there becomes the row that should count.
INSERT INTO {{.Table}} ({{.Identity}}, {{.Others}}, version, is_deleted)
WITH moved AS
(
    SELECT {{.Identity}}, max((version, is_deleted = 0, source_month)) AS best
    FROM {{.Table}}
    GROUP BY {{.Identity}}
    HAVING min(source_month) != max(source_month)
)
SELECT {{.Identity}}, {{.Others}}, best.1, 1
FROM {{.Table}} FINAL
INNER JOIN moved USING ({{.Identity}})
WHERE source_month != best.3
SETTINGS optimize_aggregation_in_order = 1, max_partitions_per_insert_block = 0
