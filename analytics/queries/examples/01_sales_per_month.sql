-- Net sales per month and vendor, in one currency, in the months of Lagos. The view reporting_zones lists the zones that there are; hookline setup --zones adds one.
SELECT month, vendor, sum(net) AS net
FROM hookline.sales_per_month
WHERE zone = 'Africa/Lagos' AND currency = 'EUR' AND NOT undated
GROUP BY month, vendor
ORDER BY month, net DESC
