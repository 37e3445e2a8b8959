-- What sold best in the last 90 days, by a dimension of the vendors' mapping. source_month keeps the query from
-- reading older months.
SELECT dimensions['product'] AS product, currency, count() AS orders, sum(amount) AS gross
FROM hookline.current_sales
WHERE kind = 'sale' AND source_month >= toYYYYMM(now() - INTERVAL 90 DAY) AND occurred_at >= now() - INTERVAL 90 DAY
GROUP BY product, currency
ORDER BY gross DESC
LIMIT 20
