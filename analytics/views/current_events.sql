CREATE OR REPLACE VIEW current_events
(
    vendor          LowCardinality(String) COMMENT 'Third party that sent the event, as vendors.yaml names it.',
    event_id        String COMMENT 'The vendor''s own ID of the event, or one composed from its fields. (vendor, event_id) is the event''s identity.',
    type            LowCardinality(String) COMMENT 'The vendor''s name for what happened, such as charge.succeeded.',
    occurred_at     DateTime64(3, 'UTC') COMMENT 'When it happened, by the vendor''s signed statement; 1970-01-01 where the vendor states no time (undated).',
    received_at     DateTime64(3, 'UTC') COMMENT 'When ingest received the delivery that counts.',
    stored_at       DateTime64(3, 'UTC') COMMENT 'When ClickHouse was given the row.',
    payload         String COMMENT 'The body, byte for byte as it was signed. JSON for almost all vendors: read it with JSONExtract functions or payload::JSON.',
    content_type    LowCardinality(String) COMMENT 'Content type that the vendor declared for the payload.',
    key_id          LowCardinality(String) COMMENT 'Which secret verified the delivery. A name, not the secret.',
    proof           LowCardinality(String) COMMENT 'What the signature covers: body (every byte), fields (some fields), weak (a checksum, or nothing of the body).',
    effect          LowCardinality(String) COMMENT 'What the event did to the figures: sale, refund, or empty.',
    error           String COMMENT 'Why the event counts for nothing although it should; it is then in the dead-letter topic too. Empty for all others.',
    is_test         UInt8 COMMENT '1: the delivery said that it is test money.',
    delivery        Map(LowCardinality(String), String) COMMENT 'What vendors.yaml or a preset may read of the delivery beside the payload: request headers (header:NAME) and what stood around an item of a list (body:PATH).',
    kafka_topic     LowCardinality(String) COMMENT 'Topic that held the record this row was made from.',
    kafka_partition Int32 COMMENT 'Partition of kafka_topic.',
    kafka_offset    Int64 COMMENT 'Offset in kafka_partition.',
    version         UInt64 COMMENT 'Rank among the deliveries of one event: the highest counts. See analytics.Version.',
    source_month    UInt32 COMMENT 'Month of occurred_at in UTC as YYYYMM, 0 for undated. The partition: filter by it to read only what is needed.'
)
{{definer}}
AS SELECT vendor, event_id, type, occurred_at, received_at, stored_at, payload, content_type, key_id, proof, effect, error, is_test, delivery, kafka_topic, kafka_partition, kafka_offset, version, source_month
FROM events FINAL
COMMENT 'Every verified event, each once, with its payload. Filter by source_month to read only what is needed.'
