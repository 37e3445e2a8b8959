package dashboards

import "fmt"

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

// mostDays is the longest range whose days a chart can tell apart.
const mostDays = 120

var netPerDay = ranked("sales_daily", fmt.Sprintf(`if(dateDiff('day', first_day, last_day) > %d, toMonday(day), day)`, mostDays),
	`NOT undated AND day BETWEEN first_day AND last_day`) + `
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

// soFar adds up the days of a month from its first. A line ends with its month, and that of this month with today.
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
FROM (SELECT arrayJoin(range(31)) AS number) AS days CROSS JOIN figures
GROUP BY days.number
ORDER BY days.number`

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
