CREATE OR REPLACE VIEW event_journal
(
    vendor   LowCardinality(String) COMMENT 'Third party that sent the event: filter by it and by event_id.',
    event_id String COMMENT 'The event.',
    at       DateTime64(3, 'UTC') COMMENT 'When the step was taken.',
    step     String COMMENT 'occurred, received, stored, sale, refund, action or dead letter.',
    detail   String COMMENT 'What there is to say about the step.',
    payload  String COMMENT 'The body as it was signed, with the step received; the record''s value with dead letter.'
)
{{definer}}
AS
SELECT vendor, event_id, taken.1 AS at, taken.2 AS step, taken.3 AS detail, taken.4 AS payload
FROM events FINAL
ARRAY JOIN
[
    (occurred_at, 'occurred', concat(type, if(source_month = 0, ' (the vendor states no time)', '')), ''),
    (received_at, 'received', concat('verified with key ', key_id, ', which covers ', transform(proof, ['body', 'fields', 'weak'], ['the whole body', 'some fields', 'little or nothing of the body'], 'an unknown part')), events.payload),
    (stored_at, 'stored', concat('from ', kafka_topic, ', partition ', toString(kafka_partition), ', offset ', toString(kafka_offset)), '')
] AS taken
UNION ALL
SELECT vendor, event_id, stored_at, kind, concat(toString(amount), ' ', currency, ', key ', sale_key, if(order_id = '', '', concat(', order ', order_id))), ''
FROM sales FINAL
UNION ALL
SELECT vendor, event_id, started_at, 'action',
    concat(action, ' to ', target, ', attempt ', toString(attempt), ': ', outcome, if(status = 0, '', concat(', status ', toString(status))), if(error = '', '', concat(', ', error)), ', ', toString(duration_ms), ' ms'), ''
FROM action_results FINAL
UNION ALL
SELECT vendor, event_id, failed_at, 'dead letter', concat('given up at stage ', stage, ' after ', toString(attempts), ' attempts: ', error, if(state = 'dead', '', concat(' (', state, ')'))), payload
FROM dead_letters FINAL
COMMENT 'The whole life of an event, one row per step. Order it by at.'
