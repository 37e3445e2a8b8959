package analytics_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hookline-io/hookline/analytics"
	"github.com/hookline-io/hookline/internal/testkit"
	"github.com/hookline-io/hookline/schemas/vendors"
)

func TestVendorPerformance(t *testing.T) {
	t.Parallel()
	db, e := open(t, "America/New_York", "Asia/Tokyo")
	september, october := time.Date(2026, 9, 1, 0, 30, 0, 0, time.UTC), halloween
	for i := range 4 {
		row := sale(fmt.Sprint("evt_oct_", i), october.Add(-time.Duration(i)*time.Hour))
		row.Event.Received = row.Event.Time.Add(time.Duration(i+1) * time.Second)
		if i == 3 {
			row.Outcome.Effects[0].Kind = vendors.KindRefund
		}
		insert(t, db, row, row)
	}
	insert(t, db, sale("evt_sep_1", september), sale("evt_sep_2", september))
	undated := sale("evt_undated", time.Time{})
	undated.Event.Received, undated.Outcome = october, vendors.Outcome{}
	insert(t, db, undated)
	ask(t, e, `INSERT INTO rejections (minute, vendor, reason, instance, count) VALUES
		('2026-10-01 00:00:00', 'acme', 'signature', 'a', 2), ('2026-10-01 00:00:00', 'acme', 'signature', 'a', 3),
		('2026-10-01 00:00:00', 'acme', 'signature', 'b', 4), ('2026-10-02 00:00:00', 'acme', 'too_large', 'a', 1)`)
	ask(t, e, `INSERT INTO dead_letters (kafka_topic, kafka_partition, kafka_offset, vendor, failed_at, state) VALUES
		('t', 0, 1, 'acme', '2026-10-03 00:00:00', 'dead'), ('t', 0, 2, 'acme', '2026-10-03 00:00:00', 'dead')`)
	ask(t, e, `INSERT INTO dead_letters (kafka_topic, kafka_partition, kafka_offset, vendor, failed_at, state) VALUES ('t', 0, 2, 'acme', '2026-10-03 00:00:00', 'redriven')`)
	ask(t, e, `INSERT INTO action_results (vendor, event_id, action, attempt, outcome, started_at) VALUES
		('acme', 'evt_oct_1', 'forward', 1, 'failed', '2026-10-31 00:00:00'), ('acme', 'evt_oct_1', 'forward', 2, 'gave_up', '2026-10-31 00:00:00')`)
	ask(t, e, `INSERT INTO ledger (kafka_topic, kafka_partition, first_offset, end_offset, consumer_group, vendors, written_at) VALUES
		('t.events', 0, 0, 9, 'g', {'acme': 9, 'unknown': 5}, '2026-10-31 00:00:00'), ('t.events', 0, 9, 10, 'g', {'acme': 1}, '2026-10-31 00:00:00'),
		('t.events.retry', 0, 0, 7, 'g', {'acme': 7}, '2026-10-31 00:00:00'), ('t.events', 0, 10, 12, 'g', {'acme': 2}, '2026-11-01 00:00:00')`)
	// All but one were stored in October: six events by ten deliveries.
	ask(t, e, "ALTER TABLE events UPDATE stored_at = if(event_id = 'evt_oct_0', '2026-11-01 00:00:00', '2026-10-31 23:59:59') WHERE 1 SETTINGS mutations_sync = 2")
	ask(t, e, "SYSTEM REFRESH VIEW vendor_rollup_refresh")

	const columns = `month, vendor, events, sales, refunds, round(refund_rate, 2), round(sales_growth, 2), round(delay_p50), round(delay_p99), lag_p50 > 0,
		deliveries, new_events, round(redelivery_rate, 2), rejections, mapSort(rejections_by_reason), dead_letters, action_failures, last_seen`
	want := "1970-01-01\tacme\t1\t0\t0\t\\N\t\\N\t0\t0\t1\t0\t0\t\\N\t0\t{}\t0\t0\t2026-10-31 23:30:00.123\n" +
		"2026-09-01\tacme\t2\t2\t0\t0\t\\N\t1\t1\t1\t0\t0\t\\N\t0\t{}\t0\t0\t2026-09-01 00:30:01.000\n" +
		"2026-10-01\tacme\t4\t3\t1\t0.33\t0.5\t2\t4\t1\t10\t6\t0.4\t8\t{'signature':7,'too_large':1}\t1\t1\t2026-10-31 23:30:01.123\n" +
		"2026-10-01\tunknown\t0\t0\t0\t\\N\t\\N\t0\t0\t0\t5\t0\t\\N\t0\t{}\t0\t0\t1970-01-01 00:00:00.000\n" +
		"2026-11-01\tacme\t0\t0\t0\t\\N\t-1\t0\t0\t0\t2\t1\t0.5\t0\t{}\t0\t0\t1970-01-01 00:00:00.000"
	testkit.Eventually(t, converge, func() error {
		if got := ask(t, e, "SELECT "+columns+" FROM vendor_performance ORDER BY month, vendor"); got != want {
			return fmt.Errorf("got\n%s\nwant\n%s", got, want)
		}
		return nil
	})
}

func TestEventJournal(t *testing.T) {
	t.Parallel()
	db, e := open(t, "UTC")
	row, other := sale("evt_1", halloween), sale("evt_2", halloween)
	insert(t, db, row, row, other)
	ask(t, e, `INSERT INTO action_results (vendor, event_id, action, target, attempt, outcome, status, error, started_at, duration_ms) VALUES
		('acme', 'evt_1', 'forward', 'http://fulfilment/hooks', 1, 'failed', 0, 'timeout', '2100-01-01 00:00:00', 5000),
		('acme', 'evt_1', 'forward', 'http://fulfilment/hooks', 2, 'succeeded', 204, '', '2100-01-02 00:00:00', 12)`)
	ask(t, e, `INSERT INTO dead_letters (kafka_topic, kafka_partition, kafka_offset, vendor, event_id, stage, error, attempts, failed_at, payload, state) VALUES
		('webhooks.events', 3, 43, 'acme', 'evt_1', 'action', 'no route', 5, '2100-01-03 00:00:00', '{}', 'redriven')`)
	got := ask(t, e, "SELECT step, detail, payload FROM event_journal WHERE vendor = 'acme' AND event_id = 'evt_1' ORDER BY at, step DESC")
	want := `occurred	charge.succeeded	
received	verified with key 01234567, which covers the whole body	{"id":"evt_1"}
stored	from webhooks.events, partition 3, offset 42	
sale	12.34 EUR, key ch_evt_1, order order-evt_1	
action	forward to http://fulfilment/hooks, attempt 1: failed, timeout, 5000 ms	
action	forward to http://fulfilment/hooks, attempt 2: succeeded, status 204, 12 ms	
dead letter	given up at stage action after 5 attempts: no route (redriven)	{}`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// A sale that two events report is that of the one that counts, in any number of parts and merged.
func TestEventJournalNamesTheSalesThatCount(t *testing.T) {
	t.Parallel()
	db, e := open(t, "UTC")
	ask(t, e, "SYSTEM STOP MERGES")
	report := func(id, key string, after time.Duration) analytics.Row {
		row := sale(id, halloween)
		row.Event.Received = row.Event.Received.Add(after)
		row.Outcome.Effects[0].Key = key
		return row
	}
	insert(t, db, report("evt_late", "ch_1", time.Hour))
	insert(t, db, report("evt_first", "ch_1", 0))
	insert(t, db, report("evt_late", "ch_1", time.Hour), report("evt_own", "ch_2", 0))
	gone := report("evt_gone", "ch_3", 0)
	insert(t, db, gone)
	remove(t, e, "evt_gone")
	// It has made two sales: the vendor's second delivery had another key.
	insert(t, db, report("evt_own", "ch_4", time.Hour))
	check := func(when string) {
		t.Helper()
		got := ask(t, e, "SELECT event_id, step, detail FROM event_journal WHERE vendor = 'acme' AND event_id IN ('evt_late', 'evt_first', 'evt_own', 'evt_gone') AND step IN ('sale', 'stored') ORDER BY ALL")
		const stored = "from webhooks.events, partition 3, offset 42"
		want := "evt_first\tsale\t12.34 EUR, key ch_1, order order-evt_first\nevt_first\tstored\t" + stored + "\nevt_gone\tstored\t" + stored + "\nevt_late\tstored\t" + stored +
			"\nevt_own\tsale\t12.34 EUR, key ch_2, order order-evt_own\nevt_own\tsale\t12.34 EUR, key ch_4, order order-evt_own\nevt_own\tstored\t" + stored
		if got != want {
			t.Errorf("%s:\n%s\nwant\n%s", when, got, want)
		}
		if got := ask(t, e, "SELECT kind, sale_key, event_id FROM sales FINAL ORDER BY ALL"); got != "sale\tch_1\tevt_first\nsale\tch_2\tevt_own\nsale\tch_4\tevt_own" {
			t.Errorf("%s: with FINAL\n%s", when, got)
		}
	}
	check("in parts")
	ask(t, e, "SYSTEM START MERGES")
	ask(t, e, "OPTIMIZE TABLE sales FINAL")
	ask(t, e, "OPTIMIZE TABLE events FINAL")
	check("merged")
}

func TestInvariant6_UnaccountedNamesTheGaps(t *testing.T) {
	t.Parallel()
	_, e := open(t, "UTC")
	for _, entry := range []string{
		"('t', 0, 0, 10, 'g')", "('t', 0, 10, 20, 'g')", "('t', 0, 5, 15, 'g')", // overlapping: read again
		"('t', 0, 25, 30, 'g')", "('t', 0, 30, 40, 'g')", "('t', 0, 41, 42, 'g')",
		"('t', 1, 0, 100, 'g')", "('t', 1, 10, 20, 'g')", "('t', 1, 100, 101, 'g')",
		"('t', 0, 0, 100, 'other')",
	} {
		ask(t, e, "INSERT INTO ledger (kafka_topic, kafka_partition, first_offset, end_offset, consumer_group) VALUES "+entry)
	}
	got := ask(t, e, "SELECT * FROM unaccounted ORDER BY ALL")
	want := "g\tt\t0\t20\t25\t5\ng\tt\t0\t40\t41\t1"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestEverythingIsDocumented(t *testing.T) {
	t.Parallel()
	_, e := open(t, "UTC")
	for what, sql := range map[string]string{
		"tables and views": "SELECT name FROM system.tables WHERE database = 'hookline' AND comment = '' AND name NOT LIKE '.inner%'",
		"columns":          "SELECT concat(table, '.', name) FROM system.columns WHERE database = 'hookline' AND comment = '' AND table NOT LIKE '%\\_refresh' AND table NOT LIKE '%\\_log'",
	} {
		if got := ask(t, e, sql); got != "" {
			t.Errorf("%s without a comment:\n%s", what, got)
		}
	}
}

func TestMissingRateIsMissingNotZero(t *testing.T) {
	t.Parallel()
	db, e := open(t, "UTC")
	euros, dollars, yen := sale("evt_eur", halloween), sale("evt_usd", halloween), sale("evt_jpy", halloween.AddDate(0, -2, 0))
	dollars.Outcome.Effects[0].Currency, yen.Outcome.Effects[0].Currency = "USD", "JPY"
	undated := sale("evt_undated", time.Time{})
	undated.Event.Received, undated.Outcome.Effects[0].Currency = halloween, "USD"
	insert(t, db, euros, dollars, yen, undated)
	shows(t, db, "UTC", "2026-08 acme JPY sale 1 12.34", "2026-10 acme EUR sale 1 12.34", "2026-10 acme USD sale 1 12.34", "undated acme USD sale 1 12.34")
	const converted = "SELECT month, undated, gross, net, missing FROM sales_per_month_converted WHERE zone = 'UTC' AND currency = 'EUR' ORDER BY undated, month"
	if got := ask(t, e, converted); got != "" {
		t.Errorf("with no rates at all: %s", got)
	}
	ask(t, e, `INSERT INTO exchange_rates (day, currency, target, rate) VALUES ('2026-10-01', 'USD', 'EUR', 9), ('2026-10-31', 'USD', 'EUR', 0.5), ('2026-11-01', 'USD', 'EUR', 7), ('2026-09-01', 'JPY', 'EUR', 0.006)`)
	want := "2026-08-01\tfalse\t\\N\t\\N\t['JPY']\n2026-10-01\tfalse\t18.51\t18.51\t[]\n1970-01-01\ttrue\t\\N\t\\N\t['USD']"
	if got := ask(t, e, converted); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	ask(t, e, `INSERT INTO exchange_rates (day, currency, target, rate) VALUES ('2026-01-01', 'JPY', 'EUR', 0.006), ('2026-10-31', 'USD', 'EUR', 0.25)`)
	want = "2026-08-01\tfalse\t0.074\t0.074\t[]\n2026-10-01\tfalse\t15.425\t15.425\t[]\n1970-01-01\ttrue\t\\N\t\\N\t['USD']"
	if got := ask(t, e, converted); got != want {
		t.Errorf("with all rates, one of them corrected: got\n%s\nwant\n%s", got, want)
	}
}

// Every row is there twice, most of them with an older version beside, and nothing is merged: views must show the same
// as when all is.
func TestNoViewNeedsFinal(t *testing.T) {
	t.Parallel()
	db, e := open(t, "UTC", "Asia/Kolkata")
	ask(t, e, "SYSTEM STOP MERGES")
	for i := range 6 {
		row := sale(fmt.Sprint("evt_", i), halloween.AddDate(0, -i%3, -5))
		insert(t, db, row)
		later := row
		later.Event.Received = row.Event.Received.Add(time.Hour)
		changed := row.Outcome.Effects[0]
		changed.Amount = changed.Amount.Add(changed.Amount)
		later.Outcome.Effects = []vendors.Effect{changed}
		insert(t, db, later)
		insert(t, db, row)
	}
	test := sale("evt_test", halloween)
	test.Outcome.Test = true
	insert(t, db, test)
	for range 2 {
		ask(t, e, `INSERT INTO rejections (minute, vendor, reason, instance, count) VALUES ('2026-10-01 00:00:00', 'acme', 'signature', 'a', 3)`)
		ask(t, e, `INSERT INTO dead_letters (kafka_topic, kafka_offset, vendor, event_id, failed_at, state, changed_at) VALUES ('t', 1, 'acme', 'evt_1', '2026-10-03 00:00:00', 'dead', '2026-10-03 00:00:00')`)
		ask(t, e, `INSERT INTO dead_letters (kafka_topic, kafka_offset, vendor, event_id, failed_at, state, changed_at) VALUES ('t', 2, 'acme', 'evt_2', '2026-10-03 00:00:00', 'dead', '2026-10-03 00:00:00'), ('t', 2, 'acme', 'evt_2', '2026-10-03 00:00:00', 'redriven', '2026-10-04 00:00:00')`)
		ask(t, e, `INSERT INTO action_results (vendor, event_id, action, attempt, outcome, started_at) VALUES ('acme', 'evt_1', 'forward', 1, 'gave_up', '2026-10-31 00:00:00')`)
		ask(t, e, `INSERT INTO ledger (kafka_topic, first_offset, end_offset, consumer_group, vendors, written_at) VALUES ('t', 0, 5, 'g', {'acme': 5}, '2026-10-31 00:00:00')`)
		ask(t, e, `INSERT INTO ledger (kafka_topic, first_offset, end_offset, consumer_group, vendors, written_at) VALUES ('t', 0, 9, 'g', {'acme': 9}, '2026-10-31 00:00:00'), ('t', 11, 12, 'g', {'acme': 1}, '2026-10-31 00:00:00')`)
		ask(t, e, `INSERT INTO exchange_rates (day, currency, target, rate, added_at) VALUES ('2026-01-01', 'EUR', 'USD', 1.1, '2026-01-01 00:00:00'), ('2026-01-01', 'EUR', 'USD', 1.2, '2026-01-02 00:00:00')`)
	}
	testkit.Eventually(t, converge, func() error { return upToDate(db, 3) })
	ask(t, e, "SYSTEM REFRESH VIEW vendor_rollup_refresh")
	ask(t, e, "SYSTEM WAIT VIEW vendor_rollup_refresh")
	for _, refresh := range []string{"sales_hours", "sales_rollup", "vendor_rollup"} { // merges would make months due
		ask(t, e, "SYSTEM STOP VIEW "+refresh+"_refresh")
	}
	views := splitLines(ask(t, e, "SELECT name FROM system.tables WHERE database = 'hookline' AND engine = 'View' AND name != 'rollup_state' ORDER BY name"))
	shown := func() map[string]string {
		rows := map[string]string{}
		for _, view := range views {
			if rows[view] = ask(t, e, "SELECT * FROM "+view+" ORDER BY ALL"); rows[view] == "" {
				t.Errorf("%s is empty: it proves nothing", view)
			}
		}
		return rows
	}
	before := shown()
	copies := "SELECT sum(rows) FROM system.parts WHERE database = 'hookline' AND active"
	unmerged := ask(t, e, copies)
	ask(t, e, "SYSTEM START MERGES")
	for _, table := range splitLines(ask(t, e, "SELECT name FROM system.tables WHERE database = 'hookline' AND engine LIKE '%MergeTree'")) {
		ask(t, e, "OPTIMIZE TABLE "+table+" FINAL")
	}
	if merged := ask(t, e, copies); merged == unmerged {
		t.Errorf("there were no copies: %s rows", merged)
	}
	if diff := cmp.Diff(before, shown()); diff != "" {
		t.Errorf("views show what merges have not done yet:\n%s", diff)
	}
	if got := ask(t, e, "SELECT sum(orders), sum(gross) FROM sales_per_month WHERE zone = 'UTC'"); got != "6\t74.04" {
		t.Errorf("sales %s", got)
	}
}
