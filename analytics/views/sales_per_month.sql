CREATE OR REPLACE VIEW sales_per_month
(
    zone                LowCardinality(String) COMMENT 'Reporting time zone: filter by exactly one.',
    month               Date COMMENT 'First day of the month in the zone; 1970-01-01 for undated.',
    undated             Bool COMMENT 'true for sales whose vendor states no time: they belong to no month.',
    vendor              LowCardinality(String) COMMENT 'Third party, as vendors.yaml names it.',
    currency            LowCardinality(String) COMMENT 'ISO 4217 code. Amounts of different currencies do not add up.',
    gross               Decimal(38, 4) COMMENT 'Sum of sales, in major units.',
    refunds             Decimal(38, 4) COMMENT 'Sum of refunds, positive. A refund counts in the month in which it happened.',
    net                 Decimal(38, 4) COMMENT 'gross - refunds.',
    orders              UInt64 COMMENT 'Number of sales.',
    refund_count        UInt64 COMMENT 'Number of refunds.',
    average_order_value Nullable(Decimal(38, 4)) COMMENT 'gross / orders, cut after 4 decimals; NULL without orders.'
)
{{definer}}
AS SELECT
    zone, day AS month, (source_month = 0)::Bool AS undated, vendor, currency,
    sumIf(amount, kind = 'sale') AS gross,
    sumIf(amount, kind = 'refund') AS refunds,
    gross - refunds AS net,
    sumIf(count, kind = 'sale') AS orders,
    sumIf(count, kind = 'refund') AS refund_count,
    if(orders = 0, NULL, gross / orders) AS average_order_value
FROM sales_sums FINAL
WHERE grain = 'month' AND count > 0
GROUP BY zone, month, undated, vendor, currency
COMMENT 'Sales per month, vendor and currency in a reporting zone. Seconds behind the table sales.'
