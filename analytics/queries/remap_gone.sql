-- The rows of sales that no event makes any more, and those that outrank what must count although their events were
-- mapped again. They are deleted, not tombstoned: a tombstone would outrank another event about the same sale that is yet
-- to come, such as the payment after an authorisation that never should have counted. For the same reason the tombstones
-- go that kept such a sale to one hour, whichever event they name.
{{template "remap.sql" .}}
SELECT kind, sale_key, source_hour, sales.event_id AS event_id, version, object
FROM sales
LEFT JOIN mapped ON mapped.from_id = sales.event_id
LEFT JOIN (SELECT unit, family, true AS known, {{.VersionOfTop}} AS counts FROM best) AS best ON best.unit = {{.Unit}} AND best.family = {{.Family}}
WHERE vendor = {{.Vendor}} AND {{.Bucket}} AND (is_deleted OR mapped.from_id != '' AND NOT ({{.LaterInSales}})) AND (NOT known OR version > counts)
