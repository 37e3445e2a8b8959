package dashboards

import (
	"fmt"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// sales is the board that people open every morning: what was sold, by month and by vendor.
func sales() board {
	const (
		red, amber, green, blue = "red", "orange", "green", "blue"
	)
	return board{
		uid: SalesUID, title: "Sales",
		description: "Net sales per month by vendor, every sale counted once, in the month that the vendor's own time says.",
		from:        "now-12M/M", refresh: "5s",
		variables: []cog.Builder[dashboard.VariableModel]{currencyVariable(), vendorVariable("sales_per_month"), zoneVariable()},
		panels: []panel{
			{
				id: 1, title: "Net sales this month", at: at(0, 0, 6, 4), unit: money(), shape: TimeSeriesQuery,
				description: "Sales minus refunds so far in the last month of the range, which is the current month unless the range ends earlier. Behind it, the twelve months before.",
				draw:        trend("lastNotNull"),
				sql:         monthly(scope, chosen, "addMonths(toStartOfMonth(last_day), -12)", "net"),
			},
			{
				id: 3, title: "Growth on last month", at: at(6, 0, 4, 4), unit: percent(), shape: TableQuery,
				description: "Net sales this month against the same days of last month: on the 10th, ten days against ten days. A finished month is compared with the whole month before.",
				noValue:     "No sales to compare with",
				draw:        headline(step(nil, red), step(cog.ToPtr(0.0), green)),
				sql:         growth("addMonths(this_month, -1)"),
			},
			{
				id: 16, title: "Growth on last year", at: at(10, 0, 4, 4), unit: percent(), shape: TableQuery,
				description: "Net sales this month against the same days of the same month a year before.",
				noValue:     "No sales to compare with",
				draw:        headline(step(nil, red), step(cog.ToPtr(0.0), green)),
				sql:         growth("addYears(this_month, -1)"),
			},
			{
				id: 4, title: "Net sales in the range", at: at(14, 0, 6, 4), unit: money(), shape: TimeSeriesQuery,
				description: "Sales minus refunds in all months of the range: the sum of the bars below.",
				draw:        trend("sum"),
				sql:         monthly(scope, chosen, "toStartOfMonth(first_day)", "net"),
			},
			{
				id: 6, title: "Orders", at: at(20, 0, 4, 4), unit: whole(), shape: TimeSeriesQuery,
				description: "Sales in all months of the range, refunded or not.",
				draw:        trend("sum"),
				sql:         monthly(scope, chosen, "toStartOfMonth(first_day)", "orders"),
			},
			{
				id: 5, title: "Net sales per month (${currency})", at: at(0, 4, 24, 13), unit: wholeMoney(), shape: TableQuery,
				description: fmt.Sprintf("Sales minus refunds by month and vendor. A month is whole even where the range cuts it, and an empty month is shown. The %d vendors with the highest net sales in the range stand alone; the rest are one series.", shownVendors),
				draw:        stacked(),
				matrix:      [3]string{"Month", "Vendor", "Net"},
				sql:         netPerMonth,
			},
			{
				id: 2, title: "Net sales last month", at: at(0, 17, 6, 3), unit: money(), shape: TableQuery,
				description: "Sales minus refunds in the whole of the month before the last of the range.",
				draw:        headline(),
				sql: scope + `
SELECT toFloat64(sum(net)) AS "Net"
FROM hookline.sales_per_month
WHERE ` + chosen + `
    AND NOT undated AND month = addMonths(toStartOfMonth(last_day), -1)
HAVING count() > 0`,
			},
			{
				id: 7, title: "Average order value", at: at(6, 17, 6, 3), unit: money(), shape: TableQuery,
				description: "Gross sales divided by orders, over all months of the range.",
				draw:        headline(),
				sql: scope + `
SELECT toFloat64(sum(gross)) / sum(orders) AS "Average order value"
FROM hookline.sales_per_month
WHERE ` + chosen + `
    AND ` + months + `
HAVING sum(orders) > 0`,
			},
			{
				id: 8, title: "Refunds", at: at(12, 17, 6, 3), unit: money(), shape: TableQuery,
				description: "Money given back in all months of the range, in the month of the refund, and its share of gross sales.",
				draw:        headline().OverrideByName("Share of gross", written(percent())),
				sql: scope + `
SELECT toFloat64(sum(refunds)) AS "Refunds", toFloat64(sum(refunds)) / nullIf(toFloat64(sum(gross)), 0) AS "Share of gross"
FROM hookline.sales_per_month
WHERE ` + chosen + `
    AND ` + months + `
HAVING count() > 0`,
			},
			{
				id: 9, title: "Undated sales", at: at(18, 17, 6, 3), unit: money(), shape: TableQuery,
				description: "Net sales whose vendor gave no time. They belong to no month and are in no other figure of this board, whatever the range. Ask the vendor to send a time, or set one in vendors.yaml.",
				noValue:     "None",
				draw: headline(step(nil, amber)).
					OverrideByName("Orders", written(whole())),
				sql: scope + `
SELECT toFloat64(sum(net)) AS "Net", sum(orders) AS "Orders"
FROM hookline.sales_per_month
WHERE ` + chosen + `
    AND undated
HAVING count() > 0`,
			},
			{
				id: 11, title: "Year over year (${currency})", at: at(0, 20, 12, 9), unit: wholeMoney(), shape: TableQuery,
				description: "Net sales of each month in the year in which the range ends, beside the same month of the year before. The current month is not over yet.",
				draw: bars().XTickLabelSpacing(40).ColorScheme(fixed(blue)).
					OverrideByRegexp("/before$/", coloured("#8e8e8e")),
				matrix: [3]string{"Month", "Year", "Net"},
				sql:    yearOverYear,
			},
			{
				id: 10, title: "Gross, refunds and net by month (${currency})", at: at(12, 20, 12, 9), unit: wholeMoney(), shape: TableQuery,
				description: "Gross is what was sold, refunds what was given back in that month, net the difference. A refund counts in the month it was made, not in the month of its sale.",
				draw: bars().
					OverrideByName("Gross", coloured(blue)).OverrideByName("Refunds", coloured(red)).OverrideByName("Net", coloured(green)),
				sql: grossRefundsNet(scope, chosen),
			},
			{
				id: 12, title: "Top vendors (${currency})", at: at(0, 29, 9, 11), unit: money(), shape: TableQuery,
				description: "The vendors with the highest net sales in the range, their share of all net sales, and how they grew on the same days of the year before. Choose one to see its own board.",
				draw: rows().
					OverrideByName("Vendor", vendorLink()).
					OverrideByName("Net", measured(blue)).
					OverrideByName("Share", wide(80, written(percent())...)).
					OverrideByName("On last year", wide(110, alarmingBelow(percent(), 0)...)),
				sql: topVendors,
			},
			{
				id: 13, title: "Net sales per day (${currency})", at: at(9, 29, 15, 11), unit: wholeMoney(), shape: TimeSeriesQuery,
				description: "Sales minus refunds by day and vendor. Drag over the chart to look closer.",
				draw:        daily().DisplayName("${__field.labels.Vendor}"),
				sql:         netPerDay,
			},
			{
				id: 14, title: "Per month and vendor (${currency})", at: at(0, 40, 24, 14), unit: money(), shape: TableQuery,
				description: "Every figure behind the charts. Download it as CSV from the panel's menu: Inspect, Data.",
				draw: rows().
					OverrideByName("Vendor", vendorLink()).
					OverrideByName("Month", []dashboard.DynamicConfigValue{{Id: "unit", Value: "time:MMM YYYY"}}).
					OverrideByName("Orders", written(whole())).
					OverrideByName("Refunded", written(whole())),
				sql: perMonthAndVendor,
			},
			{
				id: 15, title: "How these figures are counted", at: at(0, 54, 24, 5),
				description: "What the words on this board mean.",
				draw:        note(salesNote),
			},
		},
	}
}

// monthly is a column of the rows of sales_per_month that keep says, by month, from a first month to the last of the
// range. An empty month is a zero; where all are empty there is nothing.
func monthly(scope, keep, first, column string) string {
	return fmt.Sprintf(scope+`,
    %[1]s AS first_month,
    figures AS (
        SELECT month AS at, toFloat64(sum(%[2]s)) AS total
        FROM hookline.sales_per_month
        WHERE `+keep+`
            AND NOT undated AND month BETWEEN first_month AND last_day
        GROUP BY at
    )
SELECT toDateTime(at, 'UTC') AS time, sum(total) AS "Total"
FROM (
    SELECT at, total FROM figures
    UNION ALL
    SELECT arrayJoin(%[3]s), 0 WHERE (SELECT count() FROM figures) > 0
)
GROUP BY at
ORDER BY at`, first, column, monthsBetween("first_month", "last_day"))
}

// growth compares this month with another, days with the same days, so that a month that has just begun does not
// look like a collapse. Where nothing was sold in the other there is nothing to compare with.
func growth(other string) string {
	return scope + `,
    toStartOfMonth(last_day) AS this_month,
    ` + other + ` AS other_month,
    toLastDayOfMonth(other_month) AS other_end
SELECT toFloat64(sumIf(net, day >= this_month)) / toFloat64(sumIf(net, day < this_month)) - 1 AS "Growth"
FROM hookline.sales_daily
WHERE ` + chosen + `
    AND NOT undated AND (day BETWEEN this_month AND last_day
        OR day BETWEEN other_month AND other_end AND (toDayOfMonth(day) <= toDayOfMonth(last_day) OR last_day = toLastDayOfMonth(last_day)))
HAVING sumIf(net, day < this_month) > 0`
}

// topVendors compares days with the same days a year before. The months at the ends of the range are whole, as in
// all panels.
const topVendors = scope + `,
    toStartOfMonth(first_day) AS first_month,
    before AS (
        SELECT vendor, sum(net) AS total
        FROM hookline.sales_daily
        WHERE ` + chosen + `
            AND NOT undated AND day BETWEEN addYears(first_month, -1) AND addYears(last_day, -1)
        GROUP BY vendor
    ),
    now AS (
        SELECT vendor, sum(net) AS total, sumIf(net, day <= last_day) AS so_far
        FROM hookline.sales_daily
        WHERE ` + chosen + `
            AND NOT undated AND day BETWEEN first_month AND toLastDayOfMonth(last_day)
        GROUP BY vendor
    )
SELECT vendor AS "Vendor", toFloat64(now.total) AS "Net",
    toFloat64(now.total) / nullIf(toFloat64((SELECT sum(total) FROM now)), 0) AS "Share",
    if(before.total > 0, toFloat64(now.so_far) / toFloat64(before.total) - 1, NULL) AS "On last year"
FROM now LEFT JOIN before ON before.vendor = now.vendor
ORDER BY now.total DESC, vendor
LIMIT 100`

// ranked is the net sales of every month and vendor, and the vendors that a chart tells apart. It gives an
// empty month its bars, of height zero.
func ranked(view, when, within string) string {
	return fmt.Sprintf(scope+`,
    figures AS (
        SELECT %[2]s AS at, vendor, sum(net) AS total
        FROM hookline.%[1]s
        WHERE `+chosen+`
            AND %[3]s
        GROUP BY at, vendor
    ),
    shown AS (
        SELECT vendor, row_number() OVER (ORDER BY sum(total) DESC, vendor) AS place
        FROM figures
        GROUP BY vendor
        ORDER BY place
        LIMIT %[4]d
    ),
    series AS (
        SELECT at, total, if(shown.place = 0, 'Other vendors', figures.vendor) AS name, if(shown.place = 0, %[4]d + 1, shown.place) AS place
        FROM figures LEFT JOIN shown ON figures.vendor = shown.vendor
    )`, view, when, within, shownVendors)
}

var netPerMonth = ranked("sales_per_month", "month", months) + `
SELECT formatDateTime(at, '%b %Y') AS "Month", name AS "Vendor", toFloat64(sum(total)) AS "Net"
FROM (
    SELECT at, name, place, total FROM series
    UNION ALL
    SELECT arrayJoin(` + monthsBetween("first_day", "last_day") + `), name, place, 0 FROM (SELECT DISTINCT name, place FROM series)
)
GROUP BY at, name, place
ORDER BY at, place`

var netPerDay = ranked("sales_daily", "day", days) + `
SELECT toDateTime(at, 'UTC') AS time, name AS "Vendor", toFloat64(sum(total)) AS "Net"
FROM series
GROUP BY at, name, place
ORDER BY at, place`

// grossRefundsNet is what the rows of sales_per_month that keep says add up to, by month.
func grossRefundsNet(scope, keep string) string {
	return scope + `,
    figures AS (
        SELECT month AS at, sum(gross) AS sold, sum(refunds) AS returned, sum(net) AS kept
        FROM hookline.sales_per_month
        WHERE ` + keep + `
            AND ` + months + `
        GROUP BY at
    )
SELECT formatDateTime(at, '%b %Y') AS "Month", toFloat64(sum(sold)) AS "Gross", toFloat64(sum(returned)) AS "Refunds", toFloat64(sum(kept)) AS "Net"
FROM (
    SELECT at, sold, returned, kept FROM figures
    UNION ALL
    SELECT arrayJoin(` + monthsBetween("first_day", "last_day") + `), 0, 0, 0 WHERE (SELECT count() FROM figures) > 0
)
GROUP BY at
ORDER BY at`
}

var yearOverYear = scope + `,
    addYears(toStartOfYear(last_day), -1) AS year_before,
    figures AS (
        SELECT month AS at, sum(net) AS total
        FROM hookline.sales_per_month
        WHERE ` + chosen + `
            AND NOT undated AND month BETWEEN year_before AND last_day
        GROUP BY at
    )
SELECT formatDateTime(at, '%b') AS "Month", concat(toString(toYear(at)), if(at < toStartOfYear(last_day), ', the year before', '')) AS "Year", toFloat64(sum(total)) AS "Net"
FROM (
    SELECT at, total FROM figures
    UNION ALL
    SELECT arrayJoin(` + monthsBetween("year_before", "last_day") + `), 0 WHERE (SELECT count() FROM figures) > 0
)
GROUP BY at
ORDER BY at`

var perMonthAndVendor = scope + `
SELECT
    toDateTime(month, 'UTC') AS "Month",
    vendor AS "Vendor",
    toFloat64(sum(gross)) AS "Gross",
    toFloat64(sum(refunds)) AS "Refunds",
    toFloat64(sum(net)) AS "Net",
    sum(orders) AS "Orders",
    sum(refund_count) AS "Refunded",
    if(sum(orders) = 0, NULL, toFloat64(sum(gross)) / sum(orders)) AS "Average order value"
FROM hookline.sales_per_month
WHERE ` + chosen + `
    AND ` + months + `
GROUP BY month, vendor
ORDER BY month DESC, sum(net) DESC, vendor`

const salesNote = `- **Every sale counts once**, however often its vendor delivered it.
- **The month** is that of the vendor's own time of the sale, in the reporting zone chosen above; never that of its arrival.
- **Gross** is what was sold, **refunds** what was given back in that month, **net** the difference.
- **Currencies** are never added up or converted: choose one above.
- **Undated sales** carry no time and belong to no month; they are shown apart.`
