package analytics

import (
	"context"
	_ "embed"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/shopspring/decimal"

	"github.com/hookline-io/hookline/schemas/vendors"
)

var (
	//go:embed queries/totals.sql
	totalsSQL string
	//go:embed queries/totals_raw.sql
	totalsRawSQL string
)

// Total is the sum of one kind of effect in one month.
type Total struct {
	Month    time.Time // first day of the month in the zone, at 00:00 UTC; zero for undated
	Vendor   string
	Currency string
	Kind     vendors.Kind
	Count    uint64
	Amount   decimal.Decimal // major units
}

// SalesTotals returns the monthly totals that readers see in a reporting zone, from the view
// sales_per_month, in order of month (undated last), vendor, currency and kind. A zone that is not set up has
// none.
func (db *DB) SalesTotals(ctx context.Context, zone string) ([]Total, error) {
	return db.totals(ctx, "read sales totals", totalsSQL, zone)
}

// SalesTotalsRaw returns what SalesTotals does, counted row by row from the table sales, for any zone. It is
// slow: a check on the rollup.
func (db *DB) SalesTotalsRaw(ctx context.Context, zone string) ([]Total, error) {
	return db.totals(ctx, "count sales totals", totalsRawSQL, zone)
}

func (db *DB) totals(ctx context.Context, op, query, zone string) ([]Total, error) {
	ctx = clickhouse.Context(ctx, clickhouse.WithParameters(clickhouse.Parameters{"zone": zone}))
	return collect(ctx, db, op, query, func(rows driver.Rows) (Total, error) {
		var t Total
		var kind string
		var undated bool
		err := rows.Scan(&t.Month, &undated, &t.Vendor, &t.Currency, &kind, &t.Count, &t.Amount)
		t.Kind = vendors.Kind(kind)
		if undated {
			t.Month = time.Time{}
		}
		return t, err
	})
}

// CountEvents returns how many events are stored, each counted once.
func (db *DB) CountEvents(ctx context.Context) (uint64, error) {
	return db.number(ctx, "count events", "SELECT count() FROM events FINAL")
}

// number runs a query that returns one number.
func (db *DB) number(ctx context.Context, op, query string, args ...any) (n uint64, err error) {
	ctx, cancel := context.WithTimeout(ctx, db.options.Timeout)
	defer cancel()
	return n, wrap(op, db.pool().QueryRow(ctx, query, args...).Scan(&n))
}

// RollupState says how far the rollup has come.
type RollupState struct {
	Months  uint64        // source months that have sales
	Pending uint64        // those of them whose figures are not up to date
	Missing uint64        // those of them that a reporting zone has no figures of at all
	Behind  time.Duration // how long the one that has waited longest waits, in whole seconds
}

// RollupState returns the state of the rollup, from the view rollup_state.
func (db *DB) RollupState(ctx context.Context) (RollupState, error) {
	ctx, cancel := context.WithTimeout(ctx, db.options.Timeout)
	defer cancel()
	var s RollupState
	var behind int64
	err := db.pool().QueryRow(ctx, "SELECT months, pending, missing, behind FROM rollup_state").Scan(&s.Months, &s.Pending,
		&s.Missing, &behind)
	s.Behind = time.Duration(max(behind, 0)) * time.Second
	return s, wrap("read the rollup's state", err)
}
