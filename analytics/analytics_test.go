package analytics_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/hookline-io/hookline/analytics"
	"github.com/hookline-io/hookline/internal/testkit"
	"github.com/hookline-io/hookline/schemas"
	"github.com/hookline-io/hookline/schemas/vendors"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// open returns a set-up database in a new engine.
func open(t testing.TB, zones ...string) (*analytics.DB, *testkit.EngineProcess) {
	t.Helper()
	e := testkit.Engine(t)
	db := connect(t, e)
	if err := db.Setup(t.Context(), analytics.SetupOptions{Zones: zones}); err != nil {
		t.Fatal(err)
	}
	return db, e
}

func connect(t testing.TB, e *testkit.EngineProcess) *analytics.DB {
	t.Helper()
	db, err := analytics.Open(t.Context(), analytics.Options{DSN: analytics.DSN(e.DSN + "/hookline?compress=none")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// sale returns the row of a sale of 12.34 EUR by acme, received a second after it happened.
func sale(id string, at time.Time) analytics.Row {
	return analytics.Row{
		Event: schemas.Event{ID: id, Vendor: "acme", Type: "charge.succeeded", Time: at, Received: at.Add(time.Second),
			ContentType: "application/json", KeyID: "01234567", Proof: schemas.ProofBody, Data: []byte(`{"id":"` + id + `"}`)},
		Sale: &vendors.Sale{Kind: vendors.KindSale, Key: "ch_" + id, Amount: decimal.RequireFromString("12.34"), Currency: "EUR",
			Order: "order-" + id, Time: at, Dimensions: map[string]string{"country": "NG", "channel": "web"}},
		Origin: analytics.Origin{Topic: "webhooks.events", Partition: 3, Offset: 42},
	}
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

func TestSmoke(t *testing.T) {
	db, _ := open(t, "UTC", "Africa/Lagos")
	insert(t, db, sale("1", time.Date(2026, 10, 31, 23, 30, 0, 0, time.UTC)), sale("2", time.Date(2026, 10, 31, 22, 30, 0, 0, time.UTC)))
	start := time.Now()
	testkit.Eventually(t, 10*time.Second, func() error {
		totals, err := db.SalesTotals(context.Background(), "Africa/Lagos")
		if err == nil && len(totals) == 0 {
			err = fmt.Errorf("no totals")
		}
		return err
	})
	fmt.Println(time.Since(start))
	fmt.Println(db.SalesTotals(t.Context(), "Africa/Lagos"))
	fmt.Println(db.SalesTotals(t.Context(), "UTC"))
	fmt.Println(db.SalesTotalsRaw(t.Context(), "UTC"))
	fmt.Println(db.CountEvents(t.Context()))
	fmt.Println(db.RollupState(t.Context()))
	testkit.Eventually(t, 10*time.Second, func() error {
		s, err := db.RollupState(context.Background())
		if err == nil && s.Pending > 0 {
			err = fmt.Errorf("pending %v", s)
		}
		return err
	})
	fmt.Println(time.Since(start))
}
