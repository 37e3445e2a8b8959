-- Monthly totals in one zone, as readers see them.
SELECT month, undated, vendor, currency, part.1 AS kind, part.2 AS count, part.3 AS amount
FROM
(
    SELECT zone, month, undated, vendor, currency, sum(sales_per_month.orders) AS orders, sum(sales_per_month.gross) AS gross, sum(sales_per_month.refund_count) AS refund_count, sum(sales_per_month.refunds) AS refunds
    FROM sales_per_month
    GROUP BY zone, month, undated, vendor, currency
)
ARRAY JOIN [('sale', orders, gross), ('refund', refund_count, refunds)] AS part
WHERE zone = {zone:String} AND count > 0
ORDER BY undated, month, vendor, currency, kind
