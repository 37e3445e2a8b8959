package preview

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/hookline-io/hookline/analytics"
	"github.com/hookline-io/hookline/compose/local/packages"
	"github.com/hookline-io/hookline/dashboards"
	"github.com/hookline-io/hookline/internal/testkit"
	"github.com/hookline-io/hookline/internal/testkit/tables"
	"github.com/hookline-io/hookline/schemas"
	"github.com/hookline-io/hookline/schemas/vendors"
)

func TestMain(m *testing.M) { testkit.Main(m) }

const (
	utc   = "UTC"
	tokyo = "Asia/Tokyo"
)

// sold is one sale or refund of the tests' own ledger.
type sold struct {
	vendor, currency string
	kind             vendors.Kind
	amount           string
	at               string // RFC 3339; empty: undated
}

// year2025 is a small year: two steady vendors, three currencies, refunds, a sale at the edge of a month, an
// undated one, and one sale by each vendor whose name is nasty.
func year2025() []sold {
	var out []sold
	add := func(vendor, currency string, kind vendors.Kind, amount, at string) {
		out = append(out, sold{vendor, currency, kind, amount, at})
	}
	for month := 1; month <= 12; month++ {
		at := fmt.Sprintf("2025-%02d-15T12:00:00Z", month)
		add("acme", "EUR", vendors.KindSale, fmt.Sprintf("%d.99", 5000+100*month), at)
		add("acme", "EUR", vendors.KindSale, "2000.10", at)
		if month%4 != 0 {
			add("globex", "EUR", vendors.KindSale, fmt.Sprintf("%d.05", 3000-50*month), at)
		}
	}
	add("acme", "EUR", vendors.KindRefund, "12.34", "2025-05-20T08:00:00Z")
	add("globex", "EUR", vendors.KindRefund, "0.01", "2025-06-20T08:00:00Z")
	add("acme", "EUR", vendors.KindSale, "77.70", "2025-01-31T20:00:00Z") // February in Tokyo
	add("acme", "EUR", vendors.KindSale, "44.40", "2024-12-31T23:59:59Z") // 2025 in Tokyo
	add("acme", "EUR", vendors.KindSale, "7900.00", "2024-11-10T00:00:00Z")
	add("acme", "EUR", vendors.KindSale, "812.40", "")
	add("acme", "JPY", vendors.KindSale, "123456", "2025-03-03T03:03:03Z")
	add("globex", "KWD", vendors.KindSale, "1.234", "2025-03-03T03:03:03Z")
	for i, name := range nasty {
		add(name, "EUR", vendors.KindSale, fmt.Sprintf("%d.5", 100+i), "2025-06-01T00:00:00Z")
	}
	return out
}

// prepared is an engine that is set up for both zones.
var prepared = tables.Prepared(utc, tokyo)

// store writes the ledger into a prepared engine, and waits until readers see it.
func store(t testing.TB, engine *testkit.EngineProcess, ledger []sold) {
	t.Helper()
	db, err := analytics.Open(t.Context(), analytics.Options{DSN: analytics.DSN(engine.DSN + "/hookline")})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	batch := analytics.NewBatch()
	for i, entry := range ledger {
		if err := batch.Append(entry.row(t, i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Insert(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, time.Minute, func() error {
		state, err := db.RollupState(t.Context())
		if err == nil && (state.Pending > 0 || state.Months == 0 && len(ledger) > 0) {
			err = fmt.Errorf("the rollup is behind: %+v", state)
		}
		return err
	})
}

func (s sold) row(t testing.TB, number int) analytics.Row {
	t.Helper()
	received := time.Now()
	var at time.Time
	if s.at != "" {
		var err error
		if at, err = time.Parse(time.RFC3339, s.at); err != nil {
			t.Fatal(err)
		}
	}
	key := fmt.Sprint(number)
	return analytics.Row{
		Event:   schemas.Event{ID: key, Vendor: s.vendor, Type: "test", Time: at, Received: received, Proof: schemas.ProofBody, Data: []byte("{}")},
		Outcome: vendors.Outcome{Effects: []vendors.Effect{{Kind: s.kind, Key: key, Amount: decimal.RequireFromString(s.amount), Currency: s.currency, Time: at}}},
	}
}

// netOf sums the ledger's entries that keep wants: sales minus refunds.
func netOf(ledger []sold, keep func(sold) bool) decimal.Decimal {
	var sum decimal.Decimal
	for _, entry := range ledger {
		switch amount := decimal.RequireFromString(entry.amount); {
		case !keep(entry):
		case entry.kind == vendors.KindRefund:
			sum = sum.Sub(amount)
		default:
			sum = sum.Add(amount)
		}
	}
	return sum
}

// month is the month of an entry in a zone, such as "Jan 2025", and "" for an undated one.
func (s sold) month(t testing.TB, zone string) string {
	t.Helper()
	if s.at == "" {
		return ""
	}
	location, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	at, err := time.Parse(time.RFC3339, s.at)
	if err != nil {
		t.Fatal(err)
	}
	return at.In(location).Format("Jan 2006")
}

// preview is a server over a real engine, with the real chart library where library is true.
func preview(t testing.TB, engine *testkit.EngineProcess, assets string) *httptest.Server {
	t.Helper()
	boards, err := dashboards.Generate()
	if err != nil {
		t.Fatal(err)
	}
	opened, err := Open(engine.As(t, "grafana") + "/hookline")
	if err != nil {
		t.Fatal(err)
	}
	handler, err := Handler(Options{
		Boards: boards, Order: dashboards.UIDs(), Assets: assets, Engine: opened, Refresh: 5 * time.Second, Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server
}

// npm is the folder of npm packages with the chart library; it is fetched if need be.
func npm(t testing.TB) string {
	t.Helper()
	dir, err := packages.Ensure(t.Context(), slog.New(slog.NewTextHandler(t.Output(), nil)))
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Clean(filepath.Join(dir.ECharts(), "..", "..", ".."))
}

// ask runs one statement in the database, past everything that is under test.
func ask(t testing.TB, engine *testkit.EngineProcess, sql string) string {
	t.Helper()
	return strings.TrimSpace(engine.Ask(t, "hookline", sql))
}

// frames asks the server for the figures of a panel of the board Sales.
func frames(t testing.TB, server *httptest.Server, panel uint32, query string) []Frame {
	t.Helper()
	return figuresOf(t, server, dashboards.SalesUID, panel, query)
}

// figuresOf asks the server for the figures of a panel of any board.
func figuresOf(t testing.TB, server *httptest.Server, board string, panel uint32, query string) []Frame {
	t.Helper()
	var answer struct {
		Frames []Frame
		Error  string
	}
	response, err := http.Get(fmt.Sprintf("%s/api/boards/%s/panels/%d?%s", server.URL, board, panel, query))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		t.Fatal(err)
	}
	if answer.Error != "" {
		t.Fatalf("%s, panel %d, %s: %s", board, panel, query, answer.Error)
	}
	return answer.Frames
}
