-- Whether the figures can be trusted right now: seconds that the rollup is behind (up to 5 is normal), and offsets
-- that no entry of the ledger accounts for (none is normal).
SELECT behind, pending, (SELECT sum(offsets) FROM hookline.unaccounted) AS unaccounted
FROM hookline.rollup_state
