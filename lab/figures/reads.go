package figures

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

const (
	charts      = 100 // times that the chart is read
	rawCharts   = 3
	lookups     = 100 // single events
	chartQuery  = `SELECT month, vendor, toFloat64(sum(net)) FROM %s.sales_per_month WHERE zone = '` + zone + `' AND currency = 'EUR' GROUP BY month, vendor ORDER BY month, vendor`
	directQuery = `SELECT toStartOfMonth(toDate(occurred_at, '` + zone + `')) AS month, vendor, toFloat64(sumIf(amount, kind = 'sale') - sumIf(amount, kind = 'refund'))
		FROM %s.sales FINAL WHERE currency = 'EUR' GROUP BY month, vendor ORDER BY month, vendor`
)

// charts reads what Grafana reads for the chart of all months and vendors.
func (b *bench) charts(ctx context.Context) error {
	times, err := b.read(ctx, fmt.Sprintf(chartQuery, b.db.Name()), charts)
	if err != nil {
		return err
	}
	b.report.add("chart of all months and vendors, p50", milliseconds(times[len(times)/2]), "ms")
	b.report.goal("chart of all months and vendors, p95", milliseconds(times[len(times)*95/100]), "ms", milliseconds(goalChart))
	return nil
}

func (b *bench) raw(ctx context.Context) error {
	times, err := b.read(ctx, fmt.Sprintf(directQuery, b.db.Name()), rawCharts)
	if err != nil {
		return err
	}
	b.report.add("the same without the rollup, p50", milliseconds(times[len(times)/2]), "ms")
	b.report.add("the same without the rollup, max", milliseconds(times[len(times)-1]), "ms")
	return nil
}

// journal looks for single events by their IDs alone, as the board does where no vendor is chosen: each once, since
// ClickHouse remembers where it found what.
func (b *bench) journal(ctx context.Context) error {
	ids, err := b.lines(ctx, fmt.Sprintf("SELECT DISTINCT event_id FROM %s.sales WHERE cityHash64(event_id) %% %d = 0 LIMIT %d", b.db.Name(), max(b.Rows/lookups, 1), lookups))
	if err != nil {
		return err
	}
	var times []time.Duration
	for id := range ids {
		took, err := b.once(ctx, "SELECT at, step, detail FROM "+b.db.Name()+".event_journal WHERE event_id = ? ORDER BY at", id)
		if err != nil {
			return err
		}
		times = append(times, took)
	}
	if len(times) == 0 {
		return errors.New("there are no events")
	}
	slices.Sort(times)
	b.report.add("one event by its ID, p50", milliseconds(times[len(times)/2]), "ms")
	b.report.add("one event by its ID, p95", milliseconds(times[len(times)*95/100]), "ms")
	return nil
}

// read runs a query n times and returns how long each took, in order of length.
func (b *bench) read(ctx context.Context, query string, n int) (times []time.Duration, err error) {
	times = make([]time.Duration, n)
	for i := range times {
		if times[i], err = b.once(ctx, query); err != nil {
			return nil, err
		}
	}
	slices.Sort(times)
	return times, nil
}

// once is how long a query takes to its last row. There must be one.
func (b *bench) once(ctx context.Context, query string, args ...any) (time.Duration, error) {
	started := time.Now()
	rows, err := b.conn.Query(ctx, query, args...)
	if err != nil {
		return 0, err
	}
	found := 0
	for rows.Next() {
		found++
	}
	err = errors.Join(rows.Err(), rows.Close())
	if err == nil && found == 0 {
		err = errors.New("nothing was found")
	}
	return time.Since(started), err
}
