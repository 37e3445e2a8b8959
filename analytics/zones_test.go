package analytics_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hookline-io/hookline/analytics"
	"github.com/hookline-io/hookline/internal/testkit"
)

func TestStoredZonesStay(t *testing.T) {
	t.Parallel()
	db, e := open(t, "UTC", "Asia/Kathmandu")
	insert(t, db, sale("evt_1", halloween))
	want := []string{"2026-11 acme EUR sale 1 12.34"}
	shows(t, db, "Asia/Kathmandu", want...)
	for _, zones := range [][]string{nil, {"UTC"}, {"Europe/Berlin"}, nil} {
		setup(t, db, zones...)
		if err := equals(db, "Asia/Kathmandu", want); err != nil {
			t.Errorf("after a setup of %q: %v", zones, err)
		}
	}
	const stored = "Asia/Kathmandu\nEurope/Berlin\nUTC"
	if got := ask(t, e, "SELECT zone FROM reporting_zones ORDER BY zone"); got != stored {
		t.Errorf("zones\n%s\nwant\n%s", got, stored)
	}
	insert(t, db, sale("evt_2", halloween)) // the zone is kept up, not only kept
	shows(t, db, "Asia/Kathmandu", "2026-11 acme EUR sale 2 24.68")
}

func TestNewDatabaseHasTheZonesItIsGiven(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		zones []string
		want  string
	}{{nil, "UTC"}, {[]string{"Europe/Berlin"}, "Europe/Berlin"}} {
		e := testkit.Engine(t)
		setup(t, connect(t, e), tt.zones...)
		if got := ask(t, e, "SELECT zone FROM reporting_zones"); got != tt.want {
			t.Errorf("a new database with %q has the zones %q", tt.zones, got)
		}
	}
}

func TestDroppedZone(t *testing.T) {
	t.Parallel()
	db, e := open(t, "UTC", "Asia/Kathmandu")
	insert(t, db, sale("evt_1", halloween))
	shows(t, db, "Asia/Kathmandu", "2026-11 acme EUR sale 1 12.34")
	shows(t, db, "UTC", "2026-10 acme EUR sale 1 12.34")
	drop := analytics.SetupOptions{DropZones: []string{"Asia/Kathmandu", "Asia/Tokyo"}}
	zones, err := db.Zones(t.Context(), drop)
	if got, want := fmt.Sprintf("%+v", zones), "{Kept:[UTC] Added:[] Dropped:[Asia/Kathmandu, 1 months, for all of which sales are stored] Unknown:[Asia/Tokyo]}"; got != want || err != nil {
		t.Errorf("%s, %v\nwant %s", got, err, want)
	}
	if plan, err := db.Plan(t.Context(), drop); err != nil || !strings.Contains(strings.Join(plan, ""), "delete the figures of the zone Asia/Kathmandu, 1 months") {
		t.Errorf("the plan does not say what it deletes: %v\n%s", err, plan)
	}
	setupWith(t, db, drop)
	if got := ask(t, e, "SELECT DISTINCT zone FROM sales_sums"); got != "UTC" {
		t.Errorf("zones with figures: %q", got)
	}
	shows(t, db, "UTC", "2026-10 acme EUR sale 1 12.34")
	if err := db.Setup(t.Context(), analytics.SetupOptions{DropZones: []string{"UTC"}}); err == nil || !strings.Contains(err.Error(), "--zones") {
		t.Errorf("dropping the last zone: %v", err)
	}
}

// aged is a database whose sales of three months ago retention has deleted, and their figures in UTC.
func aged(t *testing.T) (db *analytics.DB, e *testkit.EngineProcess, old time.Time, figures []string) {
	t.Helper()
	db, e = open(t, "UTC")
	now := time.Now().UTC().Truncate(time.Millisecond)
	old = time.Date(now.Year(), now.Month()-3, 15, 12, 0, 0, 0, time.UTC)
	insert(t, db, sale("evt_old", old), sale("evt_new", now))
	figures = []string{old.Format("2006-01") + " acme EUR sale 1 12.34", now.Format("2006-01") + " acme EUR sale 1 12.34"}
	shows(t, db, "UTC", figures...)
	refresh(t, e, "vendor_rollup_refresh")
	setupWith(t, db, analytics.SetupOptions{Keep: analytics.Retention{Sales: 10, Events: 10}})
	ask(t, e, "OPTIMIZE TABLE sales FINAL")
	ask(t, e, "OPTIMIZE TABLE events FINAL")
	if got := ask(t, e, "SELECT count() FROM sales"); got != "1" {
		t.Fatalf("%s sales are left, want 1", got)
	}
	return db, e, old, figures
}

func TestFiguresThatNothingCanComputeAgain(t *testing.T) {
	t.Parallel()
	db, _, old, figures := aged(t)
	keep := analytics.Retention{Sales: 10, Events: 10}

	add := analytics.SetupOptions{Zones: []string{"Asia/Tokyo"}, Keep: keep}
	zones, err := db.Zones(t.Context(), add)
	if got, want := fmt.Sprint(zones.Added), "[Asia/Tokyo, 2 months; the sales of 1 ("+old.Format("2006-01")+") are deleted]"; got != want || err != nil {
		t.Errorf("%s, %v\nwant %s", got, err, want)
	}
	setupWith(t, db, add)
	testkit.Eventually(t, converge, func() error {
		if totals, err := db.SalesTotals(t.Context(), "Asia/Tokyo"); err != nil || len(totals) != 1 {
			return fmt.Errorf("the new zone has %v, %w", totals, err)
		}
		return nil
	})
	if err := equals(db, "UTC", figures); err != nil {
		t.Error(err)
	}

	drop := analytics.SetupOptions{DropZones: []string{"UTC"}, Keep: keep}
	if err := db.Setup(t.Context(), drop); !errors.Is(err, analytics.ErrNeedsYes) || !strings.Contains(err.Error(), old.Format("2006-01")) {
		t.Errorf("dropping figures that nothing can compute again: %v", err)
	}
	if _, err := db.Plan(t.Context(), drop); !errors.Is(err, analytics.ErrNeedsYes) {
		t.Errorf("planning it: %v", err)
	}
	if err := equals(db, "UTC", figures); err != nil {
		t.Error(err)
	}
	drop.Yes = true
	setupWith(t, db, drop)
	if totals, err := db.SalesTotals(t.Context(), "UTC"); err != nil || len(totals) != 0 {
		t.Errorf("the dropped zone still has %v, %v", totals, err)
	}
}

// A sale that comes late for a month that retention has deleted must not take the place of its figures: neither while
// the retention holds, nor after it was made longer or taken away, as a plain setup does.
func TestLongerRetentionKeepsFigures(t *testing.T) {
	t.Parallel()
	for name, keep := range map[string]analytics.Retention{"none": {}, "longer": {Sales: 3000, Events: 3000}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, e, old, figures := aged(t)
			const vendors = "SELECT month, events FROM vendor_performance WHERE events > 0 ORDER BY month"
			before := ask(t, e, vendors)
			if strings.Count(before, "\n") != 1 {
				t.Fatalf("vendors:\n%s", before)
			}
			for _, table := range []string{"sales", "events"} {
				ask(t, e, "SYSTEM STOP TTL MERGES "+table)
			}
			late := sale("evt_late", old)
			late.Event.Vendor = "bolt"
			insert(t, db, late)
			setupWith(t, db, analytics.SetupOptions{Keep: keep})
			setupWith(t, db, analytics.SetupOptions{Keep: keep, Zones: []string{"Asia/Tokyo"}}) // all months are looked at for a new zone
			testkit.Eventually(t, converge, func() error { return upToDate(db, 2) })
			refresh(t, e, "sales_rollup_refresh")
			refresh(t, e, "vendor_rollup_refresh")
			if err := equals(db, "UTC", figures); err != nil {
				t.Error(err)
			}
			if after := ask(t, e, vendors); after != before {
				t.Errorf("vendors were\n%s\nand are\n%s", before, after)
			}
			insert(t, db, sale("evt_now", time.Now().UTC()))
			figures[1] = strings.Replace(figures[1], "1 12.34", "2 24.68", 1)
			testkit.Eventually(t, converge, func() error { return equals(db, "UTC", figures) })
		})
	}
}

// refresh runs a view once and waits for it.
func refresh(t *testing.T, e *testkit.EngineProcess, view string) {
	t.Helper()
	ask(t, e, "SYSTEM REFRESH VIEW "+view)
	ask(t, e, "SYSTEM WAIT VIEW "+view)
}

func TestUpgradeKeepsZones(t *testing.T) {
	t.Parallel()
	for version, table := range map[int64]string{1: "sales_rollup (zone, ", 4: "sales_rollup (zone, ", 5: "sales_sums (grain, zone, ", 9: "sales_sums (grain, zone, "} {
		t.Run(fmt.Sprint(version), func(t *testing.T) {
			t.Parallel()
			e := testkit.Engine(t)
			db := connect(t, e)
			if err := db.MigrateTo(t.Context(), version); err != nil {
				t.Fatal(err)
			}
			grain := ""
			if version >= 5 {
				grain = "'month', "
			}
			ask(t, e, "INSERT INTO "+table+`source_month, day, vendor, currency, kind, count, amount, refreshed_at) VALUES
				(`+grain+`'Europe/Berlin', 202001, '2020-01-01', 'acme', 'EUR', 'sale', 3, 11.25, '2020-02-01 00:00:00')`)
			if plan, err := db.Plan(t.Context(), analytics.SetupOptions{}); err != nil || !strings.Contains(strings.Join(plan, ""), "arrayJoin(['Europe/Berlin'])") {
				t.Errorf("the plan has not the stored zone: %v", err)
			}
			setup(t, db)
			if err := equals(db, "Europe/Berlin", []string{"2020-01 acme EUR sale 3 11.25"}); err != nil {
				t.Error(err)
			}
			if got := ask(t, e, "SELECT zone FROM reporting_zones"); got != "Europe/Berlin" {
				t.Errorf("zones %q", got)
			}
		})
	}
}
