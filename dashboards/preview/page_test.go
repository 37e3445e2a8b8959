package preview

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/chromedp"
	"github.com/google/go-cmp/cmp"

	"github.com/hookline-io/hookline/dashboards"
	"github.com/hookline-io/hookline/internal/testkit"
	"github.com/hookline-io/hookline/schemas/vendors"
)

// browser is a headless Chromium with one page. It collects what the page complains of.
type browser struct {
	t          testing.TB
	ctx        context.Context
	complaints chan string
}

// open starts a browser, or skips the test, visibly, where there is none.
func open(t testing.TB) *browser {
	t.Helper()
	var path string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		t.Skip("SKIPPED: no chromium to draw the page with")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true), chromedp.Flag("no-proxy-server", true))
	b := &browser{t: t, complaints: make(chan string, 100)}
	const whole = 5 * time.Minute // all of a test's pages, on a machine that has other things to do
	deadline, cancel := context.WithTimeout(context.Background(), whole)
	t.Cleanup(cancel)
	allocator, cancel := chromedp.NewExecAllocator(deadline, options...)
	t.Cleanup(cancel)
	ctx, cancel := chromedp.NewContext(allocator, chromedp.WithListener(func(event any) {
		if entry, ok := event.(*cdplog.EventEntryAdded); ok {
			b.complain(entry.Entry.Text)
		}
	}))
	t.Cleanup(cancel)
	b.ctx = ctx
	b.do(chromedp.Navigate("about:blank"))
	if _, err := chromedp.Call(ctx, cdplog.Enable, cdp.Empty{}); err != nil {
		t.Fatal(err)
	}
	go func() {
		for message, err := range chromedp.Console(ctx) {
			if err != nil {
				return
			}
			b.complain(fmt.Sprintf("%+v", message))
		}
	}()
	return b
}

func (b *browser) complain(text string) {
	select {
	case b.complaints <- text:
	default: // enough to fail
	}
}

// checkComplaints fails the test for every error in the console, refused script or style among them.
func (b *browser) checkComplaints() {
	b.t.Helper()
	for {
		select {
		case text := <-b.complaints:
			b.t.Errorf("the page complains: %s", text)
		default:
			return
		}
	}
}

func (b *browser) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.t.Fatal(err)
	}
}

// show opens a page in a window of that width and waits until all panels have their figures.
func (b *browser) show(url string, width int64, theme string) {
	b.t.Helper()
	media := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: theme}}}
	if _, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, media); err != nil {
		b.t.Fatal(err)
	}
	const height = 2400
	b.do(chromedp.EmulateViewport(width, height), chromedp.Navigate(url), chromedp.WaitVisible(chromedp.CSS(`#board[aria-busy="false"]`)))
}

// read evaluates an expression in the page.
func read[T any](b *browser, expression string) T {
	b.t.Helper()
	value, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		b.t.Fatalf("%s: %v", expression, err)
	}
	return value
}

func (b *browser) texts(selector string) []string {
	b.t.Helper()
	return read[[]string](b, fmt.Sprintf(`[...document.querySelectorAll(%q)].map((e) => e.textContent.trim())`, selector))
}

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
	t.Run("empty range", func(t *testing.T) {
		b.t = t
		b.show(server.URL+"/?from=2011-01-01&to=2011-12-31&var-currency=EUR", 1400, "light")
		if got := b.texts(".panel .empty"); len(got) != 14 || slices.ContainsFunc(got, func(s string) bool { return !strings.HasPrefix(s, "No sales") }) {
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

// until waits for the first element that the selector finds to say something.
func (b *browser) until(selector, want string) {
	b.t.Helper()
	testkit.Eventually(b.t, time.Minute, func() error {
		if got := b.texts(selector); len(got) == 0 || got[0] != want {
			return fmt.Errorf("%s says %q, want %q", selector, got, want)
		}
		return nil
	})
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
	if bars := read[int](b, `document.querySelectorAll("#panel-5 svg path[fill='#73BF69']").length`); bars < 12 {
		t.Errorf("%d bars of the first vendor, want one for each month", bars)
	}
	in2025 := func(s sold) bool { return s.currency == "EUR" && strings.HasSuffix(s.month(t, utc), "2025") }
	for selector, want := range map[string]string{
		"#panel-1 .figure":          amount("EUR", netOf(ledger, func(s sold) bool { return s.currency == "EUR" && s.month(t, utc) == "Dec 2025" }).StringFixed(2)),
		"#panel-4 .figure":          amount("EUR", netOf(ledger, in2025).StringFixed(2)),
		"#panel-5 h2":               "Net sales per month (EUR)",
		"#panel-5 .legend tbody":    "acme" + strings.TrimSuffix(amount("EUR", netOf(ledger, func(s sold) bool { return in2025(s) && s.vendor == "acme" }).Round(0).StringFixed(0)), "."),
		"#panel-12 td.measured":     amount("EUR", netOf(ledger, func(s sold) bool { return in2025(s) && s.vendor == "acme" }).StringFixed(2)),
		"#panel-9 .figure":          "EUR 812.40",
		"#panel-14 tbody td.number": "EUR 8,201.09",
	} {
		if got := b.texts(selector); len(got) == 0 || !strings.HasPrefix(got[0], want) {
			t.Errorf("%s: %q, want %q", selector, got, want)
		}
	}
	// The table holds every figure of the year: read as a person would, it adds up to the ledger.
	var rows [][]string
	raw := read[string](b, `JSON.stringify([...document.querySelectorAll("#panel-14 tbody tr")].map((row) => [...row.cells].map((cell) => cell.textContent)))`)
	if err := json.Unmarshal([]byte(raw), &rows); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for _, entry := range ledger {
		if !in2025(entry) {
			continue
		}
		same := func(s sold) bool {
			return in2025(s) && s.vendor == entry.vendor && s.month(t, utc) == entry.month(t, utc)
		}
		want[entry.month(t, utc)+" "+entry.vendor] = amount("EUR", netOf(ledger, same).StringFixed(2))
	}
	got := map[string]string{}
	for _, row := range rows {
		got[row[0]+" "+row[1]] = row[4]
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
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
