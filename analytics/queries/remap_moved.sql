-- Events that get another ID or month, and contents that came under the ID of another event.
INSERT INTO events ({{.MovedColumns}})
SELECT {{.MovedColumns}}
FROM reprocess_moved FINAL
WHERE {{.Run}} AND from_month = {{.Month}} AND {{.FromBucket}}
    AND (from_id, from_content) NOT IN (SELECT from_id, from_content FROM reprocess_mapped FINAL WHERE {{.Run}} AND from_month = {{.Month}} AND is_outranked = 1)
SETTINGS max_partitions_per_insert_block = 0
