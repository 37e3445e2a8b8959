package analytics_test

import (
	"slices"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/hookline-io/hookline/analytics"
	"github.com/hookline-io/hookline/internal/testkit"
	"github.com/hookline-io/hookline/internal/testkit/tables"
	"github.com/hookline-io/hookline/schemas"
	"github.com/hookline-io/hookline/schemas/vendors"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// prepared is an engine with a database that is set up for UTC.
var prepared = tables.Prepared("UTC")

// open returns a set-up database in a new engine.
func open(t testing.TB, zones ...string) (*analytics.DB, *testkit.EngineProcess) {
	t.Helper()
	e := prepared.Engine(t)
	db := connect(t, e)
	if !slices.Equal(zones, []string{"UTC"}) {
		setup(t, db, zones...)
	}
	return db, e
}

func connect(t testing.TB, e *testkit.EngineProcess) *analytics.DB {
	t.Helper()
	db, err := analytics.Open(t.Context(), analytics.Options{DSN: analytics.DSN(e.DSN + "/hookline")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// ask runs one statement in the database, past everything that is under test.
func ask(t testing.TB, e *testkit.EngineProcess, sql string) string {
	t.Helper()
	return e.Ask(t, "hookline", sql)
}

// sale returns the row of a sale of 12.34 EUR by acme, received a second after it happened.
func sale(id string, at time.Time) analytics.Row {
	return analytics.Row{
		Event: schemas.Event{ID: id, Vendor: "acme", Type: "charge.succeeded", Time: at, Received: at.Add(time.Second),
			ContentType: "application/json", KeyID: "01234567", Proof: schemas.ProofBody, Data: []byte(`{"id":"` + id + `"}`)},
		Outcome: vendors.Outcome{Effects: []vendors.Effect{{Kind: vendors.KindSale, Key: "ch_" + id, Amount: decimal.RequireFromString("12.34"), Currency: "EUR",
			Order: "order-" + id, Time: at, Dimensions: map[string]string{"country": "NG", "channel": "web"}}}},
		Origin: analytics.Origin{Topic: "webhooks.events", Partition: 3, Offset: 42},
	}
}

// remove writes the tombstone of an event's sale, as a correction by hand would.
func remove(t testing.TB, e *testkit.EngineProcess, event string) {
	t.Helper()
	ask(t, e, "INSERT INTO sales (vendor, kind, sale_key, occurred_at, version, is_deleted) SELECT vendor, kind, sale_key, occurred_at, version + 1, 1 FROM sales FINAL WHERE event_id = '"+event+"'")
}

func insert(t testing.TB, db *analytics.DB, rows ...analytics.Row) {
	t.Helper()
	b := analytics.NewBatch()
	for _, r := range rows {
		if err := b.Append(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Insert(t.Context(), b); err != nil {
		t.Fatal(err)
	}
}
