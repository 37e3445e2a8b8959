{{- /*
The source months of .Source that .Rollup must recompute, as a scalar: at most four, the current month first and
then those that have waited longest, so that redeliveries all over the past delay each other and not the current
month. A month is due
 * when one of .Parts of the rollup has no figures of it yet (a new reporting zone, a new month, a rollup that
   was dropped);
 * when a part was written to it since it was last recomputed, less 3 s: part times are whole seconds, and a part
   becomes visible a moment after it gets its time;
 * once more when 10 s, 30 s, 2 min and 10 min have passed since then: for parts that took longer than 3 s to
   become visible (a starved machine, slow disks, replication), and for clocks that were set back.
Times of parts, not of rows: they also cover deleted rows and parts fetched from a replica, and cost nothing
to look up at any size. A merge makes its month due for nothing. Block numbers would show that nothing came, but not that
rows were deleted, they start again where a partition is attached or restored, and the highest one hides parts that become
visible late: a month that is recomputed once more is the lesser evil. A month whose parts are all gone is never due, nor is one whose rows are about to go:
its figures stay, whatever comes in for it late.
A scalar, because ClickHouse evaluates it once per query, where a subquery may see a new part half-way.
*/ -}}
(
        SELECT groupArray(source_month)
        FROM
        (
            SELECT parts.source_month AS source_month
            FROM
            (
                SELECT toUInt32(partition) AS source_month, max(modification_time) AS written_at
                FROM system.parts
                WHERE database = {{.DatabaseText}} AND table = '{{.Source}}' AND active
                GROUP BY partition
            ) AS parts
            LEFT JOIN
            (
                SELECT source_month, min(at) AS at, count() AS parts
                FROM
                (
                    SELECT source_month, {{.Part}} AS part, max(refreshed_at) AS at
                    FROM {{.Database}}.{{.Rollup}}
                    WHERE part IN ({{.Parts}}) AND {{.Run}}
                    GROUP BY source_month, part
                )
                GROUP BY source_month
            ) AS runs ON runs.source_month = parts.source_month
            WHERE
            (
                runs.parts < {{.PartCount}}
                OR runs.at < parts.written_at + INTERVAL 3 SECOND
                OR arrayExists(later -> runs.at < parts.written_at + later AND now() >= parts.written_at + later, [10, 30, 120, 600])
            )
            {{- if .Keep}}
            AND (source_month = 0 OR now() < makeDate(intDiv(source_month, 100), source_month % 100, 1) + INTERVAL 1 MONTH + INTERVAL {{.Keep}} DAY - INTERVAL 2 DAY)
            {{- end}}
            ORDER BY source_month = toYYYYMM(now('UTC')) DESC, runs.at
            LIMIT 4
        )
    )
