-- Events whose effect or error is another one by the new mapping.
INSERT INTO events ({{.EventColumns}}, effect, error, version)
SELECT {{.EventColumns}}, mapped.effect, mapped.error, bitShiftLeft(toUInt64({{.Generation}}), 48) + bitAnd(events.version, {{.Ranks}})
FROM events FINAL
INNER JOIN
(
    SELECT event_id, effect, error, bitAnd(version, {{.Ranks}}) AS mapped_rank
    FROM reprocess_rows FINAL
    WHERE vendor = {{.Vendor}} AND generation = {{.Generation}} AND event_month = {{.Month}} AND {{.EventBucket}}
) AS mapped ON mapped.event_id = events.event_id
WHERE vendor = {{.Vendor}} AND source_month = {{.Month}} AND cityHash64(events.event_id) % {{.Buckets}} = {{.Number}}
    AND (events.effect != mapped.effect OR events.error != mapped.error) AND bitAnd(events.version, {{.Ranks}}) <= mapped_rank
