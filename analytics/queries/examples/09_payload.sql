-- Anything else that stands in the payloads. payload::JSON reads a body once for many paths.
SELECT payload::JSON AS body, body.data.object.id AS object, body.data.object.payment_method.type::String AS method
FROM hookline.current_events
WHERE vendor = 'acme' AND type = 'charge.succeeded' AND source_month = toYYYYMM(now())
LIMIT 20
