-- Events that stay where they are and whose type, time, effect or error is another one by the new mapping.
INSERT INTO events (vendor, event_id, {{.EventColumns}}, type, occurred_at, is_test, effect, error, version)
WITH if(event_month != 0 AND event_time = toDateTime64(0, 3, 'UTC'), events.occurred_at, event_time) AS time -- an earlier version kept no time
SELECT events.vendor, events.event_id, {{.EventColumns}}, mapped.type, time, mapped.test, mapped.effect, mapped.error, event_version
FROM events FINAL
INNER JOIN
(
    SELECT from_id, received_at AS mapped_at, type, event_time, event_month, event_test AS test, effect, error, event_version
    FROM reprocess_mapped FINAL
    WHERE {{.Run}} AND from_month = {{.Month}} AND from_content = 0 AND number = 0 AND is_outranked = 0 AND from_id = event_id AND from_month = event_month AND {{.FromBucket}}
) AS mapped ON mapped.from_id = events.event_id
WHERE vendor = {{.Vendor}} AND source_month = {{.Month}} AND cityHash64(events.event_id) % {{.Buckets}} = {{.Number}}
    AND (events.effect != mapped.effect OR events.error != mapped.error OR events.type != mapped.type OR events.occurred_at != time OR events.is_test != mapped.test)
    AND events.received_at = mapped_at
