CREATE OR REPLACE VIEW unaccounted
(
    consumer_group  LowCardinality(String) COMMENT 'Consumer group whose account has the gap.',
    kafka_topic     LowCardinality(String) COMMENT 'Topic.',
    kafka_partition Int32 COMMENT 'Partition of kafka_topic.',
    first_offset    Int64 COMMENT 'First offset of the gap.',
    end_offset      Int64 COMMENT 'The offset after the last one.',
    offsets         Int64 COMMENT 'How many offsets that is. Kafka''s own transaction markers are offsets too.'
)
{{definer}}
AS SELECT
    consumer_group, kafka_topic, kafka_partition,
    reached AS first_offset, next AS end_offset, end_offset - first_offset AS offsets
FROM
(
    SELECT
        consumer_group, kafka_topic, kafka_partition, ledger.first_offset AS next,
        -- Entries may overlap: records are read again after a crash.
        max(ledger.end_offset) OVER (PARTITION BY consumer_group, kafka_topic, kafka_partition ORDER BY ledger.first_offset, ledger.end_offset ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS reached,
        row_number() OVER (PARTITION BY consumer_group, kafka_topic, kafka_partition ORDER BY ledger.first_offset, ledger.end_offset) AS entry
    FROM ledger FINAL
)
WHERE entry > 1 AND next > reached
COMMENT 'Offsets between two entries of the ledger that no entry covers: must be empty. Those after the last entry are still to be read; hookline audit compares with the broker.'
