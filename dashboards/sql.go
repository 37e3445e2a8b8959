package dashboards

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/bojanz/currency"
)

// The choices made on a board reach a query percent-encoded and are decoded by ClickHouse. Grafana's formats
// for SQL do not do: singlequote and sqlstring leave the backslash alone, which escapes in ClickHouse, and
// neither keeps a macro of the plugin in a value from being expanded. The strict percent-encoding of
// percentencode and customqueryparam leaves nothing but letters, digits and -_.~% (the function
// encodeURIComponentStrict in grafana/scenes, packages/scenes/src/variables/interpolation/formatRegistry.ts).
const (
	chosenZone     = `decodeURLComponent('${zone:percentencode}')`
	chosenCurrency = `decodeURLComponent('${currency:percentencode}')`

	// everyVendor is what the variable vendor says when All is chosen; unlike a vendor's name, which would be
	// v=%2A, it comes as it is.
	everyVendor = "*"

	// vendorList is "v=" and a name for every vendor chosen, joined by &.
	vendorList = `'${vendor:customqueryparam:v}'`
)

// scope names what was chosen on the board, for the queries that follow it.
//
// The range is read as calendar days, which are then days of the reporting zone: "1 January to 31 December"
// means those days in Tokyo for the zone Asia/Tokyo. A range that ends now ends with today in the reporting
// zone, which may be a day ahead of or behind UTC.
const scope = reviewed + `,
    ` + vendorList + ` AS vendor_list,
    arrayMap(v -> decodeURLComponent(substring(v, 3)), splitByChar('&', vendor_list)) AS chosen_vendors`

// reviewed is scope on a board that has no choice of vendors.
const reviewed = `WITH
    ` + chosenZone + ` AS chosen_zone,
    ` + chosenCurrency + ` AS chosen_currency,
    toDate($__fromTime, 'UTC') AS first_day,
    if($__toTime >= now() - 60, toDate(now(), chosen_zone), toDate($__toTime, 'UTC')) AS last_day`

// chosen keeps the rows of a view of sales that belong to the scope; vendor, where the board asks for it.
const chosen = `zone = chosen_zone AND currency = chosen_currency AND (vendor_list = '` + everyVendor + `' OR has(chosen_vendors, vendor))`

// months keeps what lies in the range. A month counts whole if the range touches it: a month cut off by the range
// would look like a bad month.
const months = `NOT undated AND month BETWEEN toStartOfMonth(first_day) AND last_day`

// monthsBetween is an array of the first days of the months from one date to another.
func monthsBetween(first, last string) string { //nolint:unparam // from one to the other reads better than one of them
	return fmt.Sprintf(`arrayMap(n -> addMonths(toStartOfMonth(%s), n), range(toUInt32(greatest(0, dateDiff('month', %s, %s) + 1))))`, first, first, last)
}

// shownVendors is how many vendors a chart tells apart; the rest are one series.
const shownVendors = 11

// currencyUnit returns the query that answers how to write the currency chosen: its unit, its decimals by ISO 4217, or
// both.
func currencyUnit(unit, decimals bool) string {
	var columns []string
	if unit {
		columns = append(columns, "concat('currency:financial:', code, ' ') AS unit")
	}
	if decimals {
		columns = append(columns, currencyDecimals()+" AS decimals")
	}
	return "WITH " + chosenCurrency + " AS code\nSELECT " + strings.Join(columns, ",\n    ")
}

// currencyDecimals is the number of decimals of the currency code.
func currencyDecimals() string {
	byDigits := map[uint8][]string{}
	for _, code := range currency.GetCurrencyCodes() {
		digits, _ := currency.GetDigits(code)
		byDigits[digits] = append(byDigits[digits], "'"+code+"'")
	}
	const usual = 2
	delete(byDigits, usual)
	var cases strings.Builder
	for _, digits := range slices.Sorted(maps.Keys(byDigits)) {
		slices.Sort(byDigits[digits])
		fmt.Fprintf(&cases, "code IN (%s), %d,\n        ", strings.Join(byDigits[digits], ", "), digits)
	}
	return fmt.Sprintf("multiIf(%s%d)", cases.String(), usual)
}
