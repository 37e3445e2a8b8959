package preview

import (
	"encoding/csv"
	"errors"
	"fmt"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"

	"github.com/hookline-io/hookline/dashboards"
	"github.com/hookline-io/hookline/internal/testkit"
	"github.com/hookline-io/hookline/schemas/vendors"
)

func TestPage(t *testing.T) {
	t.Parallel()
	b := open(t)
	ledger := year2025()
	engine := prepared.Engine(t)
	store(t, engine, ledger)
	server := preview(t, engine, npm(t))
	const eur = "/d/hookline-sales?from=2025-01-01&to=2025-12-31&var-currency=EUR&var-zone=UTC"

	t.Run("figures", func(t *testing.T) {
		b.t = t
		b.show(server.URL+eur, 1400, "light")
		pageShowsLedger(t, b, ledger)
		b.checkComplaints()
	})
	t.Run("CSV", func(t *testing.T) {
		b.t = t
		tableBecomesCSV(t, b, ledger)
		b.checkComplaints()
	})
	t.Run("hostile names stay text", func(t *testing.T) {
		b.t = t
		namesStayText(t, b)
		b.checkComplaints()
	})
	t.Run("choosing a vendor", func(t *testing.T) {
		b.t = t
		b.do(chromedp.Evaluate[chromedp.Void](`document.querySelector("#var-vendor").click();
			[...document.querySelectorAll("#variables .choices label")].find((e) => e.textContent === "globex").click()`))
		want := amount("EUR", netOf(ledger, func(s sold) bool {
			return s.vendor == "globex" && s.currency == "EUR" && strings.HasSuffix(s.month(t, utc), "2025")
		}).StringFixed(2))
		b.until(`#panel-4 .figure`, want)
		if where := read[string](b, `location.search`); !strings.Contains(where, "var-vendor=globex") {
			t.Errorf("the address does not say what was chosen: %s", where)
		}
		b.checkComplaints()
	})
	t.Run("dark, and the other way round", func(t *testing.T) {
		b.t = t
		b.show(server.URL+eur, 1400, "dark")
		dark := read[string](b, `getComputedStyle(document.body).backgroundColor`)
		b.do(chromedp.Click(chromedp.CSS("#theme")))
		if light := read[string](b, `getComputedStyle(document.body).backgroundColor`); light == dark || read[string](b, `document.documentElement.dataset.theme`) != "light" {
			t.Errorf("the theme did not change from %s", dark)
		}
		b.do(chromedp.Evaluate[chromedp.Void](`localStorage.clear()`))
		b.checkComplaints()
	})
	t.Run("phone", func(t *testing.T) {
		b.t = t
		b.show(server.URL+eur, 390, "light")
		if over := read[float64](b, `document.documentElement.scrollWidth - innerWidth`); over > 0 {
			t.Errorf("the page is %v pixels too wide", over)
		}
		b.checkComplaints()
	})
	t.Run("stacks have a total", func(t *testing.T) {
		b.t = t
		b.show(server.URL+eur, 1400, "light")
		b.do(chromedp.Evaluate[chromedp.Void](`echarts.getInstanceByDom(document.querySelector("#panel-5 .canvas")).dispatchAction({ type: "showTip", seriesIndex: 0, dataIndex: 11 })`))
		want := netOf(ledger, func(s sold) bool { return s.currency == "EUR" && s.month(t, utc) == "Dec 2025" }).Round(0).StringFixed(0)
		b.until("#panel-5 .tip-total", "Total"+strings.TrimSuffix(amount("EUR", want), "."))
		b.checkComplaints()
	})
	t.Run("notes close", func(t *testing.T) {
		b.t = t
		for name, away := range map[string]string{
			"Escape":            `document.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }))`,
			"a click elsewhere": `document.querySelector("#panel-5").dispatchEvent(new PointerEvent("pointerdown", { bubbles: true }))`,
		} {
			b.do(chromedp.Evaluate[chromedp.Void](`document.querySelector("#panel-1 .info").click()`))
			if read[bool](b, `document.querySelector("#panel-1 .note").hidden`) {
				t.Fatal("the note does not open")
			}
			b.do(chromedp.Evaluate[chromedp.Void](away))
			if !read[bool](b, `document.querySelector("#panel-1 .note").hidden`) {
				t.Errorf("%s does not close the note", name)
			}
		}
		b.checkComplaints()
	})
	t.Run("one panel alone", func(t *testing.T) {
		b.t = t
		for _, form := range []string{"5", "panel-5"} { // of Grafana 11, and of 12
			b.show(server.URL+eur+"&viewPanel="+form, 1400, "light")
			if got := b.texts(".panel h2"); !slices.Equal(got, []string{"Net sales per month (EUR)"}) {
				t.Errorf("viewPanel=%s shows %q", form, got)
			}
		}
		b.do(chromedp.Evaluate[chromedp.Void](`document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }))`))
		b.until("#panel-1 h2", "Net sales this month")
		b.checkComplaints()
	})
	t.Run("ranges are links", func(t *testing.T) {
		b.t = t
		b.show(server.URL+"/d/hookline-sales?var-currency=EUR&var-zone=UTC", 1400, "light")
		if got := b.texts("#links a"); !slices.Equal(got, []string{"This quarter", "Last quarter", "Year to date"}) {
			t.Errorf("links are %q", got)
		}
		b.do(chromedp.Click(chromedp.CSS("#links a:nth-child(2)")), chromedp.WaitVisible(chromedp.CSS(`#board[aria-busy="false"]`)))
		if where := read[string](b, `location.search`); !strings.Contains(where, "from=now-1Q%2FQ") || !strings.Contains(where, "var-currency=EUR") {
			t.Errorf("the link leads to %s", where)
		}
		b.until("#range summary", "Last quarter")
		b.checkComplaints()
	})
	t.Run("headings on a phone", func(t *testing.T) {
		b.t = t
		b.show(server.URL+"/d/"+dashboards.PipelineUID, 390, "light")
		order := read[[]string](b, `[...document.querySelectorAll(".panel h2")].sort((a, b) => a.getBoundingClientRect().top - b.getBoundingClientRect().top).map((e) => e.textContent)`)
		if at := slices.Index(order, "From Kafka to ClickHouse"); at < 10 || order[at+1] != "Events per second, stored and not" {
			t.Errorf("the headings are not where they belong: %q", order)
		}
		b.checkComplaints()
	})
	t.Run("empty range", func(t *testing.T) {
		b.t = t
		b.show(server.URL+"/?from=2011-01-01&to=2011-12-31&var-currency=EUR", 1400, "light")
		if got := b.texts(".panel .empty"); len(got) != 16 || slices.ContainsFunc(got, func(s string) bool { return !strings.HasPrefix(s, "No sales") && s != "No test money in this range" }) {
			t.Errorf("%d panels say that they are empty: %q", len(got), got)
		}
		b.checkComplaints()
	})
	t.Run("every board", func(t *testing.T) {
		b.t = t
		incidents(t, engine)
		for _, uid := range dashboards.UIDs() {
			b.show(server.URL+"/d/"+uid+"?from=2025-01-01&to=2025-12-31", 1400, "dark")
			if failed := b.texts(".failed"); len(failed) > 0 {
				t.Errorf("%s: %q", uid, failed)
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
		}
		b.checkComplaints()
	})
	t.Run("nobody is shut out", func(t *testing.T) {
		b.t = t
		nobodyIsShutOut(t, b, server)
		b.checkComplaints()
	})
	t.Run("from a list to one event", func(t *testing.T) {
		b.t = t
		b.show(server.URL+"/d/"+dashboards.JournalUID+"?var-vendor=globex", 1400, "light")
		b.do(chromedp.Click(chromedp.CSS("#panel-3 tbody a")))
		b.until("#panel-1 tbody tr td:nth-child(2)", "globex")
		if id := read[string](b, `document.querySelector("#var-event").value`); id == "" {
			t.Error("the event's ID is not in its box")
		}
		b.checkComplaints()
	})
	t.Run("a new sale appears by itself", func(t *testing.T) {
		b.t = t
		newSaleAppears(t, b, server, engine)
	})
	t.Run("the engine is gone", func(t *testing.T) {
		b.t = t
		engine.Kill()
		b.until("#problem", "ClickHouse cannot be reached. Is it running, and is the DSN right?")
	})
}

// amount writes a decimal as the page does in English.
func amount(currency, fixed string) string {
	whole, cents, _ := strings.Cut(fixed, ".")
	for at := len(whole) - 3; at > 0 && whole[at-1] != '-'; at -= 3 {
		whole = whole[:at] + "," + whole[at:]
	}
	return currency + " " + whole + "." + cents
}

func pageShowsLedger(t *testing.T, b *browser, ledger []sold) {
	labels := b.texts("#panel-5 svg text")
	for _, month := range []string{"Jan 2025", "Jun 2025", "Dec 2025"} {
		if !slices.Contains(labels, month) {
			t.Errorf("the chart has no label %q: %q", month, labels)
		}
	}
	if !slices.Contains(labels, "EUR 0") || !slices.Contains(labels, "EUR 12,000") {
		t.Errorf("the axis is not in euros from zero: %q", labels)
	}
	if bars := read[int](b, `[...document.querySelectorAll("#panel-5 svg path")].filter((e) => getComputedStyle(e).fill === getComputedStyle(document.querySelector("#panel-5 .legend .swatch")).backgroundColor).length`); bars < 12 {
		t.Errorf("%d bars of the first vendor, want one for each month", bars)
	}
	in2025 := func(s sold) bool { return s.currency == "EUR" && strings.HasSuffix(s.month(t, utc), "2025") }
	for selector, want := range map[string]string{
		"#panel-1 .figure":          amount("EUR", netOf(ledger, func(s sold) bool { return s.currency == "EUR" && s.month(t, utc) == "Dec 2025" }).StringFixed(2)),
		"#panel-4 .figure":          amount("EUR", netOf(ledger, in2025).StringFixed(2)),
		"#panel-5 h2":               "Net sales per month (EUR)",
		"#panel-5 .legend tbody":    "acme" + strings.TrimSuffix(amount("EUR", netOf(ledger, func(s sold) bool { return in2025(s) && s.vendor == "acme" }).Round(0).StringFixed(0)), "."),
		"#panel-12 td.measured":     netOf(ledger, func(s sold) bool { return in2025(s) && s.vendor == "acme" }).StringFixed(2),
		"#panel-9 .figure":          "EUR 812.40",
		"#panel-14 tbody td.number": "8201.09",
	} {
		if got := b.texts(selector); len(got) == 0 || !strings.HasPrefix(got[0], want) {
			t.Errorf("%s: %q, want %q", selector, got, want)
		}
	}
	// The table holds every figure of the year: read as a person would, it adds up to the ledger.
	want := map[string]string{}
	for _, entry := range ledger {
		if !in2025(entry) {
			continue
		}
		same := func(s sold) bool {
			return in2025(s) && s.vendor == entry.vendor && s.month(t, utc) == entry.month(t, utc)
		}
		month, err := time.Parse("Jan 2006", entry.month(t, utc))
		if err != nil {
			t.Fatal(err)
		}
		want[month.Format("2006-01")+" "+entry.vendor] = netOf(ledger, same).StringFixed(2)
	}
	got := map[string]string{}
	for _, row := range b.rows("#panel-14") {
		got[row[0]+" "+row[1]] = row[4]
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// tableBecomesCSV reads what the button of the table saves: every figure, plain, and names that no spreadsheet takes
// for formulas.
func tableBecomesCSV(t *testing.T, b *browser, ledger []sold) {
	b.do(chromedp.Evaluate[chromedp.Void](`window.saved = null;
		URL.createObjectURL = (blob) => { blob.text().then((text) => { window.saved = text; }); return "data:,"; };
		document.querySelector("#panel-14 [aria-label='Download CSV']").click()`))
	var text string
	testkit.Eventually(t, time.Minute, func() error {
		if text = read[string](b, `window.saved || ""`); text == "" {
			return errors.New("nothing is saved")
		}
		return nil
	})
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(text, "\ufeff"))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(rows[0], ","); got != "Month,Vendor,Gross,Refunds,Net,Orders,Refunded,Average order" {
		t.Errorf("the heads are %s", got)
	}
	var net decimal.Decimal
	for _, row := range rows[1:] {
		if !regexp.MustCompile(`^2025-\d\d-01$`).MatchString(row[0]) {
			t.Errorf("%q is no date that a spreadsheet reads", row[0])
		}
		if strings.ContainsAny(row[1][:1], "=+-@") {
			t.Errorf("a spreadsheet would run %q", row[1])
		}
		amount, err := decimal.NewFromString(row[4])
		if err != nil {
			t.Fatal(err)
		}
		net = net.Add(amount)
	}
	if want := netOf(ledger, func(s sold) bool { return s.currency == "EUR" && strings.HasSuffix(s.month(t, utc), "2025") }); !net.Equal(want) {
		t.Errorf("%d rows add up to %s, want %s", len(rows)-1, net, want)
	}
}

func namesStayText(t *testing.T, b *browser) {
	names := b.texts("#panel-14 tbody tr td:nth-child(2)")
	for _, name := range nasty {
		if !slices.Contains(names, strings.TrimSpace(name)) {
			t.Errorf("%q is not in the table", name)
		}
	}
	if strange := read[int](b, `document.querySelectorAll("main script, main img, main iframe, #variables script, #variables img").length`); strange != 0 {
		t.Errorf("%d elements came out of a vendor's name", strange)
	}
	if too := read[float64](b, `document.documentElement.scrollWidth - innerWidth`); too > 0 {
		t.Errorf("a long name makes the page %v pixels too wide", too)
	}
}

func newSaleAppears(t *testing.T, b *browser, server *httptest.Server, engine *testkit.EngineProcess) {
	b.show(server.URL+"/d/hookline-sales?var-currency=EUR&var-zone=UTC", 1400, "light")
	b.until("#panel-1 .figure", "EUR 0.00")
	store(t, engine, []sold{{"newcomer", "EUR", vendors.KindSale, "19.90", time.Now().UTC().Format(time.RFC3339)}})
	b.until("#panel-1 .figure", "EUR 19.90")
	testkit.Eventually(t, time.Minute, func() error {
		if legend := b.texts("#panel-5 .legend tbody tr"); !slices.Contains(legend, "newcomerEUR 20") {
			return fmt.Errorf("the chart does not show the new vendor: %q", legend)
		}
		return nil
	})
	b.checkComplaints()
}
