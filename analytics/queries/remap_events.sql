-- Events whose effect or error is another one by the new mapping.
INSERT INTO events ({{.EventColumns}}, effect, error, version)
SELECT {{.EventColumns}}, mapped.effect, mapped.error, event_version
FROM events FINAL
INNER JOIN
(
    SELECT event_id, any(received_at) AS mapped_at, any(effect) AS effect, any(error) AS error, any(event_version) AS event_version
    FROM reprocess_effects FINAL
    WHERE vendor = {{.Vendor}} AND generation = {{.Generation}} AND event_month = {{.Month}} AND {{.EventBucket}}
    GROUP BY event_id
) AS mapped ON mapped.event_id = events.event_id
WHERE vendor = {{.Vendor}} AND source_month = {{.Month}} AND cityHash64(events.event_id) % {{.Buckets}} = {{.Number}}
    AND (events.effect != mapped.effect OR events.error != mapped.error) AND events.received_at = mapped_at
