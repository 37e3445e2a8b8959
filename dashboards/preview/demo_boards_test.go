package preview

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"
	"golang.org/x/time/rate"

	"github.com/hookline-io/hookline/analytics"
	"github.com/hookline-io/hookline/dashboards"
	"github.com/hookline-io/hookline/internal/testkit"
	"github.com/hookline-io/hookline/schemas/vendors"
)

// The boards, filled by the demo through ingest and the processor.
func TestBoardsOfTheDemo(t *testing.T) {
	t.Parallel()
	d := newDemo(t, npm(t))
	d.send(3000, d.traffic.Next, rate.Inf)
	d.poison()
	d.restartIngest()
	d.settle(d.ledger.Events())
	t.Run("the page equals the ledger", func(t *testing.T) { pageEqualsLedger(t, d) })
	t.Run("repeated deliveries", func(t *testing.T) { repeatedAreCounted(t, d) })
	d.rehearse()
	// A rate needs something that goes on while Prometheus looks twice.
	stop := d.trickle()
	t.Run("panels", func(t *testing.T) { everyPanelAnswers(t, d) })
	t.Run("panels without a Prometheus", func(t *testing.T) {
		d.metrics = d.scraped
		d.server = d.preview(npm(t))
		everyPanelAnswers(t, d)
	})
	stop()
	t.Run("variables", func(t *testing.T) { everyVariableHasOptions(t, d) })
	t.Run("rules", func(t *testing.T) { everyRuleAnswers(t, d) })
}

// columns are what every panel answers, by board and panel. "…" stands for one column for each vendor.
var columns = map[string]map[uint32][]string{
	dashboards.SalesUID: {
		1: {"Net"}, 2: {"Net"}, 3: {"Growth"}, 4: {"Net"}, 5: {`Month\Vendor`, "…"},
		6: {"Orders"}, 7: {"Average order"}, 8: {"Refunds", "Share of gross"}, 9: {"Net", "Orders"},
		10: {"Month", "Gross", "Refunds", "Net"}, 11: {`Month\Year`, "12 months before", "12 months to Nov 2026"},
		12: {"Vendor", "Net", "Share", "On last year"}, 13: {`Day\Vendor`, "…"},
		14: {"Month", "Vendor", "Gross", "Refunds", "Net", "Orders", "Refunded", "Average order"},
		16: {"Growth"}, 17: {"Day", "This month", "Month before", "Year before"}, 18: {"Net"},
		19: {"Month", "Vendor", "Gross", "Refunds", "Net", "Orders"},
	},
	dashboards.VendorsUID: {
		1: {"Vendor", "Net", "Growth", "Orders", "Refund rate", "Slowest 5 %", "Refused", "Dead letters", "Last event"},
		2: {"Vendor", "Net"}, 3: {`Month\Vendor`, "…"}, 4: {"time", "…"}, 5: {"time", "…"},
		6: {`Month\Reason`, "signature_mismatch"}, 7: {`Month\Vendor`, "…"}, 8: {"Vendor", "What", "This month", "Usual"},
		9: {"Vendor", "Type", "Events", "Counted", "Last received"},
	},
	dashboards.VendorUID: {
		1: {"Net"}, 2: {"Refund rate"}, 3: {"Delay"}, 4: {"Last event"}, 5: {"Month", "Gross", "Refunds", "Net"},
		6: {"time", "Median", "95 %", "99 %"}, 7: {`Month\Reason`, "signature_mismatch"},
		8: {"Month", "Events", "Deliveries", "Sales", "Refunds", "Refund rate", "Slowest 5 %", "Refused", "Dead letters", "Failed actions"},
		9: {"Month", "New", "Repeated"},
	},
	dashboards.PipelineUID: {
		1: {"Unaccounted"}, 2: {"Dead letters"}, 3: {"Behind"}, 4: {"Last"},
		5:  {"Day", "Stored", "Repeated", "To be retried", "Dead letters"},
		6:  {"time", "Deliveries"},
		7:  {"time", "200", "403"},
		8:  {"time", "Median", "95 %", "99 %"},
		9:  {"time", "Median", "95 %", "99 %"},
		10: {"time", "webhooks.events 0", "webhooks.events 1", "webhooks.events 2", "webhooks.events 3"},
		11: {"time", "Median", "95 %", "99 %"},
		12: {"time", "Median", "95 %", "99 %"},
		13: {"time", "Retrying"},
		14: {"time", "Deliveries", "Connections"},
		16: {"Given up", "Vendor", "Event ID", "Type", "Stage", "Error", "Attempts", "State"},
		17: {"time", "Records"},
		18: {"time", "none"},
		19: {"time", "Stored", "To be retried", "Dead letters"},
		20: {"time", "succeeded"},
	},
	dashboards.JournalUID: {
		1: {"When", "Vendor", "Step", "Detail"}, 2: {"Vendor", "Step", "Payload"},
		3: {"Received", "Vendor", "Event ID", "Type", "Counts as", "Happened"},
	},
}

// everyPanelAnswers runs every query of every panel, those of Prometheus where there is one, and wants the columns
// and at least one row with a value in each column.
func everyPanelAnswers(t *testing.T, d *demoStack) {
	columns[dashboards.SalesUID][11][2] = "12 months to " + time.Now().UTC().Format("Jan 2006")
	event := d.accepted[0]
	choice := map[string]string{
		dashboards.SalesUID:    "var-currency=USD",
		dashboards.VendorsUID:  "var-currency=USD",
		dashboards.VendorUID:   "var-name=acme-pay&var-currency=USD",
		dashboards.PipelineUID: "from=now-15m&to=now",
		dashboards.JournalUID:  "var-event=" + url.QueryEscape(event.ID) + "&var-vendor=" + event.Vendor,
	}
	files, err := dashboards.Generate()
	if err != nil {
		t.Fatal(err)
	}
	boards, err := load(files)
	if err != nil {
		t.Fatal(err)
	}
	for _, board := range boards {
		for _, panel := range board.panels() {
			if len(panel.Targets) == 0 || asks(panel, prometheusType) && d.metrics == nil {
				continue
			}
			chosen := choice[board.uid]
			if board.uid == dashboards.SalesUID && strings.HasPrefix(*panel.Title, "Growth") {
				// On the first days of a month there may be no sales of the same days to compare with.
				end := time.Now().UTC().AddDate(0, 0, -time.Now().UTC().Day())
				chosen += end.Format("&from=2006-01-01&to=2006-01-02")
			}
			// Prometheus answers for every 15th second only, so what has just been measured may still be missing.
			testkit.Eventually(t, time.Minute, func() error {
				return panelAnswers(figuresOf(t, d.server, board.uid, *panel.Id, chosen), board.uid, *panel.Id)
			})
		}
	}
}

// panelAnswers wants one frame with the panel's columns, and in each column a value.
func panelAnswers(frames []Frame, board string, panel uint32) error {
	if len(frames) != 1 || frames[0].rows() == 0 {
		return fmt.Errorf("%s, panel %d: %d frames, or no rows", board, panel, len(frames))
	}
	wanted := columns[board][panel]
	var got []string
	for _, field := range frames[0].Fields {
		if !slices.ContainsFunc(field.Values, func(value any) bool { return value != nil }) {
			return fmt.Errorf("%s, panel %d: nothing in the column %q", board, panel, field.Name)
		}
		switch {
		case slices.Contains(wanted, field.Name):
			got = append(got, field.Name)
		case field.Kind == KindNumber && !slices.Contains(got, "…"):
			got = append(got, "…")
		}
	}
	if diff := cmp.Diff(wanted, got); diff != "" {
		return fmt.Errorf("%s, panel %d: %s", board, panel, diff)
	}
	return nil
}

func everyVariableHasOptions(t *testing.T, d *demoStack) {
	want := map[string][]string{
		"currency": {"USD", "EUR", "JPY", "KWD"}, "zone": {"UTC", "Asia/Tokyo"},
		"vendor": {"acme-pay", "gulf-market", "nordwind-shop", "sakura-resale"}, "name": {"acme-pay", "gulf-market", "nordwind-shop", "sakura-resale"},
	}
	for _, uid := range dashboards.UIDs() {
		var board boardView
		response, body := get(t, d.server.URL+"/api/boards/"+uid)
		if err := json.Unmarshal([]byte(body), &board); err != nil || response.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s %s", uid, response.Status, body)
		}
		for _, variable := range board.Variables {
			var got []string
			for _, option := range variable.Options {
				got = append(got, option.Value)
			}
			if variable.Type == "query" && !slices.Equal(got, want[variable.Name]) {
				t.Errorf("%s: the options of %s are %q, want %q", uid, variable.Name, got, want[variable.Name])
			}
		}
	}
}

// everyRuleAnswers runs the queries of the rules that ask ClickHouse: each answers one number, whatever else are
// labels. TestAlertRulesFireAndEnd has them fire.
func everyRuleAnswers(t *testing.T, d *demoStack) {
	engine, err := Open(d.engine.As(d.t, "grafana") + "/hookline")
	if err != nil {
		t.Fatal(err)
	}
	for uid, rule := range rules(t) {
		frame, err := engine.Query(t.Context(), rule.sql)
		if err != nil {
			t.Errorf("%s: %v", uid, err)
			continue
		}
		numbers := 0
		for _, field := range frame.Fields {
			switch field.Kind {
			case KindNumber:
				numbers++
			case KindString:
			default:
				t.Errorf("%s: a column of type %s", uid, field.Kind)
			}
		}
		if numbers != 1 && frame.rows() > 0 { // an answer without rows comes without columns
			t.Errorf("%s: %d numbers", uid, numbers)
		}
	}
}

// pageEqualsLedger reads the figures of the board Sales off the page, as a person would, and has the demo's own
// ledger compare them: every month, vendor and currency, to the last decimal.
func pageEqualsLedger(t *testing.T, d *demoStack) {
	b := open(t)
	var read []analytics.Total
	for _, currency := range []string{"USD", "EUR", "JPY", "KWD"} {
		b.show(d.server.URL+"/d/"+dashboards.SalesUID+"?from=now-24M/M&to=now&var-zone=UTC&var-currency="+currency, 1400, "light")
		rows := b.rows("#panel-14")
		var net decimal.Decimal
		for _, row := range rows {
			month, err := time.Parse("2006-01", row[0])
			if err != nil {
				t.Fatal(err)
			}
			sale := analytics.Total{Month: month, Vendor: row[1], Currency: currency, Kind: vendors.KindSale, Amount: plain(t, row[2]), Count: count(t, row[5])}
			refund := analytics.Total{Month: month, Vendor: row[1], Currency: currency, Kind: vendors.KindRefund, Amount: plain(t, row[3]), Count: count(t, row[6])}
			for _, total := range []analytics.Total{sale, refund} {
				if total.Count > 0 {
					read = append(read, total)
				}
			}
			if !sale.Amount.Sub(refund.Amount).Equal(plain(t, row[4])) {
				t.Errorf("%q does not add up", row)
			}
			net = net.Add(sale.Amount).Sub(refund.Amount)
		}
		if got := amountOf(t, currency, b.texts("#panel-4 .figure")[0]); !got.Equal(net) || len(rows) == 0 {
			t.Errorf("%s: the headline says %s, the table's %d rows add up to %s", currency, got, len(rows), net)
		}
		undated := d.undated(currency)
		if shown := b.texts("#panel-9 .figure"); undated.IsZero() != (len(shown) == 0) || len(shown) > 0 && !amountOf(t, currency, shown[0]).Equal(undated) {
			t.Errorf("%s: undated sales are shown as %q, want %s", currency, shown, undated)
		}
	}
	for _, line := range d.ledger.Compare(read) {
		if !strings.HasPrefix(line, "undated ") { // those are in no month, and compared above
			t.Errorf("the page is not the ledger: %s", line)
		}
	}
	b.checkComplaints()
}

// repeatedAreCounted compares the deliveries of one vendor, new and repeated, with what was sent.
func repeatedAreCounted(t *testing.T, d *demoStack) {
	const vendor = "acme-pay"
	want := map[string]float64{}
	for i, event := range d.accepted {
		if event.Vendor != vendor {
			continue
		}
		want["New"]++
		if i%again == 0 {
			want["Repeated"]++
		}
	}
	got := map[string]float64{}
	frame := figuresOf(t, d.server, dashboards.VendorUID, 9, "var-name="+vendor)[0]
	for _, name := range []string{"New", "Repeated"} {
		field, _ := frame.field(name)
		for _, value := range field.Values {
			got[name] += value.(float64)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// plain reads one amount of a table, such as "1234.50".
func plain(t *testing.T, text string) decimal.Decimal {
	t.Helper()
	amount, err := decimal.NewFromString(text)
	if err != nil {
		t.Fatalf("%q is no amount", text)
	}
	return amount
}

// amountOf reads one amount, such as "USD 1,234.50".
func amountOf(t *testing.T, currency, text string) decimal.Decimal {
	t.Helper()
	number, found := strings.CutPrefix(text, currency+" ")
	amount, err := decimal.NewFromString(strings.ReplaceAll(number, ",", ""))
	if !found || err != nil {
		t.Fatalf("%q is no amount in %s", text, currency)
	}
	return amount
}

func count(t *testing.T, text string) uint64 {
	t.Helper()
	number, err := strconv.ParseUint(strings.ReplaceAll(text, ",", ""), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return number
}

// undated is the net of the accepted events that state no time, each effect once.
func (d *demoStack) undated(currency string) decimal.Decimal {
	var net decimal.Decimal
	seen := map[string]bool{}
	for _, event := range d.accepted {
		if event.Effect == nil || !event.Time.IsZero() || event.Effect.Currency != currency {
			continue
		}
		identity := event.Vendor + string(event.Effect.Kind) + event.Effect.Key
		switch {
		case seen[identity]:
		case event.Effect.Kind == vendors.KindRefund:
			net = net.Sub(event.Effect.Amount)
		default:
			net = net.Add(event.Effect.Amount)
		}
		seen[identity] = true
	}
	return net
}
