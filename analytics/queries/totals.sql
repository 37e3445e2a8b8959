-- Monthly totals in one zone, as readers see them.
SELECT month, undated, vendor, currency, part.1 AS kind, part.2 AS count, part.3 AS amount
FROM sales_per_month
ARRAY JOIN [('sale', orders, gross), ('refund', refund_count, refunds)] AS part
WHERE zone = {zone:String} AND count > 0
ORDER BY undated, month, vendor, currency, kind
