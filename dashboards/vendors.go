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

// vendors is the board for a review of all vendors: who got worse, who sells, who is slow, whose deliveries fail.
func vendors() board {
	return board{
		uid: VendorsUID, title: "Vendor performance",
		description: "How each vendor does: sales, refunds, delays, refused deliveries and dead letters. Figures of events are by month in UTC, money by month in the reporting zone.",
		from:        usualMonths, refresh: "5m", ranges: true,
		variables: []cog.Builder[dashboard.VariableModel]{currencyVariable(), vendorVariable("vendor_performance"), zoneVariable()},
		panels: []panel{
			{
				id: 8, title: "Who got worse", at: at(0, 0, 24, 7), unit: count(), shape: TableQuery, noValue: "Nobody got worse",
				description: "What changed for the worse in the last month of the range, the worst first: net sales at least a tenth below the same days of the month before; a refund rate, delay or share of refused deliveries well above the average of the three months before; any dead letter or failed action. Choose the vendor to see its own board, and ask the vendor about it.",
				draw: rows().
					OverrideByName("Vendor", vendorLink()).
					OverrideByName("What", atLeast(330)),
				sql: worse,
			},
			{
				id: 1, title: "Scorecard of the last month in the range (${currency})", at: at(0, 7, 24, 9), unit: amount(), shape: TableQuery, noValue: nothing,
				description: "One row per vendor for the month in which the range ends; choose \"Last month\" for a finished one. Growth compares net sales with the same days of the month before. Refused is the share of all deliveries which was turned away. 95 of 100 events were received within the delay shown. Red asks for a word with the vendor.",
				draw: rows().
					OverrideByName("Vendor", vendorLink()).
					OverrideByName("Net", atLeast(170, measured("blue")...)).
					OverrideByName("Growth", growing()).
					OverrideByName("Orders", written(count())).
					OverrideByName("Refund rate", alarming(percent(), manyRefunds)).
					OverrideByName("Slowest 5 %", alarming(seconds(), slow)).
					OverrideByName("Refused", alarming(percent(), manyRefused)).
					OverrideByName("Dead letters", alarming(count(), 1)).
					OverrideByName("Last event", wide(130, written(ago())...)),
				sql: scorecard,
			},
			{
				id: 2, title: "Ranking by net sales (${currency})", at: at(0, 16, 8, 10), unit: amount(), shape: TableQuery,
				description: "The ten vendors with the highest net sales in all months of the range. If one carries most of them, its outage is yours.",
				draw: rows().
					OverrideByName("Vendor", wide(130, vendorLink()...)).
					OverrideByName("Net", measured("blue")),
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
				id: 3, title: "Events per month", at: at(8, 16, 16, 10), unit: whole(), shape: TableQuery, noValue: nothing,
				description: "Verified events by the month in which they happened, sales or not, each counted once. A month far below its neighbours: ask the vendor for what was not sent, and look at refused deliveries below.",
				draw:        stacked(),
				matrix:      [3]string{"Month", "Vendor", "Value"},
				sql:         perMonth("events"),
			},
			{
				id: 4, title: "Refund rate", at: at(0, 26, 12, 9), unit: percent(), shape: TimeSeriesQuery, noValue: nothing,
				description: "Refunds for every sale of the month, by number, in all currencies. A line that rises: ask the vendor why, or check in vendors.yaml what counts as a refund.",
				draw:        lines().DisplayName("${__field.labels.Vendor}"),
				sql:         overMonths("refund_rate"),
			},
			{
				id: 5, title: "Delay of the slowest 5 %", at: at(12, 26, 12, 9), unit: seconds(), shape: TimeSeriesQuery, noValue: nothing,
				description: "95 of 100 events of the month were received within this time of when they happened. A delivery that repeats an event changes nothing. The axis is logarithmic. A line that rises: the vendor sends late or retries; look at its refused deliveries first, then ask.",
				draw:        logarithmic().DisplayName("${__field.labels.Vendor}"),
				sql:         overMonths("delay_p95"),
			},
			{
				id: 6, title: "Refused deliveries by reason", at: at(0, 35, 12, 9), unit: whole(), shape: TableQuery, noValue: "No delivery was refused in this range",
				description: "Deliveries that ingest answered with an error that is the sender's, by the month in which they came. Those to endpoints that do not exist count where all vendors are chosen. signature_mismatch: exchange secrets again; timestamp_outside_window: the vendor's clock is wrong; others: send the vendor docs/sending.md.",
				draw:        stacked().ColorScheme(shades("orange")),
				matrix:      [3]string{"Month", "Reason", "Value"},
				sql:         refused(scope, anyVendor),
			},
			{
				id: 7, title: "Dead letters", at: at(12, 35, 12, 9), unit: whole(), shape: TableQuery, noValue: "No dead letters in this range",
				description: "Events that could not be stored or acted on and were not redriven since, by the month in which they were given up. They are missing from the figures: ask an operator to redrive them. The list is on board Pipeline.",
				draw:        stacked().ColorScheme(shades("red")),
				matrix:      [3]string{"Month", "Vendor", "Value"},
				sql:         perMonth("dead_letters"),
			},
			{
				id: 9, title: "Events that count for nothing", at: at(0, 44, 24, 8), unit: count(), shape: TableQuery, noValue: "Every type of event counts",
				description: "Types of events of which none changed a figure in the month in which the range ends. Counted is the share of all of the vendor's events that did. Types that are no sales belong here. Where Counted is 0 % and the vendor sells, its sales are missing: compare the types with vendors.yaml, and try a body with hookline vendor check.",
				draw: rows().
					OverrideByName("Vendor", vendorLink()).
					OverrideByName("Counted", wide(100, colouredText(percent(), []dashboard.Threshold{step(nil, "text"), step(cog.ToPtr(lowest), "red"), step(cog.ToPtr(fewest), "text")})...)).
					OverrideByName("Last received", wide(130, written(ago())...)),
				sql: countNothing,
			},
		},
	}
}

// anyVendor keeps the vendors chosen, and deliveries to unknown endpoints where all are.
const anyVendor = `(vendor_list = '` + everyVendor + `' OR has(chosen_vendors, vendor))`

// performed keeps the months of vendor_performance in the range; the view has undated events under 1970-01-01.
const performed = `month > toDate(0) AND month BETWEEN toStartOfMonth(first_day) AND last_day`

// soldNow is what each vendor sold this month and on the same days of the month before.
const soldNow = `toStartOfMonth(last_day) AS this_month,
    addMonths(this_month, -1) AS last_month,
    sold AS (
        SELECT vendor, sumIf(net, day >= this_month) AS net_now, sumIf(orders, day >= this_month) AS orders_now,
            sumIf(net, day < this_month AND (toDayOfMonth(day) <= toDayOfMonth(last_day) OR last_day = toLastDayOfMonth(last_day))) AS net_before
        FROM hookline.sales_daily
        WHERE ` + chosen + `
            AND NOT undated AND day BETWEEN last_month AND last_day
        GROUP BY vendor
    )`

const scorecard = scope + `,
    ` + soldNow + `
SELECT
    p.vendor AS "Vendor",
    toFloat64(net_now) AS "Net",
    if(net_before > 0, toFloat64(net_now) / toFloat64(net_before) - 1, NULL) AS "Growth",
    orders_now AS "Orders",
    p.refund_rate AS "Refund rate",
    p.delay_p95 AS "Slowest 5 %",
    p.rejections / nullIf(p.rejections + p.deliveries, 0) AS "Refused",
    p.dead_letters AS "Dead letters",
    if(p.events = 0, NULL, p.last_seen) AS "Last event"
FROM (SELECT * FROM hookline.vendor_performance WHERE ` + anyVendor + ` AND vendor != '' AND month = this_month) AS p
LEFT JOIN sold ON sold.vendor = p.vendor
ORDER BY net_now DESC, p.vendor`

// worse compares each vendor's month with what was usual: the same days of the month before for sales, the average of
// the three months before for the rest. A figure without anything usual is not compared. What got worse is sorted by how
// many times worse it is.
const worse = scope + `,
    ` + soldNow + `,
    performed AS (
        SELECT vendor,
            maxIf(refund_rate, month = this_month) AS refunds_now, avgIf(refund_rate, month < this_month) AS refunds_usual,
            maxIf(delay_p95, month = this_month AND events > 0) AS delay_now, avgIf(delay_p95, month < this_month AND events > 0) AS delay_usual,
            sumIf(rejections, month = this_month) / nullIf(sumIf(rejections + deliveries, month = this_month), 0) AS refused_now,
            sumIf(rejections, month < this_month) / nullIf(sumIf(rejections + deliveries, month < this_month), 0) AS refused_usual,
            sumIf(dead_letters, month = this_month) AS dead_now, sumIf(dead_letters, month < this_month) / 3 AS dead_usual,
            sumIf(action_failures, month = this_month) AS failed_now, sumIf(action_failures, month < this_month) / 3 AS failed_usual
        FROM hookline.vendor_performance
        WHERE ` + anyVendor + ` AND vendor != '' AND month BETWEEN addMonths(this_month, -3) AND this_month
        GROUP BY vendor
    ),
    changes AS (
        SELECT vendor, arrayJoin([
            ('Net sales, on the same days of the month before', toFloat64(net_now), toFloat64(net_before), 'money', net_before > 0 AND net_now < 0.9 * net_before, toFloat64(net_before) / greatest(toFloat64(net_now), 0.01)),
            ('Refund rate', ifNull(refunds_now, 0), ifNull(refunds_usual, 0), 'share', refunds_usual > 0 AND refunds_now > 0.02 AND refunds_now > 1.5 * refunds_usual, refunds_now / refunds_usual),
            ('Delay of the slowest 5 %', ifNull(delay_now, 0), ifNull(delay_usual, 0), 'time', delay_usual > 0 AND delay_now > 60 AND delay_now > 2 * delay_usual, delay_now / delay_usual),
            ('Share of refused deliveries', ifNull(refused_now, 0), ifNull(refused_usual, 0), 'share', ifNull(refused_now > 0.005 AND refused_now > 2 * refused_usual, 0), refused_now / greatest(ifNull(refused_usual, 0), 0.001)),
            ('Dead letters', toFloat64(dead_now), toFloat64(dead_usual), 'number', dead_now > 0, 1000 + toFloat64(dead_now)),
            ('Failed actions', toFloat64(failed_now), toFloat64(failed_usual), 'number', failed_now > 0, 100 + toFloat64(failed_now))
        ]) AS change
        FROM performed LEFT JOIN sold ON sold.vendor = performed.vendor
    )
SELECT vendor AS "Vendor", change.1 AS "What",
    multiIf(change.4 = 'share', concat(toString(round(100 * change.2, 1)), ' %'), change.4 = 'time', formatReadableTimeDelta(round(change.2)),
        change.4 = 'money', concat(chosen_currency, ' ', toString(round(change.2))), toString(round(change.2))) AS "This month",
    multiIf(change.4 = 'share', concat(toString(round(100 * change.3, 1)), ' %'), change.4 = 'time', formatReadableTimeDelta(round(change.3)),
        change.4 = 'money', concat(chosen_currency, ' ', toString(round(change.3))), toString(round(change.3, 1))) AS "Usual"
FROM changes
WHERE change.5
ORDER BY change.6 DESC, vendor
LIMIT 50`

// fewest is below the share of one event that counts among any number of others.
const fewest = 1e-9

// countNothing takes an event into the month in which it happened, and one without a time into that in which it came.
// Vendors of which nothing counts come first.
const countNothing = scope + `,
    toStartOfMonth(last_day) AS this_month,
    seen AS (
        SELECT vendor, type, count() AS number, countIf(effect != '') AS counted, max(received_at) AS last
        FROM hookline.events FINAL
        WHERE (source_month = toYYYYMM(this_month) OR source_month = 0 AND toStartOfMonth(received_at) = this_month) AND ` + anyVendor + `
        GROUP BY vendor, type
    )
SELECT vendor AS "Vendor", if(type = '', '(none)', type) AS "Type", number AS "Events", share AS "Counted", last AS "Last received"
FROM (SELECT *, sum(counted) OVER (PARTITION BY vendor) / sum(number) OVER (PARTITION BY vendor) AS share FROM seen)
WHERE counted = 0
ORDER BY share > 0, number DESC, vendor, type
LIMIT 200`

// most is the vendors with the most events in the range, as many as a chart can tell apart. All charts show them in
// the order of their names, which is Grafana's own for series over time: a vendor then has one colour on the board.
var most = fmt.Sprintf(`most AS (
        SELECT vendor
        FROM hookline.vendor_performance
        WHERE %s AND %s AND vendor != ''
        GROUP BY vendor
        ORDER BY sum(events) DESC, vendor
        LIMIT %d
    )`, anyVendor, performed, shownVendors+1)

// perMonth is a count of vendor_performance by month and vendor, with every month in the range. Where there was nothing
// to count there is nothing.
func perMonth(column string) string {
	return fmt.Sprintf(scope+`,
    `+most+`,
    counted AS (
        SELECT month AS at, vendor, %[1]s AS number
        FROM hookline.vendor_performance
        WHERE `+performed+` AND vendor IN (SELECT vendor FROM most)
    )
SELECT formatDateTime(at, '%%b %%Y') AS "Month", vendor AS "Vendor", sum(number) AS "Value"
FROM (
    SELECT at, vendor, number FROM counted
    UNION ALL
    SELECT arrayJoin(%[2]s), vendor, 0 FROM most
)
WHERE (SELECT sum(number) FROM counted) > 0
GROUP BY at, vendor
ORDER BY at, vendor`, column, monthsBetween("first_day", "last_day"))
}

// overMonths is a figure of vendor_performance over time, one series for each vendor.
func overMonths(column string) string {
	return scope + `,
    ` + most + `
SELECT toDateTime(month, 'UTC') AS time, vendor AS "Vendor", toFloat64(` + column + `) AS "Value"
FROM hookline.vendor_performance
WHERE ` + performed + ` AND vendor IN (SELECT vendor FROM most)
    AND events > 0
ORDER BY time, vendor`
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
