package dashboards

import (
	"fmt"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// nothing stands in a panel about vendors that has nothing to show.
const nothing = "Nothing in this range"

// Shares and times from which the scorecard asks to be looked at.
const (
	manyRefunds = 0.10 // of sales
	manyRefused = 0.02 // of deliveries
	slow        = 3600 // seconds
)

// vendors is the board for a review of all vendors: who sells, who is slow, whose deliveries fail.
func vendors() board {
	return board{
		uid: VendorsUID, title: "Vendor performance",
		description: "How each vendor does: sales, refunds, delays, refused deliveries and dead letters. Figures of events are by month in UTC, money by month in the reporting zone.",
		from:        "now-12M/M", refresh: "5m",
		variables: []cog.Builder[dashboard.VariableModel]{currencyVariable(), vendorVariable("vendor_performance"), zoneVariable()},
		panels: []panel{
			{
				id: 1, title: "Scorecard of the last month in the range", at: at(0, 0, 24, 9), unit: money(), shape: TableQuery, noValue: nothing,
				description: "One row per vendor for the month in which the range ends; choose \"Last month\" for a finished one. Growth compares net sales with the same days of the month before. Repeated is the share of the deliveries read in the month that brought an event once more, refused the share of all that came which was turned away. Half of the events took the median from when they happened until they were received, 95 of 100 took no longer than the slowest. Red asks for a word with the vendor.",
				draw: rows().
					OverrideByName("Vendor", vendorLink()).
					OverrideByName("Net", measured("blue")).
					OverrideByName("Growth", alarmingBelow(percent(), 0)).
					OverrideByName("Orders", written(whole())).
					OverrideByName("Events", written(whole())).
					OverrideByName("Repeated", written(percent())).
					OverrideByName("Refund rate", alarming(percent(), manyRefunds)).
					OverrideByName("Median delay", written(seconds())).
					OverrideByName("Slowest 5 %", alarming(seconds(), slow)).
					OverrideByName("Refused", alarming(percent(), manyRefused)).
					OverrideByName("Dead letters", alarming(whole(), 1)).
					OverrideByName("Failed actions", alarming(whole(), 1)).
					OverrideByName("Last event", written(ago())),
				sql: scorecard,
			},
			{
				id: 2, title: "Ranking by net sales (${currency})", at: at(0, 9, 8, 10), unit: money(), shape: TableQuery,
				description: "The ten vendors with the highest net sales in all months of the range.",
				draw:        ranking("Net", 10),
				sql: scope + `
SELECT vendor AS "Vendor", toFloat64(sum(net)) AS "Net"
FROM hookline.sales_per_month
WHERE ` + chosen + `
    AND ` + months + `
GROUP BY vendor
ORDER BY sum(net) DESC, vendor
LIMIT 10`,
			},
			{
				id: 3, title: "Events per month", at: at(8, 9, 16, 10), unit: whole(), shape: TableQuery, noValue: nothing,
				description: "Verified events by the month in which they happened, sales or not, each counted once.",
				draw:        stacked(),
				matrix:      [3]string{"Month", "Vendor", "Value"},
				sql:         perMonth("events"),
			},
			{
				id: 4, title: "Refund rate", at: at(0, 19, 12, 9), unit: percent(), shape: TimeSeriesQuery, noValue: nothing,
				description: "Refunds for every sale of the month, by number, in all currencies.",
				draw:        lines().DisplayName("${__field.labels.Vendor}"),
				sql:         overMonths("refund_rate"),
			},
			{
				id: 5, title: "Delay of the slowest 5 %", at: at(12, 19, 12, 9), unit: seconds(), shape: TimeSeriesQuery, noValue: nothing,
				description: "95 of 100 events of the month were received within this time of when they happened. A delivery that repeats an event changes nothing. The axis is logarithmic.",
				draw:        logarithmic().DisplayName("${__field.labels.Vendor}"),
				sql:         overMonths("delay_p95"),
			},
			{
				id: 6, title: "Refused deliveries by reason", at: at(0, 28, 12, 9), unit: whole(), shape: TableQuery, noValue: "No delivery was refused in this range",
				description: "Deliveries that ingest answered with an error that is the sender's, by the month in which they came. Those to endpoints that do not exist count where all vendors are chosen.",
				draw:        stacked().ColorScheme(shades("orange")),
				matrix:      [3]string{"Month", "Reason", "Value"},
				sql:         refused(scope, anyVendor),
			},
			{
				id: 7, title: "Dead letters", at: at(12, 28, 12, 9), unit: whole(), shape: TableQuery, noValue: "No dead letters in this range",
				description: "Events that could not be stored or acted on and were not redriven since, by the month in which they were given up. See the dead-letter list on the board Pipeline.",
				draw:        stacked().ColorScheme(shades("red")),
				matrix:      [3]string{"Month", "Vendor", "Value"},
				sql:         perMonth("dead_letters"),
			},
		},
	}
}

// anyVendor keeps the vendors chosen, and deliveries to unknown endpoints where all are.
const anyVendor = `(vendor_list = '` + everyVendor + `' OR has(chosen_vendors, vendor))`

// performed keeps the months of vendor_performance in the range; the view has undated events under 1970-01-01.
const performed = `month > toDate(0) AND month BETWEEN toStartOfMonth(first_day) AND last_day`

const scorecard = scope + `,
    toStartOfMonth(last_day) AS this_month,
    addMonths(this_month, -1) AS last_month,
    sold AS (
        SELECT vendor, sumIf(net, day >= this_month) AS net_now, sumIf(orders, day >= this_month) AS orders_now,
            sumIf(net, day < this_month AND (toDayOfMonth(day) <= toDayOfMonth(last_day) OR last_day = toLastDayOfMonth(last_day))) AS net_before
        FROM hookline.sales_daily
        WHERE ` + chosen + `
            AND NOT undated AND day BETWEEN last_month AND last_day
        GROUP BY vendor
    )
SELECT
    p.vendor AS "Vendor",
    toFloat64(net_now) AS "Net",
    if(net_before > 0, toFloat64(net_now) / toFloat64(net_before) - 1, NULL) AS "Growth",
    orders_now AS "Orders",
    p.events AS "Events",
    p.redelivery_rate AS "Repeated",
    p.refund_rate AS "Refund rate",
    p.delay_p50 AS "Median delay",
    p.delay_p95 AS "Slowest 5 %",
    p.rejections / nullIf(p.rejections + p.deliveries, 0) AS "Refused",
    p.dead_letters AS "Dead letters",
    p.action_failures AS "Failed actions",
    if(p.events = 0, NULL, p.last_seen) AS "Last event"
FROM (SELECT * FROM hookline.vendor_performance WHERE ` + anyVendor + ` AND vendor != '' AND month = this_month) AS p
LEFT JOIN sold ON sold.vendor = p.vendor
ORDER BY net_now DESC, p.vendor`

// most is the vendors with the most events in the range, as many as a chart can tell apart, with their places.
var most = fmt.Sprintf(`most AS (
        SELECT vendor, row_number() OVER (ORDER BY sum(events) DESC, vendor) AS place
        FROM hookline.vendor_performance
        WHERE %s AND %s AND vendor != ''
        GROUP BY vendor
        ORDER BY place
        LIMIT %d
    )`, anyVendor, performed, shownVendors+1)

// perMonth is a count of vendor_performance by month and vendor, with every month in the range. A vendor for whom
// there was nothing to count is not shown.
func perMonth(column string) string {
	return fmt.Sprintf(scope+`,
    `+most+`,
    counted AS (
        SELECT month AS at, vendor, place, %[1]s AS number
        FROM hookline.vendor_performance INNER JOIN most ON most.vendor = vendor_performance.vendor
        WHERE `+performed+`
    ),
    series AS (SELECT vendor, place FROM counted GROUP BY vendor, place HAVING sum(number) > 0)
SELECT formatDateTime(at, '%%b %%Y') AS "Month", vendor AS "Vendor", sum(number) AS "Value"
FROM (
    SELECT at, vendor, place, number FROM counted WHERE vendor IN (SELECT vendor FROM series)
    UNION ALL
    SELECT arrayJoin(%[2]s), vendor, place, 0 FROM series
)
GROUP BY at, vendor, place
ORDER BY at, place`, column, monthsBetween("first_day", "last_day"))
}

// overMonths is a figure of vendor_performance over time, one series for each vendor.
func overMonths(column string) string {
	return scope + `,
    ` + most + `
SELECT toDateTime(month, 'UTC') AS time, vendor AS "Vendor", toFloat64(` + column + `) AS "Value"
FROM hookline.vendor_performance INNER JOIN most ON most.vendor = vendor_performance.vendor
WHERE ` + performed + `
    AND events > 0
ORDER BY time, place`
}

// refused is the number of refused deliveries by month and reason, of the vendors that keep says.
func refused(scope, keep string) string {
	return scope + `,
    counted AS (
        SELECT month AS at, reason, number
        FROM hookline.vendor_performance
        ARRAY JOIN mapKeys(rejections_by_reason) AS reason, mapValues(rejections_by_reason) AS number
        WHERE ` + performed + `
            AND ` + keep + `
    )
SELECT formatDateTime(at, '%b %Y') AS "Month", reason AS "Reason", sum(number) AS "Value"
FROM (
    SELECT at, reason, number FROM counted
    UNION ALL
    SELECT arrayJoin(` + monthsBetween("first_day", "last_day") + `), reason, 0 FROM (SELECT DISTINCT reason FROM counted)
)
GROUP BY at, reason
ORDER BY at, reason`
}
