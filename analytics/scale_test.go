package analytics_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hookline-io/hookline/analytics"
	"github.com/hookline-io/hookline/internal/testkit"
)

// BenchmarkScale loads HOOKLINE_BENCH_ROWS sales (default 1 000 000; about 30 bytes of disk each) of 50 vendors
// over 24 months in 3 currencies, 5 % of them delivered twice, and prints what the figures cost at that size.
//
//	HOOKLINE_BENCH_ROWS=100000000 go test ./analytics -run '^$' -bench Scale -benchtime 1x -timeout 2h
func BenchmarkScale(b *testing.B) {
	rows := 1_000_000
	if s := os.Getenv("HOOKLINE_BENCH_ROWS"); s != "" {
		var err error
		if rows, err = strconv.Atoi(s); err != nil {
			b.Fatal(err)
		}
	}
	const zone = "Africa/Lagos"
	db, e := open(b, "UTC", zone, "Asia/Kathmandu")
	for b.Loop() {
		report := func(what, figure string) { b.Logf("%-58s %s", what, figure) }
		report("rows sent", fmt.Sprint(rows))

		started := time.Now()
		load(b, e, rows)
		report("loaded in", time.Since(started).Round(time.Second).String())
		report("rows stored, bytes per sale on disk, parts", strings.ReplaceAll(ask(b, e, `SELECT sum(rows), round(sum(bytes_on_disk) / sum(rows), 1), count()
			FROM system.parts WHERE database = 'hookline' AND table = 'sales' AND active`), "\t", ", "))

		started = time.Now()
		caughtUp(b, db)
		report("rollup of all months caught up after", time.Since(started).Round(time.Second).String())

		report("refresh of one touched month (last of 5), ms", refresh(b, db, e))
		fresh := freshness(b, db, zone)
		report("from INSERT to the view, 5 times", fmt.Sprintf("p50 %v, max %v", fresh[2], fresh[4]))
		caughtUp(b, db)

		const chart = `SELECT month, vendor, sum(net) FROM sales_per_month WHERE zone = '` + zone + `' AND currency = 'EUR' GROUP BY month, vendor FORMAT Null`
		times := measure(100, func() { ask(b, e, chart) })
		report("chart of all months and vendors, 100 times", fmt.Sprintf("p50 %v, p95 %v", times[50], times[95]))
		const raw = `SELECT toStartOfMonth(toDate(occurred_at, '` + zone + `')) AS month, vendor, sumIf(amount, kind = 'sale') - sumIf(amount, kind = 'refund')
			FROM sales FINAL WHERE currency = 'EUR' GROUP BY month, vendor FORMAT Null`
		report("the same without the rollup, 3 times", fmt.Sprintf("p50 %v", measure(3, func() { ask(b, e, raw) })[1]))

		totals, err := db.SalesTotals(b.Context(), zone)
		if err != nil {
			b.Fatal(err)
		}
		counted := ask(b, e, `SELECT month, undated, vendor, currency, kind, count, amount FROM
			(`+rawTotals(zone)+`) EXCEPT SELECT month, undated, vendor, currency, part.1, part.2, part.3 FROM sales_per_month
			ARRAY JOIN [('sale', orders, gross), ('refund', refund_count, refunds)] AS part WHERE zone = '`+zone+`'`)
		if counted != "" {
			b.Errorf("totals differ from the rows':\n%s", counted)
		}
		report("totals equal those counted row by row", fmt.Sprint(len(totals)))
		report("memory of the engine at its most", peak(b, e.PID()))
	}
}

func rawTotals(zone string) string {
	return `SELECT toStartOfMonth(toDate(occurred_at, '` + zone + `')) AS month, false AS undated, vendor, currency, kind, count() AS count, sum(amount)::Decimal(38, 4) AS amount
		FROM sales FINAL GROUP BY month, vendor, currency, kind`
}

// load has the engine make the rows up: this benchmark is not about inserts.
func load(b *testing.B, e *testkit.EngineProcess, rows int) {
	const block = 500_000
	for from := 0; from < rows; from += block {
		ask(b, e, fmt.Sprintf(`INSERT INTO sales (vendor, kind, sale_key, event_id, type, order_id, amount, currency, occurred_at, received_at, dimensions, version, is_deleted)
			SELECT concat('vendor-', toString(n %% 50)), if(n %% 20 = 7, 'refund', 'sale'), concat('ch_', hex(n * 2654435761 + 12345)), concat('evt_', hex(n * 40503 + 99)),
				if(n %% 20 = 7, 'refund.created', 'charge.succeeded'), concat('order-', toString(n)),
				toDecimal64((cityHash64(n) %% 1000000) / 100, 2), ['EUR', 'USD', 'JPY'][1 + cityHash64(n, 2) %% 3],
				toStartOfMonth(now('UTC'))::DateTime64(3, 'UTC') - toIntervalMonth(23) + toIntervalMillisecond(intDiv(n * 720 * 86400000, %d) + cityHash64(n, 3) %% 1000) AS occurred,
				occurred + toIntervalMillisecond(500 + cityHash64(n, 4) %% 3000) AS received,
				map('country', ['NG', 'IN', 'NP', 'US', 'DE'][1 + cityHash64(n, 5) %% 5], 'product', concat('sku-', toString(cityHash64(n, 6) %% 200))),
				bitShiftLeft(1::UInt64, 48) - 1 - toUnixTimestamp64Milli(received), 0
			FROM (SELECT if(cityHash64(number, 7) %% 20 = 0, cityHash64(number, 8) %% (number + 1), number) AS n FROM numbers(%d, %d))`,
			rows, from, min(block, rows-from)))
	}
}

func caughtUp(b *testing.B, db *analytics.DB) {
	testkit.Eventually(b, time.Hour, func() error {
		state, err := db.RollupState(context.Background())
		if err == nil && state.Pending > 0 {
			err = fmt.Errorf("state is %+v", state)
		}
		return err
	})
}

// refresh touches the last full month and returns how long the refresh took that recomputed it.
func refresh(b *testing.B, db *analytics.DB, e *testkit.EngineProcess) string {
	var took string
	for i := range 5 {
		caughtUp(b, db)
		month := time.Date(time.Now().Year(), time.Now().Month(), 1, 12, 0, 0, 0, time.UTC).AddDate(0, -1, 0)
		insert(b, db, sale(fmt.Sprint("touch_", i), month))
		const runs = "SELECT max(refreshed_at) FROM sales_rollup"
		before := ask(b, e, runs)
		testkit.Eventually(b, time.Hour, func() error {
			if ask(b, e, runs) == before {
				return fmt.Errorf("no refresh")
			}
			return nil
		})
		took = ask(b, e, "SELECT last_success_duration_ms FROM system.view_refreshes WHERE view = 'sales_rollup_refresh'")
	}
	return took
}

// freshness returns five times from the call of Insert until the view shows the sale, in order of length.
func freshness(b *testing.B, db *analytics.DB, zone string) []time.Duration {
	var all []time.Duration
	for i := range 5 {
		row := sale(fmt.Sprint("fresh_", i), time.Now().UTC().Truncate(time.Millisecond))
		row.Event.Vendor = fmt.Sprint("fresh-", i)
		started := time.Now()
		insert(b, db, row)
		testkit.Eventually(b, time.Minute, func() error {
			totals, err := db.SalesTotals(context.Background(), zone)
			if err == nil && !slices.ContainsFunc(totals, func(t analytics.Total) bool { return t.Vendor == row.Event.Vendor }) {
				err = fmt.Errorf("not there yet")
			}
			return err
		})
		all = append(all, time.Since(started).Round(time.Millisecond))
	}
	slices.Sort(all)
	return all
}

// measure runs f n times and returns how long each took, in order of length.
func measure(n int, f func()) []time.Duration {
	times := make([]time.Duration, n)
	for i := range times {
		started := time.Now()
		f()
		times[i] = time.Since(started).Round(100 * time.Microsecond)
	}
	slices.Sort(times)
	return times
}

// peak is the most memory that a process has had, as Linux tells.
func peak(b *testing.B, pid int) string {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return "not known on this system"
	}
	for line := range strings.Lines(string(status)) {
		if value, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			return strings.TrimSpace(value)
		}
	}
	return "not known on this system"
}
