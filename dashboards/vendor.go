package dashboards

import (
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// oneVendor keeps the vendor that this board is about. Its variable is not called vendor, like that of the
// other boards: links between boards carry variables along, and All is not one vendor.
const oneVendor = `vendor = decodeURLComponent('${name:percentencode}')`

// vendor is the board about one vendor, for a talk with them.
func vendor() board {
	sold := `zone = chosen_zone AND currency = chosen_currency AND ` + oneVendor
	only := variable("name", "Vendor", "The vendor that this board is about.", vendorNames("vendor_performance"))
	last := func(column, as string) string {
		return reviewed + `
SELECT ` + column + ` AS "` + as + `"
FROM hookline.vendor_performance
WHERE ` + oneVendor + ` AND month = toStartOfMonth(last_day)`
	}
	return board{
		uid: VendorUID, title: "One vendor",
		description: "Everything about one vendor. Figures of events are by month in UTC, money by month in the reporting zone.",
		from:        usualMonths, refresh: "5m", ranges: true,
		variables: []cog.Builder[dashboard.VariableModel]{only, currencyVariable(), zoneVariable()},
		panels: []panel{
			{
				id: 1, title: "Net sales this month", at: at(0, 0, 7, 5), unit: money(), shape: TableQuery,
				description: "Sales minus refunds so far in the last month of the range. If it is low, look at Last event first, then at refused deliveries below.",
				draw:        headline(),
				sql:         netSince(reviewed, sold, "toStartOfMonth(last_day)"),
			},
			{
				id: 2, title: "Refund rate this month", at: at(7, 0, 6, 5), unit: percent(), shape: TableQuery, noValue: "No sales this month",
				description: "Refunds for every sale in the last month of the range, by number, in all currencies. Red asks for a word with the vendor.",
				draw:        headline(step(nil, "text"), step(cog.ToPtr(manyRefunds), "red")),
				sql:         last("refund_rate", "Refund rate"),
			},
			{
				id: 3, title: "Slowest 5 % this month", at: at(13, 0, 6, 5), unit: seconds(), shape: TableQuery, noValue: "No events this month",
				description: "95 of 100 events were received within this time of when they happened. Red: ask the vendor whether it sends late or had to send again.",
				draw:        headline(step(nil, "text"), step(cog.ToPtr(float64(slow)), "red")),
				sql:         last("delay_p95", "Delay") + " AND events > 0",
			},
			{
				id: 4, title: "Last event", at: at(19, 0, 5, 5), unit: ago(), shape: TableQuery, noValue: "Never",
				description: "How long ago the last event was received, whatever the range. If it is longer than usual, ask whether the vendor still sends.",
				draw:        headline(),
				sql: `SELECT toFloat64(toUnixTimestamp64Milli(max(last_seen))) AS "Last event"
FROM hookline.vendor_performance
WHERE ` + oneVendor + ` AND events > 0
HAVING count() > 0`,
			},
			{
				id: 5, title: "Gross, refunds and net by month (${currency})", at: at(0, 5, 24, 12), unit: wholeMoney(), shape: TableQuery,
				description: "Gross is what was sold, refunds what was given back in that month, net the difference.",
				draw: bars().
					OverrideByName("Gross", coloured("blue")).OverrideByName("Refunds", coloured("red")).OverrideByName("Net", coloured("green")),
				sql: grossRefundsNet(reviewed, sold),
			},
			{
				id: 6, title: "Delay until received", at: at(0, 17, 8, 9), unit: seconds(), shape: TimeSeriesQuery, noValue: nothing,
				description: "How long the vendor took from when an event happened until we had it: half of the events, 95 and 99 of 100 took no longer. The axis is logarithmic.",
				draw:        percentiles(logarithmic()),
				sql: reviewed + `
SELECT toDateTime(month, 'UTC') AS time, delay_p50 AS "Median", delay_p95 AS "95 %", delay_p99 AS "99 %"
FROM hookline.vendor_performance
WHERE ` + oneVendor + ` AND ` + performed + ` AND events > 0
ORDER BY time`,
			},
			{
				id: 9, title: "Deliveries, new and repeated", at: at(8, 17, 8, 9), unit: whole(), shape: TableQuery, noValue: nothing,
				description: "Deliveries read in each month (UTC): those that brought an event for the first time, and those that brought one again. Vendors repeat what they believe was not received; each event counts once all the same.",
				draw: stacked().Legend(below("sum")).
					OverrideByName("New", coloured("green")).OverrideByName("Repeated", coloured("orange")),
				sql: deliveredAgain,
			},
			{
				id: 7, title: "Refused deliveries by reason", at: at(16, 17, 8, 9), unit: whole(), shape: TableQuery, noValue: "No delivery was refused in this range",
				description: "Deliveries that ingest answered with an error that is the vendor's, by the month in which they came.",
				draw:        stacked().Legend(below("sum")).ColorScheme(shades("orange")),
				matrix:      [3]string{"Month", "Reason", "Value"},
				sql:         refused(reviewed, oneVendor),
			},
			{
				id: 8, title: "Month by month", at: at(0, 26, 24, 11), unit: count(), shape: TableQuery, noValue: nothing,
				description: "Numbers of events, of sales and refunds in all currencies, and of what went wrong. Deliveries count redeliveries too, in the month in which they were read; refused is the share of all that came.",
				draw: rows().
					OverrideByName("Month", wide(78, dated("YYYY-MM")...)).
					OverrideByName("Events", wide(80)).OverrideByName("Sales", wide(80)).OverrideByName("Refunds", wide(80)).
					OverrideByName("Refund rate", alarming(percent(), manyRefunds)).
					OverrideByName("Slowest 5 %", alarming(seconds(), slow)).
					OverrideByName("Refused", alarming(percent(), manyRefused)).
					OverrideByName("Dead letters", alarming(count(), 1)).
					OverrideByName("Failed actions", alarming(count(), 1)),
				sql: reviewed + `
SELECT toDateTime(month, 'UTC') AS "Month", events AS "Events", deliveries AS "Deliveries", sales AS "Sales", refunds AS "Refunds",
    refund_rate AS "Refund rate", delay_p95 AS "Slowest 5 %",
    rejections / nullIf(rejections + deliveries, 0) AS "Refused", dead_letters AS "Dead letters", action_failures AS "Failed actions"
FROM hookline.vendor_performance
WHERE ` + oneVendor + ` AND ` + performed + `
ORDER BY month DESC`,
			},
		},
	}
}

// deliveredAgain is the deliveries of each month, with every month in the range, where there are any.
var deliveredAgain = reviewed + `,
    figures AS (
        SELECT month AS at, new_events AS fresh, toInt64(greatest(deliveries, new_events) - new_events) AS again
        FROM hookline.vendor_performance
        WHERE ` + oneVendor + ` AND ` + performed + `
    )
SELECT formatDateTime(at, '%b %Y') AS "Month", sum(fresh) AS "New", sum(again) AS "Repeated"
FROM (
    SELECT at, fresh, again FROM figures
    UNION ALL
    SELECT arrayJoin(` + monthsBetween("first_day", "last_day") + `), 0, 0 WHERE (SELECT sum(fresh + again) FROM figures) > 0
)
GROUP BY at
ORDER BY at`
