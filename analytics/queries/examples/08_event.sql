-- The whole life of one event.
SELECT at, step, detail
FROM hookline.event_journal
WHERE vendor = 'acme' AND event_id = 'evt_1'
ORDER BY at
