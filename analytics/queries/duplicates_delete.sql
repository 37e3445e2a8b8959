-- Tombstones for what duplicates.sql finds: of the highest version that the event has, so that they outrank the row in its
-- month; a delivery that outranks them there becomes the row that counts.
INSERT INTO events (vendor, event_id, type, occurred_at, received_at, payload, content_type, key_id, proof, effect, error,
    kafka_topic, kafka_partition, kafka_offset, version, is_deleted)
WITH moved AS
(
    SELECT vendor, event_id, max((error = '', version, is_deleted = 0, source_month)) AS best, max(version) AS top
    FROM events
    GROUP BY vendor, event_id
    HAVING min(source_month) != max(source_month)
)
SELECT vendor, event_id, type, occurred_at, received_at, payload, content_type, key_id, proof, effect, error,
    kafka_topic, kafka_partition, kafka_offset, top, 1
FROM events FINAL
INNER JOIN moved USING (vendor, event_id)
WHERE source_month != best.4
SETTINGS optimize_aggregation_in_order = 1, max_partitions_per_insert_block = 0
