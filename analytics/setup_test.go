package analytics_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hookline-io/hookline/analytics"
	"github.com/hookline-io/hookline/internal/testkit"
)

func TestSetupRefusesWhatMakesNoSense(t *testing.T) {
	db, err := analytics.Open(t.Context(), analytics.Options{DSN: "clickhouse://127.0.0.1:1/hookline"})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, zones := range [][]string{{""}, {"Local"}, {"Africa/Atlantis"}, {"UTC", "'); DROP DATABASE hookline; --"}} {
		if err := db.Setup(t.Context(), analytics.SetupOptions{Zones: zones}); err == nil || !strings.Contains(err.Error(), "zone") {
			t.Errorf("%q: %v", zones, err)
		}
	}
	if err := db.Setup(t.Context(), analytics.SetupOptions{Zones: []string{"UTC"}, DropZones: []string{"UTC"}}); err == nil || !strings.Contains(err.Error(), "added and dropped") {
		t.Errorf("added and dropped: %v", err)
	}
	if err := db.Setup(t.Context(), analytics.SetupOptions{Zones: []string{"UTC"}, Keep: analytics.Retention{Events: -1}}); err == nil || !strings.Contains(err.Error(), "days") {
		t.Errorf("keep -1 days: %v", err)
	}
}

func TestPlanSaysWhatSetupWillDo(t *testing.T) {
	t.Parallel()
	e := testkit.Engine(t)
	db := connect(t, e)
	plan := func(o analytics.SetupOptions) string {
		t.Helper()
		steps, err := db.Plan(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(steps, "\n")
	}
	o := analytics.SetupOptions{Zones: []string{"UTC"}, Keep: analytics.Retention{Events: 90}}
	first := plan(o)
	for _, want := range []string{"CREATE DATABASE", "CREATE TABLE IF NOT EXISTS sales\n", "VIEW sales_per_month", "VIEW sales_rollup_refresh", "toIntervalDay(90)"} {
		if !strings.Contains(first, want) {
			t.Errorf("the plan for a new database has no %s:\n%s", want, first)
		}
	}
	if got := e.Ask(t, "", "SELECT count() FROM system.tables WHERE database = 'hookline'"); got != "0" {
		t.Errorf("planning made %s tables", got)
	}
	setupWith(t, db, o)
	second := plan(o)
	for _, done := range []string{"CREATE TABLE", "REFRESH EVERY", "TTL"} {
		if strings.Contains(second, done) {
			t.Errorf("the plan after the setup still has %s:\n%s", done, second)
		}
	}
	o.Zones, o.Keep.Events = []string{"UTC", "Asia/Tokyo"}, 0
	third := plan(o)
	for _, want := range []string{"'Asia/Tokyo'", "REFRESH EVERY", "REMOVE TTL"} {
		if !strings.Contains(third, want) {
			t.Errorf("the plan for a new zone and no retention has no %s:\n%s", want, third)
		}
	}
	setupWith(t, db, o)
	if last := plan(o); strings.Contains(last, "TTL") || strings.Contains(last, "REFRESH EVERY") {
		t.Errorf("the plan in the end:\n%s", last)
	}
}

// Every table that grows has a retention of its own; one of four that has none takes that of all outcomes.
func TestRetentionIsEachTablesOwn(t *testing.T) {
	t.Parallel()
	db, e := open(t, "UTC")
	days := func(n int) *int { return &n }
	for _, tt := range []struct {
		keep analytics.Retention
		want string
	}{
		{analytics.Retention{}, "0 0 0 0 0 0"},
		{analytics.Retention{Outcomes: 30}, "30 30 0 30 30 0"},
		{analytics.Retention{Events: 1, Sales: 2, Outcomes: 30, ActionResults: days(3), Rejections: days(4), DeadLetters: days(5), Ledger: days(6)}, "3 5 1 6 4 2"},
		{analytics.Retention{Outcomes: 30, DeadLetters: days(90), Ledger: days(0)}, "30 90 0 0 30 0"},
		{analytics.Retention{Ledger: days(400)}, "0 0 0 400 0 0"},
	} {
		setupWith(t, db, analytics.SetupOptions{Zones: []string{"UTC"}, Keep: tt.keep})
		got := ask(t, e, `SELECT arrayStringConcat(groupArray(toString(toUInt32OrZero(extract(engine_full, 'toIntervalDay\\((\\d+)\\)')))), ' ')
			FROM (SELECT engine_full FROM system.tables WHERE database = 'hookline' AND name IN ('events', 'sales', 'action_results', 'rejections', 'dead_letters', 'ledger') ORDER BY name)`)
		if got != tt.want {
			t.Errorf("%+v: action_results, dead_letters, events, ledger, rejections, sales are kept for %s days, want %s", tt.keep, got, tt.want)
		}
	}
	if err := db.Setup(t.Context(), analytics.SetupOptions{Zones: []string{"UTC"}, Keep: analytics.Retention{Ledger: days(-1)}}); err == nil || !strings.Contains(err.Error(), "ledger") {
		t.Errorf("keep the ledger for -1 days: %v", err)
	}
}

func setupWith(t *testing.T, db *analytics.DB, o analytics.SetupOptions) {
	t.Helper()
	if err := db.Setup(t.Context(), o); err != nil {
		t.Fatal(err)
	}
}

func TestFiguresOutliveTheirSales(t *testing.T) {
	t.Parallel()
	db, e := open(t, "UTC")
	now := time.Now().UTC().Truncate(time.Millisecond)
	old := now.AddDate(0, -3, 0)
	undated := sale("evt_undated", time.Time{})
	undated.Event.Received = old
	insert(t, db, sale("evt_old", old), sale("evt_new", now), undated)
	want := []string{old.Format("2006-01") + " acme EUR sale 1 12.34", now.Format("2006-01") + " acme EUR sale 1 12.34", "undated acme EUR sale 1 12.34"}
	shows(t, db, "UTC", want...)

	setupWith(t, db, analytics.SetupOptions{Zones: []string{"UTC"}, Keep: analytics.Retention{Sales: 10, Events: 10, Outcomes: 10}})
	ask(t, e, "OPTIMIZE TABLE sales FINAL")
	ask(t, e, "OPTIMIZE TABLE events FINAL")
	for _, table := range []string{"sales", "events"} {
		if got := ask(t, e, "SELECT count() FROM "+table); got != "2" {
			t.Errorf("%s rows of %s left, want 2", got, table)
		}
	}
	// One that comes late for the month that is gone must not take the place of its figures.
	insert(t, db, sale("evt_late", old), sale("evt_new_2", now))
	want[1] = now.Format("2006-01") + " acme EUR sale 2 24.68"
	testkit.Eventually(t, converge, func() error { return equals(db, "UTC", want) })
	testkit.Eventually(t, converge, func() error {
		state, err := db.RollupState(t.Context()) // of three months, or of two once the late sale is deleted too
		if err == nil && state.Pending > 0 {
			err = fmt.Errorf("the rollup's state is %+v", state)
		}
		return err
	})
}

func TestTwoSetupsAtOnce(t *testing.T) {
	t.Parallel()
	e := testkit.Engine(t)
	done := make(chan error)
	for range 3 {
		db := connect(t, e)
		go func() { done <- db.Setup(t.Context(), analytics.SetupOptions{Zones: []string{"UTC"}}) }()
	}
	for range 3 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if got := ask(t, e, "SELECT groupArray(version_id) FROM (SELECT version_id FROM schema_migrations ORDER BY version_id)"); got != "[0,1,2,3,4,5,6,7,8,9,10,11,12,13,14]" {
		t.Errorf("migrations %s", got)
	}
	if got := ask(t, e, "SELECT count() FROM system.tables WHERE database = 'hookline' AND name = 'setup_lock'"); got != "0" {
		t.Error("the lock is still there")
	}
}

// former writes a row as versions of hookline did that knew no registry.
func former(t *testing.T, e *testkit.EngineProcess, r analytics.Row, generation uint16) {
	t.Helper()
	version := analytics.Version("", r.Event.Received, generation)
	const layout = "2006-01-02 15:04:05.000"
	effect := r.Outcome.Effects[0]
	ask(t, e, fmt.Sprintf(`INSERT INTO events (vendor, event_id, type, occurred_at, received_at, payload, proof, effect, version)
		VALUES ('%s', '%s', '%s', '%s', '%s', '{}', 'body', 'sale', %d)`, r.Event.Vendor, r.Event.ID, r.Event.Type,
		r.Event.Time.Format(layout), r.Event.Received.Format(layout), version))
	ask(t, e, fmt.Sprintf(`INSERT INTO sales (vendor, kind, sale_key, event_id, type, amount, currency, occurred_at, received_at, version, is_deleted)
		VALUES ('%s', '%s', '%s', '%s', '%s', %s, '%s', '%s', '%s', %d, 0)`, r.Event.Vendor, effect.Kind, effect.Key, r.Event.ID, r.Event.Type,
		effect.Amount, effect.Currency, effect.Time.Format(layout), r.Event.Received.Format(layout), version))
}

func TestDatabaseOfAnOlderVersionKeepsItsRows(t *testing.T) {
	t.Parallel()
	migrations, err := filepath.Glob("migrations/*.sql")
	if err != nil || len(migrations) < 9 {
		t.Fatalf("%d migrations, %v", len(migrations), err)
	}
	for version := range int64(len(migrations)) {
		version++
		t.Run(fmt.Sprint(version), func(t *testing.T) {
			t.Parallel()
			e := testkit.Engine(t)
			db := connect(t, e)
			if err := db.MigrateTo(t.Context(), version); err != nil {
				t.Fatal(err)
			}
			stored := time.Now().UTC().Format("2006-01") + "-01"
			former(t, e, sale("evt_1", halloween), 0)
			former(t, e, sale("evt_2", halloween), 0)
			// One sale in two months, as two events at the edge of a month made it.
			later := sale("evt_3", halloween.Add(time.Hour))
			later.Outcome.Effects[0].Key = "ch_evt_2"
			former(t, e, later, 0)
			former(t, e, sale("evt_4", halloween), 1)
			// The figures of a month whose sales are gone already, and one that is not up to date.
			if version < 5 {
				ask(t, e, `INSERT INTO sales_rollup (zone, source_month, day, vendor, currency, kind, count, amount, refreshed_at) VALUES
					('UTC', 202001, '2020-01-03', 'acme', 'EUR', 'sale', 2, 10.25, '2020-02-01 00:00:00'), ('UTC', 202001, '2020-01-04', 'acme', 'EUR', 'sale', 1, 1, '2020-02-01 00:00:00'),
					('UTC', 202001, '1970-01-01', '', '', '', 0, 0, '2020-02-01 00:00:00'), ('UTC', 202610, '2026-10-31', 'acme', 'EUR', 'sale', 1, 12.34, '2026-11-01 00:00:00')`)
			} else {
				ask(t, e, `INSERT INTO sales_sums (zone, grain, source_month, day, vendor, currency, kind, count, amount, refreshed_at) VALUES
					('UTC', 'day', 202001, '2020-01-03', 'acme', 'EUR', 'sale', 2, 10.25, '2020-02-01 00:00:00'), ('UTC', 'day', 202001, '2020-01-04', 'acme', 'EUR', 'sale', 1, 1, '2020-02-01 00:00:00'),
					('UTC', 'month', 202001, '2020-01-01', 'acme', 'EUR', 'sale', 3, 11.25, '2020-02-01 00:00:00'), ('UTC', 'run', 202001, '1970-01-01', '', '', '', 0, 0, '2020-02-01 00:00:00'),
					('UTC', 'day', 202610, '2026-10-31', 'acme', 'EUR', 'sale', 1, 12.34, '2026-11-01 00:00:00'), ('UTC', 'month', 202610, '2026-10-01', 'acme', 'EUR', 'sale', 1, 12.34, '2026-11-01 00:00:00')`)
			}
			ask(t, e, `INSERT INTO vendor_rollup (vendor, source_month, events, refreshed_at) VALUES ('acme', 202001, 3, '2020-02-01 00:00:00'), ('acme', 202610, 1, '2026-11-01 00:00:00'), ('', 202610, 0, now())`)
			setupWith(t, db, analytics.SetupOptions{Zones: []string{"UTC"}})
			ask(t, e, `INSERT INTO ledger (kafka_topic, first_offset, end_offset, consumer_group, vendors, written_at) VALUES ('webhooks.events', 0, 4, 'g', {'acme': 4}, '2020-01-31 00:00:00')`)
			testkit.Eventually(t, converge, func() error {
				return equals(db, "UTC", []string{"2020-01 acme EUR sale 3 11.25", "2026-10 acme EUR sale 3 37.02"})
			})
			if got := ask(t, e, "SELECT day, orders, gross FROM sales_daily ORDER BY day"); got != "2020-01-03\t2\t10.25\n2020-01-04\t1\t1\n2026-10-31\t3\t37.02" {
				t.Errorf("days:\n%s", got)
			}
			if n, err := db.CountEvents(t.Context()); n != 4 || err != nil {
				t.Errorf("%d events, %v", n, err)
			}
			// Events that are gone count as stored when they happened; the others are counted again.
			testkit.Eventually(t, converge, func() error {
				want := "2020-01-01\t3\t0.25\n2026-10-01\t3\t\\N\n2026-11-01\t1\t\\N\n\n2020-01-01\t3\n" + stored + "\t4"
				got := ask(t, e, "SELECT month, events, redelivery_rate FROM vendor_performance WHERE events > 0 ORDER BY month") + "\n\n" +
					ask(t, e, "SELECT month, new_events FROM vendor_performance WHERE new_events > 0 ORDER BY month")
				if got != want {
					return fmt.Errorf("vendors:\n%s\nwant\n%s", got, want)
				}
				return nil
			})
			// What came before ranks as it would today.
			if got, want := ask(t, e, "SELECT version, proof FROM sales FINAL WHERE event_id = 'evt_1'"), fmt.Sprint(analytics.SaleVersion(sale("evt_1", halloween)), "\tbody"); got != want {
				t.Errorf("evt_1 ranks %s, want %s", got, want)
			}
			insert(t, db, sale("evt_1", halloween), later)
			setupWith(t, db, analytics.SetupOptions{Zones: []string{"UTC"}})
			shows := ask(t, e, "SELECT sale_key, event_id, source_month FROM sales FINAL ORDER BY sale_key")
			if shows != "ch_evt_1\tevt_1\t202610\nch_evt_2\tevt_2\t202610\nch_evt_4\tevt_4\t202610" {
				t.Errorf("sales:\n%s", shows)
			}
			if got := ask(t, e, "SELECT event_id, step FROM event_journal WHERE event_id = 'evt_2' AND step IN ('stored', 'sale') ORDER BY step"); got != "evt_2\tsale\nevt_2\tstored" {
				t.Errorf("journal:\n%s", got)
			}
		})
	}
}
