-- Events that are there in a month although another month has the row that counts: their vendor changed the time between
-- two deliveries. Tables dedupe within a month only. A row without an error counts before one with.
WITH moved AS
(
    SELECT vendor, event_id, max((error = '', version, is_deleted = 0, source_month)) AS best
    FROM events
    GROUP BY vendor, event_id
    HAVING min(source_month) != max(source_month)
)
SELECT vendor, event_id, source_month, best.4 AS best_month
FROM events FINAL
INNER JOIN moved USING (vendor, event_id)
WHERE source_month != best_month
ORDER BY vendor, event_id, source_month
-- Groups in the order of the key, so that memory does not grow with the table. The right to read error is none to read its size.
SETTINGS optimize_aggregation_in_order = 1, optimize_functions_to_subcolumns = 0
