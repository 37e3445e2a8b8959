-- Totals by source month, as they are and as they would be.
{{template "remap.sql" .}}
SELECT
    content.14 AS month, content.7 AS currency, content.1 AS kind,
    countIf(NOT after) AS count_before, sumIf(content.6, NOT after) AS amount_before,
    countIf(after) AS count_after, sumIf(content.6, after) AS amount_after
FROM
(
    SELECT content, false AS after FROM live
    UNION ALL
    SELECT arrayJoin(top.2), true FROM best
)
WHERE content.13 = 0
GROUP BY month, currency, kind
