-- The vendors of this month for a review meeting: refunds, delays, redeliveries, refusals.
SELECT vendor, events, sales, round(100 * refund_rate, 2) AS refund_percent, round(100 * sales_growth, 1) AS growth_percent,
    round(delay_p95, 1) AS delay_p95_seconds, round(100 * redelivery_rate, 1) AS repeated_percent, rejections_by_reason, last_seen
FROM hookline.vendor_performance
WHERE month = toStartOfMonth(today())
ORDER BY events DESC
