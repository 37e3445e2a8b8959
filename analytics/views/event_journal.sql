-- Each step is ranked here as FINAL ranks rows, the one stored last among equal versions. With FINAL ClickHouse reads whole
-- blocks of rows, payloads included, before it looks at event_id; a filter on what rows are grouped by comes first.
CREATE OR REPLACE VIEW event_journal
(
    vendor   LowCardinality(String) COMMENT 'Third party that sent the event.',
    event_id String COMMENT 'The event: filter by it, without which all events there are would be read.',
    at       DateTime64(3, 'UTC') COMMENT 'When the step was taken.',
    step     String COMMENT 'occurred, received, stored, sale, refund, action or dead letter.',
    detail   String COMMENT 'What there is to say about the step.',
    payload  String COMMENT 'The body as it was signed, with the step received; the record''s value with dead letter.'
)
{{definer}}
AS
SELECT vendor, event_id, taken.1 AS at, taken.2 AS step, taken.3 AS detail, taken.4 AS payload
FROM
(
    SELECT
        vendor, event_id, source_month,
        argMax(events.type, (version, events.stored_at)) AS last_type,
        argMax(events.occurred_at, (version, events.stored_at)) AS occurred,
        argMax(events.received_at, (version, events.stored_at)) AS received,
        argMax(events.stored_at, (version, events.stored_at)) AS stored,
        argMax(events.payload, (version, events.stored_at)) AS body,
        argMax((key_id, proof), (version, events.stored_at)) AS verified,
        argMax((kafka_topic, kafka_partition, kafka_offset), (version, events.stored_at)) AS origin
    FROM events
    GROUP BY vendor, event_id, source_month
    HAVING argMax(is_deleted, (version, events.stored_at)) = 0
)
ARRAY JOIN
[
    (occurred, 'occurred', concat(last_type, if(source_month = 0, ' (the vendor states no time)', '')), ''),
    (received, 'received', concat('verified with key ', verified.1, ', which covers ', transform(verified.2, ['body', 'fields', 'weak'], ['the whole body', 'some fields', 'little or nothing of the body'], 'an unknown part')), body),
    (stored, 'stored', concat('from ', origin.1, ', partition ', toString(origin.2), ', offset ', toString(origin.3)), '')
] AS taken
UNION ALL
-- What an event made counts unless another event's row of the same sale outranks it.
SELECT vendor, event_id, last.2, kind, concat(toString(last.3), ' ', last.4, ', key ', sale_key, if(last.5 = '', '', concat(', order ', last.5))), ''
FROM
(
    SELECT
        made.vendor AS vendor, made.event_id AS event_id, made.kind AS kind, made.sale_key AS sale_key,
        argMax((sales.event_id, sales.stored_at, sales.amount, sales.currency, sales.order_id, sales.is_deleted), (sales.version, sales.stored_at)) AS last
    FROM sales
    INNER JOIN (SELECT DISTINCT vendor, kind, sale_key, source_month, event_id FROM sales) AS made
        ON sales.vendor = made.vendor AND sales.kind = made.kind AND sales.sale_key = made.sale_key AND sales.source_month = made.source_month
    GROUP BY made.vendor, made.event_id, made.kind, made.sale_key, made.source_month
)
WHERE last.1 = event_id AND last.6 = 0
UNION ALL
SELECT vendor, event_id, last.1, 'action',
    concat(action, ' to ', target, ', attempt ', toString(attempt), ': ', last.2, if(last.3 = 0, '', concat(', status ', toString(last.3))), if(last.4 = '', '', concat(', ', last.4)), ', ', toString(last.5), ' ms'), ''
FROM
(
    SELECT vendor, event_id, action, target, attempt, argMax((started_at, outcome, status, error, duration_ms), stored_at) AS last
    FROM action_results
    GROUP BY vendor, event_id, action, target, attempt, source_month
)
UNION ALL
SELECT vendor, event_id, last.1, 'dead letter', concat('given up at stage ', last.2, ' after ', toString(last.3), ' attempts: ', last.4, if(last.5 = 'dead', '', concat(' (', last.5, ')'))), body
FROM
(
    SELECT
        vendor, event_id,
        argMax((failed_at, stage, attempts, error, state), changed_at) AS last,
        argMax(dead_letters.payload, changed_at) AS body
    FROM dead_letters
    GROUP BY vendor, event_id, kafka_topic, kafka_partition, kafka_offset, action
)
COMMENT 'The whole life of an event, one row per step. Order it by at.'
