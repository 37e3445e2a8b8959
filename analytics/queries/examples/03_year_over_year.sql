-- Each month beside the same month of the year before. Months without sales then have no growth, not an infinite one.
SELECT
    now.month AS month, now.net AS net, before.net AS year_before,
    round(100 * (toFloat64(now.net) / nullIf(toFloat64(before.net), 0) - 1), 1) AS growth_percent
FROM (SELECT month, sum(net) AS net FROM hookline.sales_per_month WHERE zone = 'UTC' AND currency = 'EUR' AND NOT undated GROUP BY month) AS now
LEFT JOIN (SELECT month, sum(net) AS net FROM hookline.sales_per_month WHERE zone = 'UTC' AND currency = 'EUR' AND NOT undated GROUP BY month) AS before
    ON before.month = now.month - INTERVAL 1 YEAR
ORDER BY month
