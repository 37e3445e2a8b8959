package dashboards

import (
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
)

// pipeline is the board for operators: from the vendor's POST to the figure in a chart.
func pipeline() board {
	good := []dashboard.Threshold{step(nil, "green"), step(cog.ToPtr(1.0), "red")}
	const slowRefresh = 60 // seconds
	return board{
		uid: PipelineUID, title: "Pipeline",
		description: "From a vendor's POST to the figure in a chart: what comes in, what is refused, what is stored, and whether anything is lost or late.",
		from:        "now-6h", refresh: "10s",
		panels: []panel{
			heading(21, 0, "Is anything lost or late?"),
			{
				id: 1, title: "Unaccounted", at: at(0, 1, 4, 4), unit: whole(), shape: TableQuery,
				noValue:     "0",
				description: "Records in Kafka that the ledger lacks although it has later ones. Must be 0; if not, run: hookline audit.",
				draw:        headline(good...),
				sql:         `SELECT sum(offsets) AS "Unaccounted" FROM hookline.unaccounted`,
			},
			{
				id: 2, title: "Dead letters", at: at(4, 1, 4, 4), unit: whole(), shape: TableQuery,
				noValue:     "0",
				description: "Events that could not be stored or acted on. They are missing from the figures: see the list below, fix the cause, then run: hookline dlq redrive.",
				draw:        headline(good...),
				sql:         `SELECT count() AS "Dead letters" FROM hookline.dead_letters FINAL WHERE state = 'dead'`,
			},
			{
				id: 3, title: "Figures behind", at: at(8, 1, 4, 4), unit: seconds(), shape: TableQuery,
				noValue:     "0 s",
				description: "How long the oldest sale that the charts do not show yet has waited. A few seconds are normal. If it is red, look at system.view_refreshes in ClickHouse.",
				draw:        headline(step(nil, "green"), step(cog.ToPtr(float64(slowRefresh)), "red")),
				sql:         `SELECT toFloat64(behind) AS "Behind" FROM hookline.rollup_state`,
			},
			{
				id: 13, title: "Retrying", at: at(12, 1, 4, 4), unit: whole(), noValue: "Not known",
				description: "Whether a store does not accept what the processor has: then nothing is consumed and nothing is lost, but the charts stand still. If it says Yes, look at ClickHouse first, then at the processor's log.",
				draw:        headline(good...).Mappings(words("No", "Yes")),
				prom:        []series{{"Retrying", `max(hookline_processor_retrying or hookline_actions_retrying)`}},
			},
			{
				id: 17, title: "Not read yet", at: at(16, 1, 4, 4), unit: whole(), noValue: "Not known",
				description: "Records in Kafka that are still to be stored. It returns to 0 after every peak. If it grows, add a processor or look at ClickHouse.",
				draw:        headline(),
				prom:        []series{{"Records", `sum(hookline_processor_lag_records)`}},
			},
			{
				id: 4, title: "Last stored", at: at(20, 1, 4, 4), unit: ago(), shape: TableQuery,
				noValue:     "Never",
				description: "How long ago the processor last wrote to its ledger. If vendors send and this grows, look at Retrying and at the processor's log.",
				draw:        headline(),
				sql: `SELECT toFloat64(toUnixTimestamp64Milli(max(written_at))) AS "Last"
FROM hookline.ledger
HAVING count() > 0`,
			},
			heading(22, 5, "From vendors to Kafka"),
			{
				id: 7, title: "Deliveries per second by status", at: at(0, 6, 12, 8), unit: rate(), noValue: nothing,
				description: "Deliveries that ingest answered, by HTTP status. 4xx is the sender's fault: see refused deliveries below. 5xx is our own: the vendor will retry, see failures below.",
				draw: filled().
					OverrideByRegexp("/^2/", coloured("green")).OverrideByRegexp("/^4/", coloured("orange")).OverrideByRegexp("/^5/", coloured("red")),
				prom: []series{{"{{status}}", `sum by (status) (rate(hookline_ingest_deliveries_total[$__rate_interval]))`}},
			},
			{
				id: 8, title: "Time to answer", at: at(12, 6, 12, 8), unit: seconds(), noValue: nothing,
				description: "From the request's header to its answer. The strictest vendor waits 3 seconds. If it is long, compare it with the time to enqueue: Kafka is slow, or ingest lacks CPU.",
				draw:        percentiles(lines()),
				prom:        quantiles("hookline_ingest_request_duration_seconds_bucket"),
			},
			{
				id: 9, title: "Time to enqueue", at: at(0, 22, 12, 8), unit: seconds(), noValue: nothing,
				description: "Until all in-sync replicas of Kafka have a delivery's events. If it is long, look at the brokers' disks and at under-replicated partitions.",
				draw:        percentiles(lines()),
				prom:        quantiles("hookline_ingest_enqueue_duration_seconds_bucket"),
			},
			{
				id: 6, title: "Refused deliveries", at: at(12, 14, 12, 8), unit: whole(), shape: TimeSeriesQuery, noValue: "No delivery was refused in this range",
				description: "Deliveries that were answered with an error that is the sender's, by reason. signature_mismatch: a wrong secret or a forger; timestamp_outside_window: a wrong clock or a replay. Try one with: hookline vendor check.",
				draw:        timed().ColorScheme(shades("orange")).DisplayName("${__field.labels.Reason}"),
				sql: `SELECT $__timeInterval(minute) AS time, reason AS "Reason", sum(count) AS "Deliveries"
FROM hookline.rejections FINAL
WHERE $__timeFilter(minute)
GROUP BY time, reason
ORDER BY time, reason`,
			},
			{
				id: 18, title: "Failures of our own, per second", at: at(0, 14, 12, 8), unit: rate(), noValue: nothing,
				description: "Deliveries answered with 5xx, by reason. not_enqueued: Kafka refused them or did not answer in time. busy: too much is in flight. The vendor will send them again.",
				draw:        lines().ColorScheme(shades("red")).OverrideByName("none", coloured("green")),
				prom:        []series{{"{{reason}}", `sum by (reason) (rate(hookline_ingest_deliveries_total{status=~"5.."}[$__rate_interval])) or on () label_replace(vector(0), "reason", "none", "", "")`}},
			},
			{
				id: 14, title: "In flight", at: at(12, 22, 12, 8), unit: whole(), noValue: nothing,
				description: "Deliveries that wait for Kafka's acknowledgement, and connections that vendors hold open. Near --max-inflight or --max-connections, ingest refuses more: add an ingest.",
				draw:        lines().OverrideByName("Deliveries", coloured("blue")).OverrideByName("Connections", coloured("purple")),
				prom: []series{
					{"Deliveries", `sum(hookline_ingest_inflight_deliveries)`},
					{"Connections", `sum(hookline_ingest_connections)`},
				},
			},
			heading(23, 30, "From Kafka to ClickHouse"),
			{
				id: 19, title: "Events per second, stored and not", at: at(0, 31, 12, 8), unit: eventRate(), noValue: nothing,
				description: "Events stored in ClickHouse, redeliveries included; events that ClickHouse rejected and that are tried again; dead letters. Retries that last end as dead letters: the processor's log names the cause.",
				draw: lines().
					OverrideByName("Stored", coloured("green")).OverrideByName("To be retried", coloured("orange")).OverrideByName("Dead letters", coloured("red")),
				prom: []series{
					{"Stored", `sum(rate(hookline_processor_events_total[$__rate_interval]))`},
					{"To be retried", `sum(rate(hookline_processor_retries_total[$__rate_interval]))`},
					{"Dead letters", `sum(rate(hookline_processor_dead_letters_total[$__rate_interval])) or vector(0)`},
				},
			},
			{
				id: 10, title: "Records not read yet, by partition", at: at(12, 31, 12, 8), unit: whole(), noValue: nothing,
				description: "How far the processor is behind Kafka. It should return to 0 after every peak. One partition alone that grows: its processor hangs.",
				draw:        lines().Legend(common.NewVizLegendOptionsBuilder().ShowLegend(false).Calcs([]string{})),
				prom:        []series{{"{{topic}} {{partition}}", `max by (topic, partition) (hookline_processor_lag_records)`}},
			},
			{
				// Days are whole: an entry that grew after the end of the range would be missing with all its records.
				id: 5, title: "Where records ended, by day", at: at(0, 39, 12, 8), unit: whole(), shape: TableQuery, noValue: nothing,
				description: "Records by what became of them and the day (UTC), as the ledger has it, for the last 14 days of the range or more: stored, repeated within a batch, sent to the retry topic, given up as dead letters.",
				draw: stacked().Legend(below("sum")).
					OverrideByName("Stored", coloured("green")).OverrideByName("Repeated", coloured("blue")).
					OverrideByName("To be retried", coloured("orange")).OverrideByName("Dead letters", coloured("red")),
				sql: `SELECT formatDateTime(toDate(written_at), '%e %b') AS "Day", sum(stored) AS "Stored", sum(duplicates) AS "Repeated", sum(retried) AS "To be retried", sum(dead) AS "Dead letters"
FROM hookline.ledger FINAL
WHERE toDate(written_at) BETWEEN toDate(least($__fromTime, $__toTime - INTERVAL 13 DAY)) AND toDate($__toTime)
GROUP BY toDate(written_at)
ORDER BY toDate(written_at)`,
			},
			{
				id: 11, title: "Time to store a batch", at: at(12, 39, 12, 8), unit: seconds(), noValue: nothing,
				description: "One insert into ClickHouse, holds included. If it is long, look at ClickHouse's CPU, disk and merges.",
				draw:        percentiles(lines()),
				prom:        quantiles("hookline_processor_insert_duration_seconds_bucket"),
			},
			{
				id: 12, title: "Rows in a batch", at: at(0, 47, 12, 8), unit: whole(), noValue: nothing,
				description: "Rows in one insert. Under load, batches should be large; many small ones wear ClickHouse out.",
				draw:        percentiles(lines()),
				prom:        quantiles("hookline_processor_batch_rows_bucket"),
			},
			{
				id: 20, title: "Actions per second by outcome", at: at(12, 47, 12, 8), unit: eventRate(), noValue: "No actions are configured, or none has run",
				description: "Attempts to forward events: succeeded, failed (it will be tried again), gave_up. After gave_up, fix the receiver, then run: hookline dlq redrive --stage action.",
				draw:        lines(),
				prom:        []series{{"{{outcome}}", `sum by (outcome) (rate(hookline_actions_attempts_total[$__rate_interval]))`}},
			},
			heading(24, 55, "Dead letters"),
			{
				id: 16, title: "Dead letters in the range", at: at(0, 56, 24, 10), unit: count(), shape: TableQuery, noValue: "No dead letters in this range",
				description: "Events that were given up in the range, newest first, with the reason. Choose an ID to see the event's life.",
				draw: rows().
					OverrideByName("Given up", wide(160, dated("YYYY-MM-DD HH:mm:ss")...)).OverrideByName("Error", wrapped(300)).
					OverrideByName("Event ID", linked("The event's life", "/d/"+JournalUID+`?var-event=${__value.raw:percentencode}&var-vendor=${__data.fields["Vendor"]:percentencode}`)),
				sql: `SELECT failed_at AS "Given up", vendor AS "Vendor", event_id AS "Event ID", type AS "Type", stage AS "Stage", error AS "Error", attempts AS "Attempts", state AS "State"
FROM hookline.dead_letters FINAL
WHERE $__timeFilter(failed_at)
ORDER BY failed_at DESC
LIMIT 500`,
			},
		},
	}
}

// percentiles colours what quantiles answers.
func percentiles(drawn *timeseries.PanelBuilder) *timeseries.PanelBuilder {
	return drawn.OverrideByName("Median", coloured("blue")).OverrideByName("95 %", coloured("orange")).OverrideByName("99 %", coloured("red"))
}

// quantiles asks for the median and the slowest 5 and 1 % of a histogram.
func quantiles(buckets string) []series {
	at := func(q string) string {
		return `histogram_quantile(` + q + `, sum by (le) (rate(` + buckets + `[$__rate_interval])))`
	}
	return []series{{"Median", at("0.5")}, {"95 %", at("0.95")}, {"99 %", at("0.99")}}
}
