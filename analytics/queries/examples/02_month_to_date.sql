-- This month so far beside the same days of last month.
SELECT
    vendor, currency,
    sumIf(net, day >= toStartOfMonth(today())) AS this_month,
    sumIf(net, day < toStartOfMonth(today()) AND toDayOfMonth(day) <= toDayOfMonth(today())) AS last_month
FROM hookline.sales_daily
WHERE zone = 'UTC' AND day BETWEEN toStartOfMonth(today() - INTERVAL 1 MONTH) AND today()
GROUP BY vendor, currency
ORDER BY this_month DESC
