package dashboards

import (
	"fmt"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// sales is the board that people open every morning: this month, its growth, the year; then the months by vendor; then
// why; then every figure.
func sales() board {
	const red, green, blue, grey = "red", "green", "blue", "#8e8e8e"
	return board{
		uid: SalesUID, title: "Sales",
		description: "Net sales per month by vendor, every sale counted once, in the month that the vendor's own time says.",
		from:        usualMonths, refresh: "1m", ranges: true,
		variables: []cog.Builder[dashboard.VariableModel]{currencyVariable(), vendorVariable("sales_per_month"), zoneVariable()},
		panels: []panel{
			{
				id: 1, title: "Net sales this month", at: at(0, 0, 8, 5), unit: money(), shape: TableQuery,
				description: "Sales minus refunds so far in the last month of the range, which is the current month unless the range ends earlier. If it is lower than you expect, look at the growth beside it and at board Vendor performance, Who got worse.",
				draw:        headline(),
				sql:         netSince(scope, chosen, "toStartOfMonth(last_day)"),
			},
			{
				id: 3, title: "Growth on last month", at: at(8, 0, 5, 5), unit: percent(), shape: TableQuery,
				description: "Net sales this month against the same days of last month: on the 10th, ten days against ten days. A finished month is compared with the whole month before. If it is red, the chart of days below shows since when, and Top vendors whose sales shrank.",
				noValue:     "No sales to compare with",
				draw:        headline(growthSteps()...),
				sql:         growth("addMonths(this_month, -1)"),
			},
			{
				id: 16, title: "Growth on last year", at: at(13, 0, 5, 5), unit: percent(), shape: TableQuery,
				description: "Net sales this month against the same days of the same month a year before. If it is red while the growth on last month is green, the season hides a loss: see Year over year.",
				noValue:     "No sales to compare with",
				draw:        headline(growthSteps()...),
				sql:         growth("addYears(this_month, -1)"),
			},
			{
				id: 18, title: "Net sales this year", at: at(18, 0, 6, 5), unit: money(), shape: TableQuery,
				description: "Sales minus refunds from the first of January to the end of the range, in the year in which the range ends. Compare it with the year before in Year over year.",
				draw:        headline(),
				sql:         netSince(scope, chosen, "toStartOfYear(last_day)"),
			},
			{
				id: 5, title: "Net sales per month (${currency})", at: at(0, 5, 24, 13), unit: wholeMoney(), shape: TableQuery,
				description: fmt.Sprintf("Sales minus refunds by month and vendor. A month is whole even where the range cuts it, and an empty month is shown. The %d vendors with the highest net sales in the range stand alone; the rest are one series. If a month is low, choose the vendor in the legend to see its bars alone.", shownVendors),
				draw:        stacked(),
				matrix:      [3]string{"Month", "Vendor", "Net"},
				sql:         netPerMonth,
			},
			{
				id: 2, title: "Net last month", at: at(0, 18, 4, 4), unit: money(), shape: TableQuery,
				description: "Sales minus refunds in the whole of the month before the last of the range. It still grows a little while late deliveries arrive.",
				draw:        headline(),
				sql: scope + `
SELECT toFloat64(sum(net)) AS "Net"
FROM hookline.sales_per_month
WHERE ` + chosen + `
    AND NOT undated AND month = addMonths(toStartOfMonth(last_day), -1)
HAVING count() > 0`,
			},
			{
				id: 4, title: "Net in range", at: at(4, 18, 4, 4), unit: money(), shape: TableQuery,
				description: "Sales minus refunds in all months of the range: the sum of the bars above.",
				draw:        headline(),
				sql:         inRange("toFloat64(sum(net))", "Net"),
			},
			{
				id: 6, title: "Orders", at: at(8, 18, 3, 4), unit: whole(), shape: TableQuery,
				description: "Sales in all months of the range, refunded or not. If orders hold while net sales fall, orders got smaller or refunds larger: see the two figures beside this one.",
				draw:        headline(),
				sql:         inRange("sum(orders)", "Orders"),
			},
			{
				id: 7, title: "Average order", at: at(11, 18, 4, 4), unit: money(), shape: TableQuery,
				description: "Gross sales divided by orders, over all months of the range.",
				draw:        headline(),
				sql:         inRange("if(sum(orders) = 0, NULL, toFloat64(sum(gross)) / sum(orders))", "Average order"),
			},
			{
				id: 8, title: "Refunds", at: at(15, 18, 5, 4), unit: money(), shape: TableQuery,
				description: "Money given back in all months of the range, in the month of the refund, and its share of gross sales. If the share grows, board Vendor performance shows whose refund rate does.",
				draw:        headline().OverrideByName("Share of gross", written(percent())),
				sql: scope + `
SELECT toFloat64(sum(refunds)) AS "Refunds", toFloat64(sum(refunds)) / nullIf(toFloat64(sum(gross)), 0) AS "Share of gross"
FROM hookline.sales_per_month
WHERE ` + chosen + `
    AND ` + months + `
HAVING count() > 0`,
			},
			{
				id: 9, title: "Undated sales", at: at(20, 18, 4, 4), unit: money(), shape: TableQuery,
				description: "Net sales whose vendor gave no time. They belong to no month and are in no other figure of this board, whatever the range. Ask the vendor to send a time, or set one in vendors.yaml.",
				noValue:     "None",
				draw: headline(step(nil, "text"), step(cog.ToPtr(lowest), "orange")).
					OverrideByName("Orders", written(whole())),
				sql: scope + `
SELECT toFloat64(sum(net)) AS "Net", sum(orders) AS "Orders"
FROM hookline.sales_per_month
WHERE ` + chosen + `
    AND undated
HAVING count() > 0`,
			},
			{
				id: 17, title: "Net sales so far this month (${currency})", at: at(0, 22, 12, 10), unit: wholeMoney(), shape: TableQuery,
				description: "Net sales from the first of the month up to each day, added up, in the last month of the range. Beside it, the month before and the same month of the year before: above their lines, this month is ahead. Where a line bends down, refunds exceeded sales; where it is flat, nothing was sold, or nothing arrived: see board Pipeline.",
				draw: race("Day").
					OverrideByName("Day", written(count())).
					OverrideByName("This month", line(blue, 3, 0)).
					OverrideByName("Month before", line(grey, 2, 0)).
					OverrideByName("Year before", line("purple", 2, 6)),
				sql: soFar,
			},
			{
				id: 11, title: "Year over year (${currency})", at: at(12, 22, 12, 10), unit: wholeMoney(), shape: TableQuery,
				description: "Net sales of the last twelve months of the range, beside the same months a year before. Where the last month is not over, both have the same days, so the two totals compare.",
				draw: bars().XTickLabelSpacing(40).ColorScheme(fixed(blue)).
					OverrideByRegexp("/before$/", coloured(grey)),
				matrix: [3]string{"Month", "Year", "Net"},
				sql:    yearOverYear,
			},
			{
				id: 10, title: "Gross, refunds and net by month (${currency})", at: at(0, 32, 14, 10), unit: wholeMoney(), shape: TableQuery,
				description: "Gross is what was sold, refunds what was given back in that month, net the difference. A refund counts in the month it was made, not in the month of its sale. If refunds grow faster than gross, ask the vendors why.",
				draw: bars().
					OverrideByName("Gross", coloured(blue)).OverrideByName("Refunds", coloured(red)).OverrideByName("Net", coloured(green)),
				sql: grossRefundsNet(scope, chosen),
			},
			{
				id: 12, title: "Top vendors (${currency})", at: at(14, 32, 10, 10), unit: amount(), shape: TableQuery,
				description: "The vendors with the highest net sales in the range, their share of all net sales, and how they grew on the same days of the year before. Choose one to see its own board.",
				draw: rows().
					OverrideByName("Vendor", vendorLink()).
					OverrideByName("Net", measured(blue)).
					OverrideByName("Share", wide(80, written(percent())...)).
					OverrideByName("On last year", wide(110, growing()...)),
				sql: topVendors,
			},
			{
				id: 13, title: "Net sales by day or week (${currency})", at: at(0, 42, 24, 10), unit: wholeMoney(), shape: TableQuery,
				description: fmt.Sprintf("Sales minus refunds by vendor: by day in a range of up to %d days, else by week, named by its Monday. The first and the last week have only the days that lie in the range. Choose a shorter range to look closer.", mostDays),
				draw:        stacked().XTickLabelSpacing(100),
				matrix:      [3]string{"Day", "Vendor", "Net"},
				sql:         netPerDay,
			},
			{
				id: 14, title: "Per month and vendor (${currency})", at: at(0, 52, 24, 14), unit: amount(), shape: TableQuery,
				description: "Every figure behind the charts. Download it as CSV from the panel's menu: Inspect, Data.",
				draw: rows().
					OverrideByName("Vendor", vendorLink()).
					OverrideByName("Month", dated("YYYY-MM")).
					OverrideByName("Orders", written(count())).
					OverrideByName("Refunded", written(count())),
				sql: perMonthAndVendor,
			},
			{
				id: 19, title: "Test money (${currency})", at: at(0, 66, 12, 7), unit: amount(), shape: TableQuery, noValue: "No test money in this range",
				description: "What vendors marked as a test, such as the payments of a sandbox. It is in no other figure of this board. Before a vendor goes live it shows that its events arrive and are counted; if a live vendor is still here, ask it to leave its test mode.",
				draw: rows().
					OverrideByName("Vendor", vendorLink()).
					OverrideByName("Month", dated("YYYY-MM")).
					OverrideByName("Orders", written(count())),
				sql: testMoney,
			},
			{
				id: 15, title: "How these figures are counted", at: at(12, 66, 12, 7),
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
- **Undated sales** carry no time and belong to no month; they are shown apart. So is **test money**.`
