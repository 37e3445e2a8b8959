package dashboards

import (
	"fmt"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// sales is the board that people open every morning: what was sold, by month and by vendor.
func sales() board {
	const (
		red, amber, green, blue, grey = "red", "orange", "green", "blue", "#8e8e8e"
	)
	return board{
		uid: SalesUID, title: "Sales",
		description: "Net sales per month by vendor, every sale counted once, in the month that the vendor's own time says.",
		from:        "now-12M/M", refresh: "1m",
		variables: []cog.Builder[dashboard.VariableModel]{currencyVariable(), vendorVariable("sales_per_month"), zoneVariable()},
		panels: []panel{
			{
				id: 1, title: "Net sales this month", at: at(0, 0, 6, 4), unit: money(), shape: TimeSeriesQuery,
				description: "Sales minus refunds so far in the last month of the range, which is the current month unless the range ends earlier. Behind it, the twelve months before.",
				draw:        sparked("lastNotNull"),
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
				draw:        sparked("sum"),
				sql:         monthly(scope, chosen, "toStartOfMonth(first_day)", "net"),
			},
			{
				id: 6, title: "Orders", at: at(20, 0, 4, 4), unit: whole(), shape: TimeSeriesQuery,
				description: "Sales in all months of the range, refunded or not.",
				draw:        sparked("sum"),
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
				id: 17, title: "Net sales so far this month (${currency})", at: at(0, 20, 12, 10), unit: wholeMoney(), shape: TableQuery,
				description: "Net sales from the first of the month up to each day, added up, in the last month of the range. Beside it, the month before and the same month of the year before: above their lines, this month is ahead.",
				draw: race("Day").
					OverrideByName("Day", written(whole())).
					OverrideByName("This month", line(blue, 3, 0)).
					OverrideByName("Month before", line(grey, 2, 0)).
					OverrideByName("Year before", line("purple", 2, 6)),
				sql: soFar,
			},
			{
				id: 11, title: "Year over year (${currency})", at: at(12, 20, 12, 10), unit: wholeMoney(), shape: TableQuery,
				description: "Net sales of each month in the year in which the range ends, beside the same month of the year before. The current month is not over yet.",
				draw: bars().XTickLabelSpacing(40).ColorScheme(fixed(blue)).
					OverrideByRegexp("/before$/", coloured(grey)),
				matrix: [3]string{"Month", "Year", "Net"},
				sql:    yearOverYear,
			},
			{
				id: 10, title: "Gross, refunds and net by month (${currency})", at: at(0, 30, 14, 10), unit: wholeMoney(), shape: TableQuery,
				description: "Gross is what was sold, refunds what was given back in that month, net the difference. A refund counts in the month it was made, not in the month of its sale.",
				draw: bars().
					OverrideByName("Gross", coloured(blue)).OverrideByName("Refunds", coloured(red)).OverrideByName("Net", coloured(green)),
				sql: grossRefundsNet(scope, chosen),
			},
			{
				id: 12, title: "Top vendors (${currency})", at: at(14, 30, 10, 10), unit: money(), shape: TableQuery,
				description: "The vendors with the highest net sales in the range, their share of all net sales, and how they grew on the same days of the year before. Choose one to see its own board.",
				draw: rows().
					OverrideByName("Vendor", vendorLink()).
					OverrideByName("Net", measured(blue)).
					OverrideByName("Share", wide(80, written(percent())...)).
					OverrideByName("On last year", wide(110, alarmingBelow(percent(), 0)...)),
				sql: topVendors,
			},
			{
				id: 13, title: "Net sales by day or week (${currency})", at: at(0, 40, 24, 10), unit: wholeMoney(), shape: TimeSeriesQuery,
				description: fmt.Sprintf("Sales minus refunds by vendor: by day in a range of up to %d days, else by week from Monday. The first and the last week have only the days that lie in the range. Drag over the chart to look closer.", mostDays),
				draw:        daily().DisplayName("${__field.labels.Vendor}"),
				sql:         netPerDay,
			},
			{
				id: 14, title: "Per month and vendor (${currency})", at: at(0, 50, 24, 14), unit: money(), shape: TableQuery,
				description: "Every figure behind the charts. Download it as CSV from the panel's menu: Inspect, Data.",
				draw: rows().
					OverrideByName("Vendor", vendorLink()).
					OverrideByName("Month", []dashboard.DynamicConfigValue{{Id: "unit", Value: "time:MMM YYYY"}}).
					OverrideByName("Orders", written(whole())).
					OverrideByName("Refunded", written(whole())),
				sql: perMonthAndVendor,
			},
			{
				id: 15, title: "How these figures are counted", at: at(0, 64, 24, 5),
				description: "What the words on this board mean.",
				draw:        note(salesNote),
			},
		},
	}
}

const salesNote = `- **Every sale counts once**, however often its vendor delivered it.
- **The month** is that of the vendor's own time of the sale, in the reporting zone chosen above; never that of its arrival.
- **Gross** is what was sold, **refunds** what was given back in that month, **net** the difference.
- **Currencies** are never added up or converted: choose one above.
- **Undated sales** carry no time and belong to no month; they are shown apart.`
