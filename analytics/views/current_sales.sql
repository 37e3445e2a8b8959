CREATE OR REPLACE VIEW current_sales
(
    vendor       LowCardinality(String) COMMENT 'Third party that reported it, as vendors.yaml names it.',
    kind         LowCardinality(String) COMMENT 'sale, capture, order, refund, reversal, fee or tax: what the row adds to or takes from.',
    sale_key     String COMMENT 'The vendor''s own ID of the effect, such as that of the charge. (vendor, kind, sale_key) is its identity, within its object where it has one.',
    event_id     String COMMENT 'Event that this row was made from; see events.',
    type         LowCardinality(String) COMMENT 'Type of that event.',
    order_id     String COMMENT 'The vendor''s ID of the order, where it states one.',
    amount       Decimal(18, 4) COMMENT 'Amount in major units of the currency, exact; positive for every kind.',
    currency     LowCardinality(String) COMMENT 'ISO 4217 code.',
    occurred_at  DateTime64(3, 'UTC') COMMENT 'When it happened, by the vendor''s statement; 1970-01-01 where the vendor states no time (undated).',
    received_at  DateTime64(3, 'UTC') COMMENT 'When ingest received the delivery that counts.',
    stored_at    DateTime64(3, 'UTC') COMMENT 'When ClickHouse was given the row.',
    dimensions   Map(LowCardinality(String), String) COMMENT 'What else the vendor''s mapping names: country, product, channel and the like.',
    version      UInt64 COMMENT 'Rank among the rows of one place: the highest counts. See analytics/versions.go.',
    object       String COMMENT 'Object of the vendor''s whose whole state the event reported; empty where the effect stands for itself.',
    proof        LowCardinality(String) COMMENT 'What the signature of the event covers: body, fields or weak.',
    is_test      UInt8 COMMENT '1 marks test money, which is in no figure.',
    source_month UInt32 COMMENT 'Month of occurred_at in UTC as YYYYMM, 0 for undated. The partition: filter by it to read only what is needed.'
)
{{definer}}
AS SELECT vendor, kind, sale_key, event_id, type, order_id, amount, currency, occurred_at, received_at, stored_at, dimensions, version, object, proof, is_test, source_month
FROM sales FINAL
COMMENT 'Every sale and refund, each once, as it counts now. For figures by month or day use the views sales_per_month and sales_daily, which are faster by far. Filter by source_month to read only what is needed.'
