-- The rows of one month of sales as they were stored until now, with the versions that analytics/versions.go gives them.
WITH
    bitAnd(version, toUInt64({{.Ranks}})) AS rank,
    bitShiftRight(version, 48) AS generation,
    if(proofs.proof = 'body' AND source_month != 0, least(occurred_at, received_at), received_at) AS as_of,
    toUInt64(toUnixTimestamp(as_of)) AS second,
    toUInt64(greatest(toUnixTimestamp64Milli(received_at) - toInt64(second) * 1000, 0)) AS delay,
    toUInt64(greatest(toInt64(floor(log2(delay + 0.5))) - 16, 0)) AS shift
SELECT
    vendor, kind, sale_key, event_id, type, order_id, amount, currency, occurred_at, received_at, stored_at, dimensions,
    if(
        bitTest(rank, 47),
        bitShiftLeft(least(generation, toUInt64(1023)), 54) + toUInt64(18014398509481983) - bitShiftLeft(second, 22)
            - if(delay < 131072, delay, bitShiftLeft(shift, 16) + bitShiftRight(delay, shift)),
        bitShiftLeft(second, 32) + bitShiftLeft(toUInt64(toUnixTimestamp64Milli(as_of) % 1000), 22)
            + bitShiftLeft(least(generation, toUInt64(1023)), 12) + 256
    ) AS moved_version,
    proofs.proof AS proof
FROM {{.From}} FINAL
LEFT JOIN (SELECT vendor, any(events.proof) AS proof FROM events WHERE source_month = {{.Month}} GROUP BY vendor) AS proofs USING (vendor)
WHERE source_month = {{.Month}}
