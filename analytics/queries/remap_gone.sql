-- The rows of sales that no event makes any more. They are deleted, not tombstoned: a tombstone would outrank another
-- event about the same sale that is yet to come, such as the payment after an authorisation that never should have
-- counted. For the same reason the tombstones go that kept such a sale to one month, whichever event they name.
{{template "remap.sql" .}}
SELECT kind, sale_key, event_id, version
FROM sales
LEFT JOIN mapped USING (event_id)
WHERE vendor = {{.Vendor}} AND {{.Bucket}} AND (is_deleted OR bitAnd(version, {{.Ranks}}) <= mapped_rank)
    AND (kind, sale_key) NOT IN (SELECT kind, sale_key FROM best)
