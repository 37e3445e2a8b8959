-- Totals by source month, as they are and as they would be.
{{template "remap.sql" .}}
SELECT
    month, content.5 AS currency, kind,
    countIf(NOT mapped) AS count_before, sumIf(content.4, NOT mapped) AS amount_before,
    countIf(mapped) AS count_after, sumIf(content.4, mapped) AS amount_after
FROM
(
    SELECT kind, month, content, false AS mapped FROM live
    UNION ALL
    SELECT kind, top.1, top.3, true FROM best
)
GROUP BY month, currency, kind
