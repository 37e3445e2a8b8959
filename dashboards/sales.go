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
				id: 1, title: "Net sales this month", at: at(0, 0, 6, 3), unit: money(), shape: TableQuery,
				description: "Sales minus refunds so far in the last month of the range, which is the current month unless the range ends earlier.",
				draw:        headline(),
				sql:         netOfMonth("toStartOfMonth(last_day)"),
			},
			{
				id: 2, title: "Net sales last month", at: at(6, 0, 6, 3), unit: money(), shape: TableQuery,
				description: "Sales minus refunds in the whole of the month before.",
				draw:        headline(),
				sql:         netOfMonth("addMonths(toStartOfMonth(last_day), -1)"),
			},
			{
				id: 3, title: "Growth, month to date", at: at(12, 0, 6, 3), unit: percent(), shape: TableQuery,
				description: "Net sales this month against the same days of last month: on the 10th, ten days against ten days. A finished month is compared with the whole month before.",
				noValue:     "No sales to compare with",
				draw:        headline(step(nil, red), step(cog.ToPtr(0.0), green)),
				sql:         growth,
			},
			{
				id: 4, title: "Net sales in the range", at: at(18, 0, 6, 3), unit: money(), shape: TableQuery,
				description: "Sales minus refunds in all months of the range: the sum of the bars below.",
				draw:        headline(),
				sql: scope + `
SELECT toFloat64(sum(net)) AS "Net"
FROM hookline.sales_per_month
WHERE ` + chosen + `
    AND ` + months + `
HAVING count() > 0`,
			},
			{
				id: 5, title: "Net sales per month (${currency})", at: at(0, 3, 24, 12), unit: wholeMoney(), shape: TableQuery,
				description: fmt.Sprintf("Sales minus refunds by month and vendor. A month is whole even where the range cuts it, and an empty month is shown. The %d vendors with the highest net sales in the range stand alone; the rest are one series.", shownVendors),
				draw:        stacked(),
				matrix:      [3]string{"Month", "Vendor", "Net"},
				sql:         netPerMonth,
			},
			{
				id: 6, title: "Orders", at: at(0, 15, 6, 3), unit: whole(), shape: TableQuery,
				description: "Sales in all months of the range, refunded or not.",
				draw:        headline(),
				sql: scope + `
SELECT sum(orders) AS "Orders"
FROM hookline.sales_per_month
WHERE ` + chosen + `
    AND ` + months + `
HAVING count() > 0`,
			},
			{
				id: 7, title: "Average order value", at: at(6, 15, 6, 3), unit: money(), shape: TableQuery,
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
				id: 8, title: "Refunds", at: at(12, 15, 6, 3), unit: money(), shape: TableQuery,
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
				id: 9, title: "Undated sales", at: at(18, 15, 6, 3), unit: money(), shape: TableQuery,
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
				id: 10, title: "Gross, refunds and net by month (${currency})", at: at(0, 18, 12, 9), unit: wholeMoney(), shape: TableQuery,
				description: "Gross is what was sold, refunds what was given back in that month, net the difference. A refund counts in the month it was made, not in the month of its sale.",
				draw: bars().
					OverrideByName("Gross", coloured(blue)).OverrideByName("Refunds", coloured(red)).OverrideByName("Net", coloured(green)),
				sql: grossRefundsNet(scope, chosen),
			},
			{
				id: 11, title: "Year over year (${currency})", at: at(12, 18, 12, 9), unit: wholeMoney(), shape: TableQuery,
				description: "Net sales of each month in the year in which the range ends, beside the same month of the year before. The current month is not over yet.",
				draw:        bars().XTickLabelSpacing(40),
				matrix:      [3]string{"Month", "Year", "Net"},
				sql:         yearOverYear,
			},
			{
				id: 12, title: "Top vendors (${currency})", at: at(0, 27, 8, 10), unit: money(), shape: TableQuery,
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
				id: 13, title: "Net sales per day (${currency})", at: at(8, 27, 16, 10), unit: wholeMoney(), shape: TimeSeriesQuery,
				description: "Sales minus refunds by day and vendor. Drag over the chart to look closer.",
				draw:        daily().DisplayName("${__field.labels.Vendor}"),
				sql:         netPerDay,
			},
			{
				id: 14, title: "Per month and vendor (${currency})", at: at(0, 37, 24, 14), unit: money(), shape: TableQuery,
				description: "Every figure behind the charts. Download it as CSV from the panel's menu: Inspect, Data.",
				draw: rows().
					OverrideByName("Month", []dashboard.DynamicConfigValue{{Id: "unit", Value: "time:MMM YYYY"}}).
					OverrideByName("Orders", written(whole())).
					OverrideByName("Refunded", written(whole())),
				sql: perMonthAndVendor,
			},
			{
				id: 15, title: "How these figures are counted", at: at(0, 51, 24, 5),
				description: "What the words on this board mean.",
				draw:        note(salesNote),
			},
		},
	}
}

func netOfMonth(month string) string {
	return scope + `
SELECT toFloat64(sum(net)) AS "Net"
FROM hookline.sales_per_month
WHERE ` + chosen + `
    AND NOT undated AND month = ` + month + `
HAVING count() > 0`
}

// growth compares days with days, so that a month that has just begun does not look like a collapse. Where
// nothing was sold last month there is nothing to compare with.
const growth = scope + `,
    toStartOfMonth(last_day) AS this_month,
    addMonths(this_month, -1) AS last_month
SELECT toFloat64(sumIf(net, day >= this_month)) / toFloat64(sumIf(net, day < this_month)) - 1 AS "Growth"
FROM hookline.sales_daily
WHERE ` + chosen + `
    AND NOT undated AND day BETWEEN last_month AND last_day
    AND (day >= this_month OR toDayOfMonth(day) <= toDayOfMonth(last_day) OR last_day = toLastDayOfMonth(last_day))
HAVING sumIf(net, day < this_month) > 0`

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
SELECT formatDateTime(at, '%b') AS "Month", toString(toYear(at)) AS "Year", toFloat64(sum(total)) AS "Net"
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
