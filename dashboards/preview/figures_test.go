package preview

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"

	"github.com/hookline-io/hookline/dashboards"
	"github.com/hookline-io/hookline/internal/testkit"
	"github.com/hookline-io/hookline/schemas/vendors"
)

// salesPanels are the panels of the board Sales that ask for figures.
var salesPanels = []uint32{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 16, 17, 18, 19}

const in2025 = "from=2025-01-01&to=2025-12-31"

// The queries of the board run against the real engine, with variables and macros replaced as Grafana and
// its plugin do, and are compared with the ledger of what was stored.
func TestFigures(t *testing.T) {
	t.Parallel()
	ledger := year2025()
	engine := prepared.Engine(t)
	store(t, engine, ledger)
	incidents(t, engine)
	server := preview(t, engine, assets(t))

	t.Run("pipeline", func(t *testing.T) { pipelineCounts(t, server) })
	t.Run("table", func(t *testing.T) { tableEqualsLedger(t, server, ledger) })
	t.Run("chart", func(t *testing.T) { chartEqualsLedger(t, server, ledger) })
	t.Run("days", func(t *testing.T) { daysEqualLedger(t, server, ledger) })
	t.Run("headlines", func(t *testing.T) { headlines(t, server, ledger) })
	t.Run("nasty vendors", func(t *testing.T) { vendorsAreChosenExactly(t, server, ledger) })
	t.Run("nothing to show", func(t *testing.T) { emptyRanges(t, server) })
	t.Run("units", func(t *testing.T) { units(t, server) })
}

// incidents are rows beside the sales, all in December 2025 or of this moment: an account with a gap of 5
// records, refused deliveries and dead letters.
func incidents(t *testing.T, engine *testkit.EngineProcess) {
	ask(t, engine, `INSERT INTO ledger (kafka_topic, kafka_partition, first_offset, end_offset, consumer_group, stored, duplicates, retried, dead, vendors, written_at) VALUES
		('webhooks.events', 0, 0, 10, 'hookline.store', 8, 1, 0, 1, {'acme': 10}, '2025-12-05 10:00:00'),
		('webhooks.events', 0, 15, 20, 'hookline.store', 5, 0, 0, 0, {'acme': 5}, '2025-12-05 10:01:00')`)
	ask(t, engine, `INSERT INTO rejections VALUES
		('2025-12-05 10:00:00', 'acme', 'signature', 'a', 3), ('2025-12-05 10:00:00', 'acme', 'signature', 'a', 5), ('2025-12-05 10:01:00', '', 'stale', 'a', 1)`)
	ask(t, engine, `INSERT INTO dead_letters (kafka_topic, kafka_partition, kafka_offset, vendor, event_id, type, stage, error, attempts, occurred_at, received_at, failed_at, payload, state) VALUES
		('webhooks.events', 0, 9, 'acme', 'bad', 't', 'map', 'no amount', 1, 0, now(), '2025-12-05 10:00:00', '{}', 'dead')`)
	settleVendors(t, engine)
}

// pipelineCounts compares what the pipeline board says of the incidents.
func pipelineCounts(t *testing.T, server *httptest.Server) {
	const december = "from=2025-12-01&to=2025-12-31"
	between := time.Date(2025, 12, 5, 10, 0, 30, 0, time.UTC) // the two entries of the ledger
	growing := fmt.Sprintf("from=%d&to=%d", between.Add(-time.Hour).UnixMilli(), between.UnixMilli())
	for name, test := range map[string]struct {
		panel  uint32
		shown  string
		column string
		want   float64
	}{
		"unaccounted":               {1, december, "Unaccounted", 5},
		"dead letters":              {2, december, "Dead letters", 1},
		"stored":                    {5, december, "Stored", 13},
		"stored while entries grow": {5, growing, "Stored", 13},
		"refused":                   {6, december, "Deliveries", 5},
	} {
		frame := figuresOf(t, server, dashboards.PipelineUID, test.panel, test.shown)[0]
		field, _ := frame.field(test.column)
		var got float64
		for _, value := range field.Values {
			if number, ok := value.(float64); ok {
				got += number
			}
		}
		if got != test.want {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}

// tableEqualsLedger compares every row of the table, in both zones and every currency, to the last decimal.
func tableEqualsLedger(t *testing.T, server *httptest.Server, ledger []sold) {
	for _, zone := range []string{utc, tokyo} {
		for _, currency := range []string{"EUR", "JPY", "KWD"} {
			want := map[string]string{}
			for _, entry := range ledger {
				month := entry.month(t, zone)
				if entry.currency != currency || !strings.HasSuffix(month, "2025") {
					continue
				}
				same := func(other sold) bool {
					return other.vendor == entry.vendor && other.currency == currency && other.month(t, zone) == month
				}
				gross := netOf(ledger, func(s sold) bool { return same(s) && s.kind == vendors.KindSale })
				refunds := netOf(ledger, func(s sold) bool { return same(s) && s.kind == vendors.KindRefund }).Neg()
				want[month+" "+entry.vendor] = fmt.Sprint(gross, refunds, gross.Sub(refunds))
			}
			got := map[string]string{}
			table := frames(t, server, 14, in2025+"&var-currency="+currency+"&var-zone="+zone)[0]
			for row := range table.rows() {
				month := time.UnixMilli(int64(number(t, table, "Month", row))).UTC().Format("Jan 2006")
				amount := func(column string) decimal.Decimal { return decimal.NewFromFloat(number(t, table, column, row)) }
				got[month+" "+table.Fields[1].Values[row].(string)] = fmt.Sprint(amount("Gross"), amount("Refunds"), amount("Net"))
			}
			if diff := cmp.Diff(want, got); diff != "" || len(want) == 0 {
				t.Errorf("%s in %s: %s", currency, zone, diff)
			}
		}
	}
}

func number(t *testing.T, frame Frame, column string, row int) float64 {
	t.Helper()
	field, ok := frame.field(column)
	if !ok {
		t.Fatalf("no column %q", column)
	}
	value, ok := field.Values[row].(float64)
	if !ok {
		t.Fatalf("%s in row %d is %v", column, row, field.Values[row])
	}
	return value
}

// chartEqualsLedger sums the bars of each month and counts the series.
func chartEqualsLedger(t *testing.T, server *httptest.Server, ledger []sold) {
	chart := frames(t, server, 5, in2025+"&var-currency=EUR&var-zone=UTC")[0]
	var months []any
	for month := time.January; month <= time.December; month++ {
		months = append(months, month.String()[:3]+" 2025")
	}
	if diff := cmp.Diff(months, chart.Fields[0].Values); diff != "" {
		t.Fatal(diff)
	}
	const most = 12 // 11 vendors and the rest
	var names []string
	for _, field := range chart.Fields[1:] {
		names = append(names, field.Name)
	}
	if len(names) != most || !slices.IsSorted(names) || !slices.Contains(names, "acme") || !slices.Contains(names, "Other vendors") {
		t.Errorf("%d series: %q", len(names), names)
	}
	days := frames(t, server, 13, in2025+"&var-currency=EUR&var-zone=UTC")[0]
	for i, field := range days.Fields[1:] {
		if field.Name != names[i] {
			t.Errorf("series %d is %q by month and %q by day: a vendor has two colours", i, names[i], field.Name)
		}
	}
	for row, month := range months {
		var bar decimal.Decimal
		for _, field := range chart.Fields[1:] {
			bar = bar.Add(decimal.NewFromFloat(field.Values[row].(float64)))
		}
		want := netOf(ledger, func(s sold) bool { return s.currency == "EUR" && s.month(t, utc) == month })
		if !bar.Equal(want) {
			t.Errorf("the bars of %s add up to %s, want %s", month, bar, want)
		}
	}
}

// headline is the figure that a panel shows.
func headline(t *testing.T, frame Frame, panel uint32, column int) float64 {
	t.Helper()
	numbers := slices.DeleteFunc(slices.Clone(frame.Fields), func(f Field) bool { return f.Kind != KindNumber })
	if len(numbers) <= column || len(numbers[column].Values) == 0 {
		t.Fatalf("panel %d has no figure: %+v", panel, frame)
	}
	values := numbers[column].Values
	return values[len(values)-1].(float64)
}

func headlines(t *testing.T, server *httptest.Server, ledger []sold) {
	single := func(panel uint32, query string, column int) float64 {
		t.Helper()
		return headline(t, frames(t, server, panel, query+"&var-currency=EUR&var-zone=UTC")[0], panel, column)
	}
	month := func(name string) float64 {
		return netOf(ledger, func(s sold) bool { return s.currency == "EUR" && s.month(t, utc) == name }).InexactFloat64()
	}
	gross := netOf(ledger, func(s sold) bool {
		return s.currency == "EUR" && strings.HasSuffix(s.month(t, utc), "2025") && s.kind == vendors.KindSale
	})
	var orders int64
	for _, entry := range ledger {
		if entry.currency == "EUR" && entry.kind == vendors.KindSale && strings.HasSuffix(entry.month(t, utc), "2025") {
			orders++
		}
	}
	for name, test := range map[string]struct{ got, want float64 }{
		"this month":            {single(1, in2025, 0), month("Dec 2025")},
		"last month":            {single(2, in2025, 0), month("Nov 2025")},
		"growth, whole months":  {single(3, in2025, 0), month("Dec 2025")/month("Nov 2025") - 1},
		"range":                 {single(4, in2025, 0), gross.Sub(decimal.RequireFromString("12.35")).InexactFloat64()},
		"orders":                {single(6, in2025, 0), float64(orders)},
		"average order value":   {single(7, in2025, 0), gross.InexactFloat64() / float64(orders)},
		"refunds":               {single(8, in2025, 0), 12.35},
		"share of gross":        {single(8, in2025, 1), 12.35 / gross.InexactFloat64()},
		"undated":               {single(9, in2025, 0), 812.40},
		"a cut month is whole":  {single(4, "from=2025-03-20&to=2025-03-25", 0), month("Mar 2025")},
		"growth, part of month": {single(3, "from=2025-01-01&to=2025-05-17", 0), (month("May 2025")+12.34)/month("Apr 2025") - 1},
		"growth across a year":  {single(3, "from=2025-01-01&to=2025-01-31", 0), month("Jan 2025")/month("Dec 2024") - 1},
		"this year":             {single(18, in2025, 0), gross.Sub(decimal.RequireFromString("12.35")).InexactFloat64()},
		"growth on last year":   {single(16, "from=2025-01-01&to=2025-11-30", 0), month("Nov 2025")/month("Nov 2024") - 1},
		"and on the same days":  {single(16, "from=2025-01-01&to=2025-11-17", 0), month("Nov 2025")/month("Nov 2024") - 1},
	} {
		if diff := test.got - test.want; diff > 1e-9 || diff < -1e-9 {
			t.Errorf("%s: %v, want %v", name, test.got, test.want)
		}
	}
}

// vendorsAreChosenExactly chooses each vendor, whatever its name, and finds its own sales and no others.
func vendorsAreChosenExactly(t *testing.T, server *httptest.Server, ledger []sold) {
	var board boardView
	_, body := get(t, server.URL+"/api/boards/"+dashboards.SalesUID)
	if err := json.Unmarshal([]byte(body), &board); err != nil {
		t.Fatal(err)
	}
	offered := map[string]bool{}
	for _, option := range board.Variables[1].Options {
		offered[option.Value] = true
	}
	for _, name := range append([]string{"acme"}, nasty...) {
		if !offered[name] {
			t.Errorf("the vendor %q cannot be chosen", name)
		}
		want := netOf(ledger, func(s sold) bool {
			return s.vendor == name && s.currency == "EUR" && strings.HasSuffix(s.month(t, utc), "2025")
		})
		got := frames(t, server, 4, in2025+"&var-currency=EUR&var-vendor="+percentEncode(name))[0]
		if sum := decimal.NewFromFloat(headline(t, got, 4, 0)); !sum.Equal(want) {
			t.Errorf("%q: %s, want %s", name, sum, want)
		}
	}
	both := frames(t, server, 12, in2025+"&var-vendor="+percentEncode(nasty[0])+"&var-vendor="+percentEncode(nasty[2]))[0]
	if got := both.Fields[0].Values; len(got) != 2 || !slices.Contains(got, any(nasty[0])) || !slices.Contains(got, any(nasty[2])) {
		t.Errorf("two vendors chosen, found %q", got)
	}
}

// rowsOfNothing is how many rows a panel has where nothing was sold: none, or the days of a month for the chart that
// needs them.
func rowsOfNothing(panel uint32) int {
	const soFar, days = 17, 31
	if panel == soFar {
		return days
	}
	return 0
}

// emptyRanges asks for what is not there: no rows, and no error, in any panel.
func emptyRanges(t *testing.T, server *httptest.Server) {
	for _, query := range []string{
		"from=2011-01-01&to=2011-12-31&var-currency=EUR", in2025 + "&var-currency=XXX", in2025 + "&var-vendor=nobody",
	} {
		for _, panel := range salesPanels {
			if panel == 9 && strings.Contains(query, "2011") {
				continue // undated sales are shown whatever the range
			}
			for _, frame := range frames(t, server, panel, query) {
				if want := rowsOfNothing(panel); frame.rows() != want {
					t.Errorf("panel %d, %s: %d rows", panel, query, frame.rows())
				}
			}
		}
	}
}

func units(t *testing.T, server *httptest.Server) {
	for currency, want := range map[string]struct {
		unit     string
		decimals any
	}{
		"EUR": {"currency:financial:EUR ", 2.0}, "JPY": {"currency:financial:JPY ", 0.0}, "KWD": {"currency:financial:KWD ", 3.0},
	} {
		for panel, decimals := range map[uint32]any{4: want.decimals, 5: 0.0} {
			fields := frames(t, server, panel, in2025+"&var-currency="+currency)[0].Fields
			field := fields[len(fields)-1]
			if field.Config["unit"] != want.unit || field.Config["decimals"] != decimals {
				t.Errorf("%s in panel %d: %v with %v decimals", currency, panel, field.Config["unit"], field.Config["decimals"])
			}
		}
	}
}

// A new database answers every panel, with nothing. Then a sale of this moment is in this month, in every
// zone: a range that ends now ends with today in the reporting zone, even where UTC is still at yesterday.
func TestFirstSale(t *testing.T) {
	t.Parallel()
	engine := prepared.Engine(t)
	store(t, engine, nil)
	server := preview(t, engine, assets(t))
	for _, panel := range salesPanels {
		for _, frame := range frames(t, server, panel, "") {
			if want := rowsOfNothing(panel); frame.rows() != want {
				t.Errorf("panel %d: %d rows", panel, frame.rows())
			}
		}
	}
	store(t, engine, []sold{{"acme", "EUR", vendors.KindSale, "10.00", time.Now().UTC().Format(time.RFC3339)}})
	for _, zone := range []string{utc, tokyo} {
		got := frames(t, server, 1, "from=now-12M/M&to=now&var-zone="+zone)[0]
		if sum := headline(t, got, 1, 0); sum != 10 {
			t.Errorf("%s: %v", zone, sum)
		}
	}
}
