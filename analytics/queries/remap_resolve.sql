-- Rows that are the same event by the new mapping as another one that ranks higher: they count for nothing. Only events that
-- get another ID or month, or that came with several contents, can be such.
INSERT INTO reprocess_mapped (vendor, generation, from_month, from_id, from_content, number, event_month, event_id, event_time, received_at, type, error, event_version, is_last, is_outranked)
SELECT vendor, generation, from_month, from_id, from_content, number, event_month, event_id, event_time, received_at, type, error, event_version, is_last, 1
FROM reprocess_mapped FINAL
WHERE {{.Run}} AND (from_month, from_id, from_content) IN
(
    SELECT place.1, place.2, place.3
    FROM
    (
        -- Of equal ones that which is in events already, so that a second run finds nothing to do.
        SELECT arraySort(groupArray((event_version, from_content = 0, from_id = event_id, from_month, from_id, from_content))) AS ranked
        FROM reprocess_mapped FINAL
        WHERE {{.Run}} AND number = 0 AND event_id IN
            (SELECT event_id FROM reprocess_mapped WHERE {{.Run}} AND (from_content != 0 OR from_id != event_id OR from_month != event_month))
        GROUP BY event_id
        HAVING length(ranked) > 1
    )
    ARRAY JOIN arrayMap(one -> (one.4, one.5, one.6), arrayPopBack(ranked)) AS place
)
SETTINGS max_bytes_before_external_group_by = 1000000000
