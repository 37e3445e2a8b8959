package dashboards

import "fmt"

// netSince is the net sales, of the rows of sales_daily that keep says, from a day to the end of the range: 0 where
// something was sold in the year before that day.
func netSince(scope, keep, first string) string {
	return scope + `
SELECT toFloat64(sumIf(net, day >= ` + first + `)) AS "Net"
FROM hookline.sales_daily
WHERE ` + keep + `
    AND NOT undated AND day BETWEEN addYears(` + first + `, -1) AND last_day
HAVING count() > 0`
}

// inRange is one figure of all months of the range.
func inRange(figure, name string) string {
	return scope + `
SELECT ` + figure + ` AS "` + name + `"
FROM hookline.sales_per_month
WHERE ` + chosen + `
    AND ` + months + `
HAVING count() > 0`
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

// ranked is the net sales of every period and vendor, and the names of a chart's series, the same for every chart of
// the board and in the order of their names, which is Grafana's own for series over time: a vendor then has one colour.
// Every period of the range has every series, of height zero where nothing was sold.
func ranked(view, period, within, all, label string) string {
	return fmt.Sprintf(scope+`,
    shown AS (
        SELECT vendor
        FROM hookline.sales_per_month
        WHERE `+chosen+`
            AND `+months+`
        GROUP BY vendor
        ORDER BY sum(net) DESC, vendor
        LIMIT %[6]d
    ),
    names AS (
        SELECT DISTINCT if(vendor IN (SELECT vendor FROM shown), vendor, 'Other vendors') AS name
        FROM hookline.sales_per_month
        WHERE `+chosen+`
            AND `+months+`
    ),
    figures AS (
        SELECT %[2]s AS at, if(vendor IN (SELECT vendor FROM shown), vendor, 'Other vendors') AS name, sum(net) AS total
        FROM hookline.%[1]s
        WHERE `+chosen+`
            AND %[3]s
        GROUP BY at, name
    )
SELECT %[5]s, name AS "Vendor", toFloat64(sum(total)) AS "Net"
FROM (
    SELECT at, name, total FROM figures
    UNION ALL
    SELECT arrayJoin(%[4]s), name, 0 FROM names
)
GROUP BY at, name
ORDER BY at, name`, view, period, within, all, label, shownVendors)
}

var netPerMonth = ranked("sales_per_month", "month", months, monthsBetween("first_day", "last_day"), `formatDateTime(at, '%b %Y') AS "Month"`)

// mostDays is the longest range whose days a chart can tell apart.
const mostDays = 120

// netPerDay has a bar for each day or week: a bar over time would be cut at the end of the range.
var netPerDay = ranked("sales_daily",
	fmt.Sprintf(`if(dateDiff('day', first_day, last_day) > %d, toMonday(day), day)`, mostDays),
	`NOT undated AND day BETWEEN first_day AND last_day`,
	fmt.Sprintf(`if(dateDiff('day', first_day, last_day) > %d,
        arrayMap(n -> toMonday(first_day) + 7 * n, range(toUInt32(intDiv(dateDiff('day', toMonday(first_day), last_day), 7) + 1))),
        arrayMap(n -> first_day + n, range(toUInt32(greatest(0, dateDiff('day', first_day, last_day) + 1)))))`, mostDays),
	`trimLeft(formatDateTime(at, '%e %b %Y')) AS "Day"`)

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

// soFar adds up the days of a month from its first. A line ends with its month, and that of this month with today. It
// has its 31 rows where nothing was sold, too: without the column Day, Grafana reports an error.
const soFar = scope + `,
    toStartOfMonth(last_day) AS this_month,
    addMonths(this_month, -1) AS month_before,
    addYears(this_month, -1) AS year_before,
    figures AS (
        SELECT day, sum(net) AS total
        FROM hookline.sales_daily
        WHERE ` + chosen + `
            AND NOT undated AND (day BETWEEN this_month AND last_day
                OR day BETWEEN month_before AND toLastDayOfMonth(month_before) OR day BETWEEN year_before AND toLastDayOfMonth(year_before))
        GROUP BY day
    )
SELECT toUInt8(days.number + 1) AS "Day",
    if("Day" > toDayOfMonth(last_day), NULL, toFloat64(sumIf(total, day BETWEEN this_month AND this_month + days.number))) AS "This month",
    if("Day" > toDayOfMonth(toLastDayOfMonth(month_before)), NULL, toFloat64(sumIf(total, day BETWEEN month_before AND month_before + days.number))) AS "Month before",
    if("Day" > toDayOfMonth(toLastDayOfMonth(year_before)), NULL, toFloat64(sumIf(total, day BETWEEN year_before AND year_before + days.number))) AS "Year before"
FROM (SELECT arrayJoin(range(31)) AS number) AS days CROSS JOIN (SELECT day, total FROM figures UNION ALL SELECT toDate(0), 0) AS figures
GROUP BY days.number
ORDER BY days.number`

// yearOverYear sets twelve months beside the twelve before, and days of the last one beside the same days.
var yearOverYear = scope + `,
    toStartOfMonth(last_day) AS this_month,
    addMonths(this_month, -11) AS first_month,
    if(last_day = toLastDayOfMonth(last_day), toLastDayOfMonth(addYears(last_day, -1)), addYears(last_day, -1)) AS same_day,
    figures AS (
        SELECT toStartOfMonth(if(day < first_month, addYears(day, 1), day)) AS at, day >= first_month AS now, sum(net) AS total
        FROM hookline.sales_daily
        WHERE ` + chosen + `
            AND NOT undated AND (day BETWEEN first_month AND last_day OR day BETWEEN addYears(first_month, -1) AND same_day)
        GROUP BY at, now
    )
SELECT formatDateTime(at, '%b %Y') AS "Month",
    if(now, concat('12 months to ', formatDateTime(last_day, '%b %Y')), '12 months before') AS "Year", toFloat64(sum(total)) AS "Net"
FROM (
    SELECT at, now, total FROM figures
    UNION ALL
    SELECT arrayJoin(` + monthsBetween("first_month", "last_day") + `), arrayJoin([0, 1]), 0 WHERE (SELECT count() FROM figures) > 0
)
GROUP BY at, now
ORDER BY at, now`

var perMonthAndVendor = scope + `
SELECT
    toDateTime(month, 'UTC') AS "Month",
    vendor AS "Vendor",
    toFloat64(sum(gross)) AS "Gross",
    toFloat64(sum(refunds)) AS "Refunds",
    toFloat64(sum(net)) AS "Net",
    sum(orders) AS "Orders",
    sum(refund_count) AS "Refunded",
    if(sum(orders) = 0, NULL, toFloat64(sum(gross)) / sum(orders)) AS "Average order"
FROM hookline.sales_per_month
WHERE ` + chosen + `
    AND ` + months + `
GROUP BY month, vendor
ORDER BY month DESC, sum(net) DESC, vendor`

// testMoney includes tests whose vendor states no time, in rows without a month: they show that events arrive.
var testMoney = scope + `
SELECT
    if(undated, NULL, toDateTime(month, 'UTC')) AS "Month",
    vendor AS "Vendor",
    toFloat64(sum(gross)) AS "Gross",
    toFloat64(sum(refunds)) AS "Refunds",
    toFloat64(sum(net)) AS "Net",
    sum(orders) AS "Orders"
FROM hookline.test_sales_per_month
WHERE ` + chosen + `
    AND (undated OR ` + months + `)
GROUP BY undated, month, vendor
ORDER BY undated DESC, month DESC, sum(net) DESC, vendor
LIMIT 500`
