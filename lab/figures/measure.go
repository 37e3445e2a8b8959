package figures

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hookline-io/hookline/internal/progress"
)

const (
	insertions = 10
	refreshes  = 5
	patience   = 30 * time.Minute // for the rollup
	poll       = 20 * time.Millisecond
)

// catchUp waits until no month is behind.
func (b *bench) catchUp(ctx context.Context) error {
	started := time.Now()
	bar := progress.New("months", months)
	defer bar.Done()
	done := uint64(0)
	err := until(ctx, func() (bool, error) {
		state, err := b.db.RollupState(ctx)
		if now := state.Months - state.Pending; now > done {
			bar.Add(int64(now - done))
			done = now
		}
		return state.Pending == 0, err
	})
	b.report.add("all months in the rollup after", time.Since(started).Seconds(), "s")
	return err
}

// settle leaves the load behind: for ten minutes after it the figures of each hour and of each month are looked at again,
// and parts are merged. What is past is marked as looked at, and merges are waited for.
func (b *bench) settle(ctx context.Context) error {
	for _, sql := range []string{
		"INSERT INTO @sales_hours (source_month, grain, source_hour, count, refreshed_at) SELECT source_month, 'run', source_hour, argMax(count, refreshed_at), now64(3) + INTERVAL 1 HOUR" +
			" FROM @sales_hours WHERE grain = 'run' AND source_month != toYYYYMM(now('UTC')) GROUP BY source_month, source_hour",
		"INSERT INTO @sales_sums (zone, grain, source_month, refreshed_at) SELECT DISTINCT zone, 'run', source_month, now64(3) + INTERVAL 1 HOUR" +
			" FROM @sales_sums WHERE grain = 'run' AND source_month != toYYYYMM(now('UTC'))",
	} {
		if err := b.exec(ctx, b.in(sql)); err != nil {
			return err
		}
	}
	began, changed, before := time.Now(), time.Now(), 0.0
	return until(ctx, func() (bool, error) {
		n, err := b.number(ctx, "SELECT sum(level) + count() FROM system.parts WHERE database = ? AND active", b.db.Name())
		if n != before {
			before, changed = n, time.Now()
		}
		return time.Since(changed) > unchanged || time.Since(began) > settling, err
	})
}

// The load is left behind once no part was merged for as long as unchanged, and after settling anyway.
const (
	unchanged = 5 * time.Second
	settling  = 3 * time.Minute
)

func (b *bench) disk(ctx context.Context) error {
	const active = " FROM system.parts WHERE database = ? AND table = ? AND active"
	for _, table := range []struct {
		name, unit, of string
		goal           float64
	}{{"sales", "bytes per sale", "toFloat64((SELECT count() FROM %s.sales FINAL))", goalSale}, {"events", "bytes per event of 1 KB", "(SELECT count() FROM %s.events)", 0}} {
		value, err := b.number(ctx, "SELECT sum(bytes_on_disk) / "+fmt.Sprintf(table.of, b.db.Name())+active, b.db.Name(), table.name)
		if err != nil {
			return err
		}
		if table.goal > 0 {
			b.report.goal(table.name+" on disk", value, table.unit, table.goal)
		} else {
			b.report.add(table.name+" on disk", value, table.unit)
		}
	}
	total, err := b.number(ctx, "SELECT sum(bytes_on_disk) / 1e9 FROM system.parts WHERE database = ? AND active", b.db.Name())
	if err != nil {
		return err
	}
	b.report.add("all tables on disk", total, "GB")
	rollup, err := b.number(ctx, "SELECT sum(rows)"+active, b.db.Name(), "sales_sums")
	b.report.add("rows of the rollup", rollup, "")
	return err
}

// freshness is how long it takes from the call of Insert until the chart's view shows the sale.
func (b *bench) freshness(ctx context.Context) error {
	times := make([]time.Duration, insertions)
	for i := range times {
		vendor := fmt.Sprint("fresh-", i)
		started := time.Now()
		if err := b.insert(ctx, touch(vendor, started)); err != nil {
			return err
		}
		err := until(ctx, func() (bool, error) {
			n, err := b.number(ctx, "SELECT count() FROM "+b.db.Name()+".sales_per_month WHERE zone = ? AND vendor = ?", zone, vendor)
			return n > 0, err
		})
		if err != nil {
			return err
		}
		times[i] = time.Since(started)
	}
	slices.Sort(times)
	b.report.add("from an insert to the chart, p50", times[len(times)/2].Seconds(), "s")
	b.report.goal("from an insert to the chart, max", times[len(times)-1].Seconds(), "s", goalFreshness.Seconds())
	return nil
}

// months measures runs of the rollup that recompute the current month and no other one.
func (b *bench) months(ctx context.Context) error {
	var took []float64
	for i := 0; len(took) < refreshes; i++ {
		if i == 600 {
			return errors.New("no run of the rollup was about one month only")
		}
		before, err := b.lastRun(ctx)
		if err != nil {
			return err
		}
		if err := b.insert(ctx, touch(fmt.Sprint("touch-", i), time.Now())); err != nil {
			return err
		}
		var last string
		err = until(ctx, func() (_ bool, err error) {
			last, err = b.lastRun(ctx)
			return last != before, err
		})
		if err != nil {
			return err
		}
		// The run is over when its rows are there; its duration is noted a moment later.
		err = until(ctx, func() (bool, error) {
			n, err := b.number(ctx, "SELECT count() FROM system.view_refreshes WHERE database = ? AND view = 'sales_rollup_refresh' AND status != 'Running'", b.db.Name())
			return n > 0, err
		})
		if err != nil {
			return err
		}
		n, err := b.number(ctx, "SELECT uniqExact(source_month) FROM "+b.db.Name()+".sales_sums WHERE grain = 'run' AND toString(refreshed_at) = ?", last)
		if err != nil {
			return err
		}
		if err != nil {
			return err
		}
		if n != 1 {
			continue
		}
		ms, err := b.number(ctx, "SELECT last_success_duration_ms FROM system.view_refreshes WHERE database = ? AND view = 'sales_rollup_refresh'", b.db.Name())
		if err != nil {
			return err
		}
		took = append(took, ms)
	}
	slices.Sort(took)
	b.report.add("current month recomputed, p50", took[len(took)/2], "ms")
	b.report.goal("current month recomputed, max", took[len(took)-1], "ms", milliseconds(goalMonth))
	rows, err := b.number(ctx, "SELECT count() FROM "+b.db.Name()+".sales FINAL WHERE source_month = toYYYYMM(now('UTC'))")
	b.report.add("sales in the current month", rows, "")
	return err
}

func (b *bench) lastRun(ctx context.Context) (at string, err error) {
	return at, b.conn.QueryRow(ctx, "SELECT toString(max(refreshed_at)) FROM "+b.db.Name()+".sales_sums WHERE grain = 'run' AND source_month = toYYYYMM(now('UTC'))").Scan(&at)
}

// totals compares what readers see with what was made up, month by month.
func (b *bench) totals(ctx context.Context) error {
	numbers := fmt.Sprintf("SELECT number AS n FROM numbers(%d)", b.Rows)
	made, err := b.lines(ctx, `SELECT concat(toString(toStartOfMonth(toDate(occurred_at, '`+zone+`'))), ' ', vendor, ' ', currency, ' ', kind, ' ', toString(count()), ' ', toString(sum(amount)::Decimal(38, 4)))
		FROM (`+b.span.sale(numbers)+`) GROUP BY toStartOfMonth(toDate(occurred_at, '`+zone+`')), vendor, currency, kind`)
	if err != nil {
		return err
	}
	seen, err := b.lines(ctx, `SELECT concat(toString(month), ' ', vendor, ' ', currency, ' ', part.1, ' ', toString(part.2), ' ', toString(part.3::Decimal(38, 4)))
		FROM `+b.db.Name()+`.sales_per_month ARRAY JOIN [('sale', orders, gross), ('refund', refund_count, refunds)] AS part
		WHERE zone = '`+zone+`' AND part.2 > 0 AND startsWith(vendor, 'vendor-')`)
	if err != nil {
		return err
	}
	wrong := 0
	for line := range made {
		if !seen[line] {
			wrong++
		}
	}
	for line := range seen {
		if !made[line] {
			wrong++
		}
	}
	b.report.add("totals by month, vendor, currency and kind", float64(len(made)), "")
	b.report.goal("totals that are wrong by a cent or more", float64(wrong), "", 0)
	if wrong > 0 {
		return fmt.Errorf("%d totals are not what was made up", wrong)
	}
	return nil
}

func (b *bench) lines(ctx context.Context, query string) (map[string]bool, error) {
	ctx, cancel := context.WithTimeout(ctx, statement)
	defer cancel()
	rows, err := b.conn.Query(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := map[string]bool{}
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			return nil, err
		}
		out[strings.Clone(line)] = true
	}
	return out, rows.Err()
}

// until asks done again and again, while patience lasts.
func until(ctx context.Context, done func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	ticker := time.NewTicker(poll)
	defer ticker.Stop()
	for {
		if is, err := done(); err != nil || is {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
}
