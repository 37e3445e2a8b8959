-- Events that are the same as another one by the new mapping are kept as variants of it: by yet another mapping they may be
-- events again.
INSERT INTO event_variants ({{.MovedColumns}})
WITH outranked AS
(
    SELECT from_id, event_id, event_month, event_time, type, event_test, event_version
    FROM reprocess_mapped FINAL
    WHERE {{.Run}} AND from_month = {{.Month}} AND from_content = 0 AND number = 0 AND is_outranked = 1 AND {{.FromBucket}}
)
SELECT {{.MovedColumns}}
FROM reprocess_moved FINAL
WHERE {{.Run}} AND from_month = {{.Month}} AND from_content = 0 AND from_id IN (SELECT from_id FROM outranked)
UNION ALL
SELECT {{.EventColumns}}, vendor, event_id, events.type, occurred_at, effect, error, is_test, event_version
FROM events FINAL
INNER JOIN (SELECT from_id, event_version FROM outranked WHERE from_id = event_id AND event_month = {{.Month}}) AS stays ON stays.from_id = events.event_id
WHERE vendor = {{.Vendor}} AND source_month = {{.Month}}
SETTINGS max_partitions_per_insert_block = 0
