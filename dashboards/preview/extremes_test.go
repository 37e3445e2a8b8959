package preview

import (
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/shopspring/decimal"

	"github.com/hookline-io/hookline/dashboards"
	"github.com/hookline-io/hookline/internal/testkit"
	"github.com/hookline-io/hookline/schemas/vendors"
)

// Pages stay right and readable, whatever there is to show: nothing, one sale, or ten years of 200 vendors, some of
// whose names are nasty.
func TestExtremes(t *testing.T) {
	t.Parallel()
	b := open(t)
	for _, test := range []struct {
		name   string
		ledger []sold
		shown  string // the range
		months int    // bars of the main chart
		series int    // entries of its legend
	}{
		{name: "empty", shown: "from=now-12M/M&to=now"},
		{
			name: "one vendor, one month", shown: "from=2025-03-01&to=2025-03-31", months: 1, series: 1,
			ledger: []sold{{"acme", "EUR", vendors.KindSale, "10.00", "2025-03-15T12:00:00Z"}, {"acme", "EUR", vendors.KindRefund, "2.50", "2025-03-16T12:00:00Z"}},
		},
		{name: "200 vendors, ten years", shown: "from=2016-01-01&to=2025-12-31", months: 120, series: 12, ledger: tenYears()},
	} {
		t.Run(test.name, func(t *testing.T) {
			b.t = t
			engine := prepared.Engine(t)
			store(t, engine, test.ledger)
			settleVendors(t, engine)
			server := preview(t, engine, npm(t))
			defer b.do(chromedp.Navigate("about:blank")) // or the page asks on, where nobody answers
			everyBoardIsSound(t, b, server, test.shown)

			b.show(server.URL+"/d/"+dashboards.SalesUID+"?var-currency=EUR&var-zone=UTC&"+test.shown, 1400, "light")
			if test.ledger == nil {
				if figures := b.texts(".figure"); len(figures) > 0 {
					t.Errorf("figures of nothing: %q", figures)
				}
				return
			}
			total := netOf(test.ledger, func(s sold) bool { return s.currency == "EUR" })
			if shown := b.texts("#panel-4 .figure")[0]; shown != amount("EUR", total.StringFixed(2)) {
				t.Errorf("the headline says %s, want %s", shown, total)
			}
			if entries := b.texts("#panel-5 .legend tbody tr"); len(entries) != test.series {
				t.Errorf("%d entries in the legend, want %d: %q", len(entries), test.series, entries)
			}
			labelsAreApart(t, b, test.months)
			eachVendorHasARow(t, b, test.ledger)
		})
	}
}

// tenYears is a sale a year by each of 200 vendors, in months that differ.
func tenYears() []sold {
	const sellers = 200
	names := slices.Clone(nasty)
	for len(names) < sellers {
		names = append(names, fmt.Sprintf("vendor %03d", len(names)))
	}
	var out []sold
	for i, name := range names {
		for year := 2016; year <= 2025; year++ {
			out = append(out, sold{name, "EUR", vendors.KindSale, fmt.Sprintf("%d.%02d", 100*(i+1), year-2000), fmt.Sprintf("%d-%02d-11T12:00:00Z", year, 1+year%12)})
		}
	}
	return out
}

func settleVendors(t *testing.T, engine *testkit.EngineProcess) {
	t.Helper()
	testkit.Eventually(t, 2*time.Minute, func() error {
		ask(t, engine, `SYSTEM REFRESH VIEW vendor_rollup_refresh`)
		ask(t, engine, `SYSTEM WAIT VIEW vendor_rollup_refresh`)
		if behind := ask(t, engine, `SELECT (SELECT count() FROM events FINAL) - (SELECT sum(events) FROM vendor_performance)`); behind != "0" {
			return fmt.Errorf("vendor_performance lacks %s events", behind)
		}
		return nil
	})
}

// everyBoardIsSound opens every board, wide and narrow: no panel fails, nothing is too wide, and names stay text.
func everyBoardIsSound(t *testing.T, b *browser, server *httptest.Server, shown string) {
	for _, uid := range dashboards.UIDs() {
		b.show(server.URL+"/d/"+uid+"?"+shown, 1400, "dark")
		if failed := b.texts(".failed, #problem:not([hidden])"); len(failed) > 0 {
			t.Errorf("%s: %q", uid, failed)
		}
		for _, text := range b.texts(".panel .empty") {
			if strings.Contains(text, "undefined") || len(text) < len("None") {
				t.Errorf("%s: an empty panel says %q", uid, text)
			}
		}
		for _, width := range []int64{1400, 390} {
			b.do(chromedp.EmulateViewport(width, 2400))
			testkit.Eventually(t, time.Minute, func() error { // charts follow a new width a moment later
				if over := read[float64](b, `document.documentElement.scrollWidth - innerWidth`); over > 0 {
					return fmt.Errorf("%s at a width of %d is %v pixels too wide", uid, width, over)
				}
				return nil
			})
		}
		if strange := read[int](b, `document.querySelectorAll("main script, main img, main iframe, #variables script, #variables img").length`); strange != 0 {
			t.Errorf("%s: %d elements came out of a vendor's name", uid, strange)
		}
	}
	b.checkComplaints()
}

// labelsAreApart wants a bar for each month and no label over another.
func labelsAreApart(t *testing.T, b *browser, months int) {
	boxes := read[[]float64](b, `[...document.querySelectorAll("#panel-5 svg text")].filter((e) => /^[A-Z][a-z]{2} \d{4}$/.test(e.textContent))
		.map((e) => e.getBoundingClientRect()).sort((a, b) => a.left - b.left).flatMap((r) => [r.left, r.right])`)
	if len(boxes) < 2 {
		t.Error("the chart has no months")
	}
	for i := 2; i < len(boxes); i += 2 {
		if boxes[i] < boxes[i-1] {
			t.Errorf("a label begins at %v, where the one before ends at %v", boxes[i], boxes[i-1])
		}
	}
	if got := read[int](b, `echarts.getInstanceByDom(document.querySelector("#panel-5 .canvas")).getOption().xAxis[0].data.length`); got != months {
		t.Errorf("%d months, want %d", got, months)
	}
}

// eachVendorHasARow sums the table of top vendors, and looks up some vendors' names in it.
func eachVendorHasARow(t *testing.T, b *browser, ledger []sold) {
	names := map[string]bool{}
	for _, entry := range ledger {
		names[entry.vendor] = true
	}
	rows := b.rows("#panel-12")
	if want := min(len(names), 100); len(rows) != want {
		t.Errorf("%d top vendors, want %d", len(rows), want)
	}
	for _, row := range rows {
		if !slices.ContainsFunc(ledger, func(s sold) bool { return strings.TrimSpace(s.vendor) == strings.TrimSpace(row[0]) }) {
			t.Errorf("who is %q?", row[0])
			continue
		}
		want := netOf(ledger, func(s sold) bool { return strings.TrimSpace(s.vendor) == strings.TrimSpace(row[0]) })
		if got := plain(t, row[1]); !got.Equal(want) || got.LessThanOrEqual(decimal.Zero) {
			t.Errorf("%s: %s, want %s", row[0], got, want)
		}
	}
}
