package analytics

import (
	"context"
	_ "embed"
	"fmt"
	"strings"
	"text/template"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/hookline-io/hookline/internal/progress"
)

//go:embed queries/move_rows.sql
var moveRowsSQL string

var moveRowsTemplate = template.Must(template.New("move_rows.sql").Parse(moveRowsSQL))

const (
	salesByHour = "sales_by_hour"      // from migration 10 until it has the name sales
	salesBefore = "sales_before_hours" // the former table sales, once its rows are in the new one
	monthToMove = time.Hour            // how long one month may take
)

// move is one month of sales on its way from one table into another.
type move struct {
	From, To string
	Month    uint32
}

func (move) Ranks() uint64 { return 1<<rankBits - 1 }

// moveSales moves the rows of sales into the order of time, and enters them in the registry. It goes on where it was
// cut short. Earlier versions of hookline may go on writing meanwhile: what they wrote to a month after it was moved is
// moved after the tables have changed names. The former table is kept under another name unless it is empty.
func (db *DB) moveSales(ctx context.Context) error {
	o := db.options
	o.Timeout = max(o.Timeout, monthToMove)
	long, err := Open(ctx, o)
	if err != nil {
		return err
	}
	defer long.Close()
	byMonth, err := long.keyedByMonth(ctx, "sales")
	if err != nil {
		return err
	}
	if byMonth {
		if err := long.moveMonths(ctx, "sales", salesByHour); err != nil {
			return err
		}
		if err := long.exec(ctx, "exchange the tables of sales", "EXCHANGE TABLES sales AND "+salesByHour); err != nil {
			return err
		}
	}
	left, err := long.keyedByMonth(ctx, salesByHour)
	if err != nil || !left {
		return err
	}
	if err := long.moveMonths(ctx, salesByHour, "sales"); err != nil {
		return err
	}
	if err := long.healSales(ctx); err != nil {
		return err
	}
	rows, err := long.number(ctx, "count the former sales", "SELECT count() FROM "+salesByHour)
	if err != nil {
		return err
	}
	if rows == 0 {
		return long.exec(ctx, "drop the former table of sales, which is empty", "DROP TABLE "+salesByHour+" SYNC")
	}
	return long.exec(ctx, "rename the former table of sales", "RENAME TABLE "+salesByHour+" TO "+salesBefore)
}

// keyedByMonth says whether a table is there and keeps sales in the order of their keys, as until migration 10.
func (db *DB) keyedByMonth(ctx context.Context, table string) (bool, error) {
	keys, err := collect(ctx, db, "look at the order of "+table,
		"SELECT sorting_key FROM system.tables WHERE database = currentDatabase() AND name = ?",
		func(rows driver.Rows) (key string, err error) { return key, rows.Scan(&key) }, table)
	return len(keys) == 1 && !strings.Contains(keys[0], "source_hour"), err
}

// moveMonths copies the months that differ.
func (db *DB) moveMonths(ctx context.Context, from, to string) error {
	months, err := collect(ctx, db, "look for the months of sales",
		"SELECT source_month, count() FROM "+from+" GROUP BY source_month ORDER BY source_month",
		func(rows driver.Rows) (m EventMonth, err error) { return m, rows.Scan(&m.Month, &m.Events) })
	if err != nil || len(months) == 0 {
		return err
	}
	total := int64(0)
	for _, m := range months {
		total += int64(m.Events)
	}
	bar := progress.New("moving sales", total)
	defer bar.Done()
	for _, m := range months {
		if err := db.moveMonth(ctx, move{from, to, m.Month}); err != nil {
			return err
		}
		if err := db.keepLock(ctx); err != nil {
			return err
		}
		bar.Add(int64(m.Events))
	}
	return nil
}

func (db *DB) moveMonth(ctx context.Context, m move) error {
	op := fmt.Sprintf("move the sales of %d", m.Month)
	sum := func(table string) string {
		return fmt.Sprintf("(SELECT (count(), sum(amount), groupBitXor(cityHash64(vendor, kind, sale_key, event_id))) FROM %s FINAL WHERE source_month = %d)", table, m.Month)
	}
	same, err := db.number(ctx, op, "SELECT toUInt64("+sum(m.From)+" = "+sum(m.To)+")")
	if err != nil || same == 1 {
		return err
	}
	rows, err := fill(moveRowsTemplate, m)
	if err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	// The registry first: a month that is the same in both tables is in it.
	if err := db.exec(ctx, op, `INSERT INTO sale_keys (vendor, object, kind, sale_key, source_hour, version, seen)
SELECT vendor, sale_key, kind, '', intDiv(toUnixTimestamp(occurred_at), 3600), moved_version, toDateTime(stored_at, 'UTC') FROM (`+rows+")"); err != nil {
		return err
	}
	return db.exec(ctx, op, "INSERT INTO "+m.To+` (vendor, kind, sale_key, event_id, type, order_id, amount, currency, occurred_at, received_at, stored_at, dimensions,
version, proof)
`+rows)
}
