-- What the sales of one vendor must be by the mapping of a run: common part of the statements that look at the
-- difference and apply it. A bucket holds the sales whose keys have one hash, so that memory is bounded.
--
-- mapped: the events that the run has mapped, and how their deliveries rank. A delivery that ranks higher than the
-- one that was mapped came later and is none of the run's business.
-- best: the row that must count for each sale. It ranks among all events that make the sale: those of the run by
-- the new mapping, all others by the row that counts now. Events rank as their deliveries do, whatever their
-- generation; of two that were received within one millisecond the same one counts in every run.
-- live: the rows that count now.
WITH
    mapped AS
    (
        SELECT event_id, bitAnd(version, {{.Ranks}}) AS mapped_rank
        FROM reprocess_rows FINAL
        WHERE vendor = {{.Vendor}} AND generation = {{.Generation}}
            AND event_id IN (SELECT event_id FROM sales WHERE vendor = {{.Vendor}} AND {{.Bucket}})
    ),
    live AS
    (
        SELECT kind, sale_key, source_month AS month, bitAnd(version, {{.Ranks}}) AS rank, {{.Content}} AS content, {{.Print}} AS print
        FROM sales FINAL
        WHERE vendor = {{.Vendor}} AND {{.Bucket}}
    ),
    best AS
    (
        SELECT kind, sale_key, argMax((month, rank, content, print), (rank, inside, content.1)) AS top
        FROM
        (
            SELECT effect AS kind, sale_key, sale_month AS month, bitAnd(version, {{.Ranks}}) AS rank, {{.Content}} AS content, {{.Print}} AS print, 1 AS inside
            FROM reprocess_rows FINAL
            WHERE vendor = {{.Vendor}} AND generation = {{.Generation}} AND effect != '' AND {{.Bucket}}
            UNION ALL
            SELECT kind, sale_key, month, rank, content, print, 0
            FROM live
            LEFT JOIN mapped ON mapped.event_id = content.1
            WHERE mapped.event_id = '' OR rank > mapped_rank
        )
        GROUP BY kind, sale_key
    )
