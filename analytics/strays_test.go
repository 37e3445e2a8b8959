package analytics_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/hookline-io/hookline/analytics"
)

func TestInvariant4_StraysAreFoundAndHealed(t *testing.T) {
	t.Parallel()
	db, _ := open(t, "UTC")
	heal := func(want ...analytics.Stray) {
		t.Helper()
		strays, err := db.Strays(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(strays)+len(want) > 0 && !reflect.DeepEqual(strays, want) {
			t.Errorf("found %+v, want %+v", strays, want)
		}
		if err := db.HealStrays(t.Context()); err != nil {
			t.Fatal(err)
		}
		if strays, err := db.Strays(t.Context()); err != nil || len(strays) > 0 {
			t.Errorf("still there: %+v, %v", strays, err)
		}
	}
	heal()

	// Two events about one charge, on either side of midnight; the later one was received first and counts.
	edge := time.Date(2026, 10, 31, 23, 59, 59, 0, time.UTC)
	first, second := sale("evt_1", edge), sale("evt_2", edge.Add(2*time.Second))
	first.Event.Received = second.Event.Received.Add(time.Minute)
	second.Outcome.Effects[0].Key = first.Outcome.Effects[0].Key
	steady := sale("evt_3", edge)
	insert(t, db, first, second, steady)
	heal(analytics.Stray{Table: "sales", Vendor: "acme", Kind: "sale", Key: "ch_evt_1", Month: 202610, Best: 202611})
	shows(t, db, "UTC", "2026-10 acme EUR sale 1 12.34", "2026-11 acme EUR sale 1 12.34")

	// A redelivery of the stray does not bring it back.
	insert(t, db, first)
	heal()

	// A re-mapping with another time moves it to a month of its own, and the event with it.
	moved := sale("evt_2", edge.AddDate(0, -2, 0))
	moved.Outcome.Effects[0].Key, moved.Event.Received, moved.Generation = first.Outcome.Effects[0].Key, second.Event.Received, 1
	insert(t, db, moved)
	heal(analytics.Stray{Table: "sales", Vendor: "acme", Kind: "sale", Key: "ch_evt_1", Month: 202611, Best: 202608},
		analytics.Stray{Table: "events", Vendor: "acme", Key: "evt_2", Month: 202611, Best: 202608})
	shows(t, db, "UTC", "2026-08 acme EUR sale 1 12.34", "2026-10 acme EUR sale 1 12.34")

	// A tombstone in one month is one for all.
	gone := first
	gone.Generation, gone.Removed = 2, true
	insert(t, db, gone)
	heal(analytics.Stray{Table: "sales", Vendor: "acme", Kind: "sale", Key: "ch_evt_1", Month: 202608, Best: 202610})
	shows(t, db, "UTC", "2026-10 acme EUR sale 1 12.34")
}

func TestInvariant4_SaleAtAMonthsEdgeCountsOnce(t *testing.T) {
	t.Parallel()
	db, e := open(t, "UTC")
	edge := time.Date(2026, 10, 31, 23, 59, 59, 0, time.UTC)
	first, second := sale("evt_1", edge), sale("evt_2", edge.Add(2*time.Second))
	second.Outcome.Effects[0].Key = first.Outcome.Effects[0].Key
	insert(t, db, first, sale("evt_3", edge), sale("evt_4", edge.AddDate(0, 0, -14)))
	insert(t, db, second)
	look := func() {
		t.Helper()
		ask(t, e, "SYSTEM REFRESH VIEW sales_edges_refresh")
		ask(t, e, "SYSTEM WAIT VIEW sales_edges_refresh")
		if strays, err := db.Strays(t.Context()); err != nil || len(strays) > 0 {
			t.Errorf("strays left: %+v, %v", strays, err)
		}
	}
	look()
	shows(t, db, "UTC", "2026-10 acme EUR sale 3 37.02")

	// What comes after it has looked is found the next time: at the edge of a year, and one whose two rows rank the same,
	// of which the one in the later month counts.
	year := time.Date(2025, 12, 31, 23, 59, 59, 0, time.UTC)
	fifth, sixth := sale("evt_5", year), sale("evt_6", year.Add(2*time.Second))
	sixth.Outcome.Effects[0].Key, sixth.Event.Received = fifth.Outcome.Effects[0].Key, fifth.Event.Received
	insert(t, db, fifth)
	insert(t, db, sixth)
	look()
	shows(t, db, "UTC", "2026-01 acme EUR sale 1 12.34", "2026-10 acme EUR sale 3 37.02")

	before := ask(t, e, "SELECT count() FROM sales")
	look()
	if after := ask(t, e, "SELECT count() FROM sales"); after != before {
		t.Errorf("it writes again what it has written: %s rows became %s", before, after)
	}
}
