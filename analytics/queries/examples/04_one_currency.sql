-- All currencies in one, by the rates in exchange_rates. Where a rate is missing the total is NULL, and missing says which.
SELECT month, vendor, net, missing
FROM hookline.sales_per_month_converted
WHERE zone = 'UTC' AND currency = 'EUR' AND NOT undated
ORDER BY month, vendor
