-- At which hours people buy, in their own time, over the last 90 days.
SELECT toHour(occurred_at, 'Asia/Kolkata') AS hour, count() AS orders
FROM hookline.current_sales
WHERE kind = 'sale' AND source_month >= toYYYYMM(now() - INTERVAL 90 DAY)
GROUP BY hour
ORDER BY hour
