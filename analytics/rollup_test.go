package analytics_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"

	"github.com/hookline-io/hookline/analytics"
	"github.com/hookline-io/hookline/internal/testkit"
	"github.com/hookline-io/hookline/schemas/vendors"
)

// converge bounds how long the rollup may take on a machine that does ten other things.
const converge = 60 * time.Second

// lines writes totals out, one a line: month vendor currency kind count amount.
func lines(totals []analytics.Total) string {
	var b strings.Builder
	for _, t := range totals {
		month := "undated"
		if !t.Month.IsZero() {
			month = t.Month.Format("2006-01")
		}
		fmt.Fprintf(&b, "%s %s %s %s %d %s\n", month, t.Vendor, t.Currency, t.Kind, t.Count, t.Amount)
	}
	return b.String()
}

// shows fails the test unless the totals of zone, one a line, become want in the views and are want in the
// table.
func shows(t testing.TB, db *analytics.DB, zone string, want ...string) {
	t.Helper()
	raw, err := db.SalesTotalsRaw(t.Context(), zone)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, splitLines(lines(raw))); diff != "" {
		t.Fatalf("the table differs in %s:\n%s", zone, diff)
	}
	testkit.Eventually(t, converge, func() error { return equals(db, zone, want) })
}

// equals returns an error unless the view's totals of zone, one a line, are want.
func equals(db *analytics.DB, zone string, want []string) error {
	totals, err := db.SalesTotals(context.Background(), zone)
	if err != nil {
		return err
	}
	if diff := cmp.Diff(want, splitLines(lines(totals))); diff != "" {
		return fmt.Errorf("the view differs in %s:\n%s", zone, diff)
	}
	return nil
}

func TestInvariant5_MonthIsTheReadersOwn(t *testing.T) {
	t.Parallel()
	zones := []string{"UTC", "Africa/Lagos", "Asia/Kolkata", "Asia/Kathmandu", "America/New_York"}
	db, _ := open(t, zones...)
	late := sale("evt_1", time.Date(2026, 9, 30, 23, 30, 0, 0, time.UTC))
	late.Event.Received = time.Date(2026, 11, 5, 0, 0, 0, 0, time.UTC) // months later changes nothing
	undated := sale("evt_2", time.Time{})
	undated.Event.Received = halloween
	// 3:30 UTC is 23:30 the day before in New York in summer, 22:30 in winter: the end of October is summer
	// time, the end of November is not.
	dst := sale("evt_3", time.Date(2026, 11, 1, 3, 30, 0, 0, time.UTC))
	insert(t, db, late, undated, dst)
	for _, zone := range zones {
		september, november := "2026-10 acme EUR sale 1 12.34", "2026-11 acme EUR sale 1 12.34"
		switch zone {
		case "UTC":
			september = "2026-09 acme EUR sale 1 12.34"
		case "America/New_York":
			september, november = "2026-09 acme EUR sale 1 12.34", "2026-10 acme EUR sale 1 12.34"
		}
		shows(t, db, zone, september, november, "undated acme EUR sale 1 12.34")
	}
}

func TestInvariant4_RollupCountsEachSaleOnce(t *testing.T) {
	t.Parallel()
	db, e := open(t, "UTC")
	ask(t, e, "SYSTEM STOP MERGES")
	row := sale("evt_1", halloween)
	refund := sale("evt_r", halloween)
	refund.Outcome.Effects[0].Kind, refund.Outcome.Effects[0].Amount = vendors.KindRefund, decimal.RequireFromString("0.34")
	insert(t, db, row, refund)
	shows(t, db, "UTC", "2026-10 acme EUR refund 1 0.34", "2026-10 acme EUR sale 1 12.34")

	again := row
	for i := range 5 {
		again.Event.Received = row.Event.Received.AddDate(0, i, 0)
		insert(t, db, again, refund)
	}
	older := sale("evt_2", halloween.AddDate(-1, 0, 0))
	insert(t, db, older)
	shows(t, db, "UTC", "2025-10 acme EUR sale 1 12.34", "2026-10 acme EUR refund 1 0.34", "2026-10 acme EUR sale 1 12.34")

	// The group of the sale vanishes, the refund's changes, and a new one appears.
	remove(t, e, "evt_1")
	changed := refund
	sold := refund.Outcome.Effects[0]
	sold.Amount = decimal.RequireFromString("1.0001")
	changed.Outcome.Effects, changed.Generation = []vendors.Effect{sold}, 1
	other := sale("evt_3", halloween)
	other.Outcome.Effects[0].Currency = "JPY"
	insert(t, db, changed, other)
	shows(t, db, "UTC", "2025-10 acme EUR sale 1 12.34", "2026-10 acme EUR refund 1 1.0001", "2026-10 acme JPY sale 1 12.34")

	ask(t, e, "SYSTEM START MERGES")
	ask(t, e, "OPTIMIZE TABLE sales FINAL")
	ask(t, e, "OPTIMIZE TABLE sales_sums FINAL")
	shows(t, db, "UTC", "2025-10 acme EUR sale 1 12.34", "2026-10 acme EUR refund 1 1.0001", "2026-10 acme JPY sale 1 12.34")
}

func TestRollupRecovers(t *testing.T) {
	testkit.NeedsOwnEngine(t)
	t.Parallel()
	db, e := open(t, "UTC", "Africa/Lagos")
	insert(t, db, sale("evt_1", halloween))
	shows(t, db, "Africa/Lagos", "2026-11 acme EUR sale 1 12.34")

	t.Run("after a crash of the engine", func(t *testing.T) {
		e.Restart()
		insert(t, db, sale("evt_2", halloween.AddDate(0, -1, -1)))
		shows(t, db, "Africa/Lagos", "2026-10 acme EUR sale 1 12.34", "2026-11 acme EUR sale 1 12.34")
	})
	t.Run("after its view was gone", func(t *testing.T) {
		ask(t, e, "DROP VIEW sales_rollup_refresh SYNC")
		ask(t, e, "DROP VIEW sales_hours_refresh SYNC")
		ask(t, e, "DROP VIEW sales_touched_log SYNC")
		ask(t, e, "TRUNCATE TABLE sales_hours SYNC")
		insert(t, db, sale("evt_3", halloween))
		insert(t, db, sale("evt_4", halloween.AddDate(-2, 0, -1)))
		setup(t, db, "UTC", "Africa/Lagos")
		shows(t, db, "Africa/Lagos", "2024-10 acme EUR sale 1 12.34", "2026-10 acme EUR sale 1 12.34", "2026-11 acme EUR sale 2 24.68")
	})
	t.Run("after its rows were gone", func(t *testing.T) {
		for _, table := range []string{"sales_sums", "sales_hours", "sales_touched"} {
			ask(t, e, "TRUNCATE TABLE "+table+" SYNC")
		}
		shows(t, db, "Africa/Lagos", "2024-10 acme EUR sale 1 12.34", "2026-10 acme EUR sale 1 12.34", "2026-11 acme EUR sale 2 24.68")
	})
	t.Run("after a part that became visible late", func(t *testing.T) {
		ask(t, e, "SYSTEM STOP VIEW sales_hours_refresh")
		insert(t, db, sale("evt_5", halloween))
		// As a run would leave it that began 4 s after the log named the hour, and did not see the part.
		ask(t, e, fmt.Sprintf("INSERT INTO sales_hours (source_month, grain, source_hour, refreshed_at) SELECT 202610, 'run', source_hour, max(touched_at) + INTERVAL 4 SECOND FROM sales_touched WHERE source_hour = %d GROUP BY source_hour",
			halloween.Unix()/3600))
		ask(t, e, "SYSTEM START VIEW sales_hours_refresh")
		shows(t, db, "Africa/Lagos", "2024-10 acme EUR sale 1 12.34", "2026-10 acme EUR sale 1 12.34", "2026-11 acme EUR sale 3 37.02")
		remove(t, e, "evt_5")
	})
	t.Run("after rows of sales were deleted", func(t *testing.T) {
		ask(t, e, "ALTER TABLE sales DELETE WHERE event_id = 'evt_1' SETTINGS mutations_sync = 2")
		shows(t, db, "Africa/Lagos", "2024-10 acme EUR sale 1 12.34", "2026-10 acme EUR sale 1 12.34", "2026-11 acme EUR sale 1 12.34")
	})
}

func TestZonesAreAdded(t *testing.T) {
	t.Parallel()
	db, e := open(t, "UTC")
	if got := ask(t, e, "SELECT zone FROM reporting_zones"); got != "UTC" {
		t.Errorf("zones %q", got)
	}
	for i := range 10 { // more months than one run recomputes
		insert(t, db, sale(fmt.Sprint("evt_", i), halloween.AddDate(0, -i, -i)))
	}
	before := ask(t, e, "SELECT uuid FROM system.tables WHERE database = 'hookline' AND name = 'sales_rollup_refresh'")
	setup(t, db, "UTC")
	if after := ask(t, e, "SELECT uuid FROM system.tables WHERE database = 'hookline' AND name = 'sales_rollup_refresh'"); after != before {
		t.Error("setting up the same zones again replaced the view")
	}
	setup(t, db, "Asia/Kathmandu", "UTC", "Asia/Kathmandu")
	testkit.Eventually(t, converge, func() error { return upToDate(db, 10) })
	// Grafana's connection has a current database of its own.
	if got := e.Ask(t, "", "SELECT months, pending FROM hookline.rollup_state"); got != "10\t0" {
		t.Errorf("from another database the state is %s", got)
	}
	raw, err := db.SalesTotalsRaw(t.Context(), "Asia/Kathmandu")
	if err != nil {
		t.Fatal(err)
	}
	if totals, err := db.SalesTotals(t.Context(), "Asia/Kathmandu"); err != nil || lines(totals) != lines(raw) || len(raw) != 10 {
		t.Errorf("nothing is pending and the view has\n%sthe table\n%s%v", lines(totals), lines(raw), err)
	}
}

func TestRefreshIsAllOrNothing(t *testing.T) {
	t.Parallel()
	// 12 zones, 4 months, 28 days and 800 vendors make more groups than ClickHouse puts into one block by
	// default: 1 048 449.
	zones := []string{"UTC", "Africa/Lagos", "Africa/Nairobi", "Asia/Kolkata", "Asia/Kathmandu", "Asia/Tokyo", "Asia/Dubai",
		"America/New_York", "America/Sao_Paulo", "Europe/Berlin", "Europe/London", "Australia/Sydney"}
	db, e := open(t, zones...)
	ask(t, e, "SYSTEM STOP MERGES sales_sums")
	ask(t, e, `INSERT INTO sales (vendor, kind, sale_key, amount, currency, occurred_at, received_at, version)
		SELECT concat('v', toString(number % 800)), 'sale', toString(number), 1, 'EUR',
			toDateTime64('2026-06-01 12:00:00', 3, 'UTC') + toIntervalMonth(intDiv(number, 800) % 4) + toIntervalDay(intDiv(number, 3200)), now(), 1
		FROM numbers(800 * 4 * 28)`)
	testkit.Eventually(t, 3*converge, func() error { return upToDate(db, 4) })
	if got := ask(t, e, "SELECT sum(count) FROM sales_sums FINAL WHERE grain = 'day'"); got != "1075200" {
		t.Errorf("%s sales in 12 zones, want 1075200", got)
	}
	if got := ask(t, e, "SELECT max(parts) FROM (SELECT refreshed_at, uniqExact(_part) AS parts FROM sales_sums GROUP BY refreshed_at)"); got != "1" {
		t.Errorf("one refresh wrote %s parts: a crash between them would leave wrong figures", got)
	}
}

func setup(t testing.TB, db *analytics.DB, zones ...string) {
	t.Helper()
	if err := db.Setup(t.Context(), analytics.SetupOptions{Zones: zones}); err != nil {
		t.Fatal(err)
	}
}

func splitLines(s string) []string { return strings.Split(strings.TrimSuffix(s, "\n"), "\n") }

// upToDate returns an error unless the rollup has these many source months and nothing left to do.
func upToDate(db *analytics.DB, months uint64) error {
	state, err := db.RollupState(context.Background())
	if err == nil && (state.Months != months || state.Pending > 0) {
		err = fmt.Errorf("the rollup's state is %+v", state)
	}
	return err
}
