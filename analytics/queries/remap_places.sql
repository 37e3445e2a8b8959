-- Tombstones for the places of events that are elsewhere now, or that another row is. Each ranks, and is with or without an error,
-- as the row that takes its place, so that of one event in two months that one counts.
INSERT INTO events (vendor, event_id, type, occurred_at, received_at, stored_at, error, kafka_topic, kafka_partition, kafka_offset, version, is_deleted)
SELECT events.vendor, events.event_id, events.type, events.occurred_at, events.received_at, events.stored_at, mapped.error, kafka_topic, kafka_partition, kafka_offset, mapped.event_version, 1
FROM events FINAL
INNER JOIN
(
    SELECT from_id, received_at, error, event_version
    FROM reprocess_mapped FINAL
    WHERE {{.Run}} AND from_month = {{.Month}} AND from_content = 0 AND number = 0 AND {{.FromBucket}}
        AND (is_outranked = 1 OR from_id != event_id OR from_month != event_month)
        AND from_id NOT IN (SELECT event_id FROM reprocess_mapped FINAL WHERE {{.Run}} AND event_month = {{.Month}} AND number = 0 AND is_outranked = 0)
) AS mapped ON mapped.from_id = events.event_id
WHERE vendor = {{.Vendor}} AND source_month = {{.Month}} AND cityHash64(events.event_id) % {{.Buckets}} = {{.Number}} AND events.received_at = mapped.received_at
