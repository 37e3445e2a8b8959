-- What the sales of one vendor must be by the mapping of a run: common part of the statements that look at the
-- difference and apply it. A bucket holds the units, objects or keys, that have one hash, so that memory is bounded.
--
-- mapped: the events that the run has mapped, by the IDs that they are stored with, and when the deliveries that it mapped were received. A delivery that
-- counts before those came later and is none of the run's business.
-- live: the effects that count now.
-- best: the statement that must count for each unit, an object or an effect that stands for itself. It ranks among all
-- statements about it: those of the run by the new mapping, all others by the rows that count now. Statements rank as
-- if they were of one generation.
WITH
    mapped AS
    (
        SELECT from_id, {{.MappedAt}} AS mapped_at
        FROM reprocess_mapped
        WHERE {{.Run}} AND from_id IN (SELECT event_id FROM sales WHERE vendor = {{.Vendor}} AND {{.Bucket}})
        GROUP BY from_id
    ),
    live AS
    (
        SELECT {{.Unit}} AS unit, {{.Family}} AS family, kind, event_id, received_at, {{.Rank}} AS rank, {{.Content}} AS content, {{.ContentHash}} AS content_hash
        FROM sales FINAL
        WHERE vendor = {{.Vendor}} AND {{.Bucket}}
    ),
    best AS
    (
        SELECT unit, family, argMax((rank, contents, hashes, event_id), (rank, inside, event_id)) AS top
        FROM
        (
            SELECT
                unit, family, event_id, rank, max(inside) AS inside,
                arraySort(groupArrayIf((content_hash, content), kind != '')) AS sorted, sorted.1 AS hashes, sorted.2 AS contents
            FROM
            (
                SELECT {{.Unit}} AS unit, {{.Family}} AS family, kind, event_id, {{.Rank}} AS rank, {{.Content}} AS content, {{.ContentHash}} AS content_hash, 1 AS inside
                FROM reprocess_mapped FINAL
                WHERE {{.Run}} AND (kind != '' OR object != '') AND {{.Bucket}}
                UNION ALL
                SELECT unit, family, kind, live.event_id, rank, content, content_hash, 0
                FROM live
                LEFT JOIN mapped ON mapped.from_id = live.event_id
                WHERE mapped.from_id = '' OR {{.Later}}
            )
            GROUP BY unit, family, event_id, rank
        )
        GROUP BY unit, family
    ),
    now AS
    (
        SELECT unit, family, arraySort(groupArray((content_hash, content))) AS sorted, sorted.1 AS hashes, sorted.2 AS contents
        FROM live
        GROUP BY unit, family
    ),
    changed AS
    (
        SELECT best.unit AS unit, best.family AS family, top.1 AS rank, top.2 AS contents, now.contents AS before
        FROM best
        LEFT JOIN now ON now.unit = best.unit AND now.family = best.family
        WHERE now.hashes != top.3
    )
