CREATE OR REPLACE VIEW sales_per_month
(
    zone                LowCardinality(String) COMMENT 'Reporting time zone: filter by exactly one.',
    month               Date COMMENT 'First day of the month in the zone; 1970-01-01 for undated.',
    undated             Bool COMMENT 'true for sales whose vendor states no time: they belong to no month.',
    vendor              LowCardinality(String) COMMENT 'Third party, as vendors.yaml names it.',
    currency            LowCardinality(String) COMMENT 'ISO 4217 code. Amounts of different currencies do not add up.',
    proof               LowCardinality(String) COMMENT 'How much of the body the signatures cover: body (every byte), fields (some), weak (a checksum, or nothing). Empty for sales that were gone before this was kept.',
    gross               Decimal(38, 4) COMMENT 'Sum of sales and captures, in major units.',
    refunds             Decimal(38, 4) COMMENT 'Sum of refunds and chargebacks less their reversals. A refund counts in the month in which it happened.',
    net                 Decimal(38, 4) COMMENT 'gross - refunds.',
    orders              UInt64 COMMENT 'Number of orders: an order of several captures is one.',
    refund_count        UInt64 COMMENT 'Number of refunds and chargebacks less their reversals; 0 where there are more reversals.',
    average_order_value Nullable(Decimal(38, 4)) COMMENT 'gross / orders, cut after 4 decimals; NULL without orders.',
    fees                Decimal(38, 4) COMMENT 'Sum of the fees that the vendor reports; in no other figure.',
    taxes               Decimal(38, 4) COMMENT 'The same for taxes.'
)
{{definer}}
AS SELECT
    zone, day AS month, (source_month = 0)::Bool AS undated, vendor, currency, proof,
    sumIf(amount, kind IN ('sale', 'capture')) AS gross,
    sumIf(amount, kind = 'refund') - sumIf(amount, kind = 'reversal') AS refunds,
    gross - refunds AS net,
    sumIf(count, kind IN ('sale', 'order')) AS orders,
    toUInt64(greatest(toInt64(sumIf(count, kind = 'refund')) - toInt64(sumIf(count, kind = 'reversal')), 0)) AS refund_count,
    if(orders = 0, NULL, gross / orders) AS average_order_value,
    sumIf(amount, kind = 'fee') AS fees,
    sumIf(amount, kind = 'tax') AS taxes
FROM sales_sums FINAL
WHERE grain = 'month' AND count > 0 AND NOT startsWith(kind, 'test ')
GROUP BY zone, month, undated, vendor, currency, proof
COMMENT 'Sales per month, vendor, currency and proof in a reporting zone: sums over proof are those of the vendor. Seconds behind the table sales.'
