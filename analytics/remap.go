package analytics

import (
	"cmp"
	"context"
	"embed"
	"fmt"
	"slices"
	"strings"
	"text/template"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/shopspring/decimal"

	"github.com/hookline-io/hookline/schemas/vendors"
)

//go:embed queries/remap*.sql
var remapSQL embed.FS

var remapTemplates = template.Must(template.ParseFS(remapSQL, "queries/remap*.sql"))

// bucketRows is about how many sales are looked at in one statement: what bounds its memory.
const bucketRows = 400_000

// remap fills in the statements of a run.
type remap struct {
	Generation      uint16
	Vendor          string // quoted
	Month           uint32
	Number, Buckets uint64
}

func (remap) Ranks() uint64 { return 1<<rankBits - 1 }

func (remap) Columns() string {
	return "event_id, type, order_id, amount, currency, occurred_at, received_at, dimensions"
}

func (remap) EventColumns() string {
	return "vendor, event_id, type, occurred_at, received_at, stored_at, payload, content_type, key_id, proof, kafka_topic, kafka_partition, kafka_offset"
}

func (r remap) Content() string { return "(" + r.Columns() + ")" }

// Print is equal where Content is, as far as anyone will ever see.
func (remap) Print() string {
	return "sipHash128(event_id, type, order_id, toString(amount), currency, occurred_at, received_at, toString(dimensions))"
}

func (r remap) Bucket() string {
	return fmt.Sprintf("cityHash64(sale_key) %% %d = %d", r.Buckets, r.Number)
}

func (r remap) EventBucket() string {
	return fmt.Sprintf("cityHash64(event_id) %% %d = %d", r.Buckets, r.Number)
}

func (r remap) fill(name string) (string, error) {
	var b strings.Builder
	err := remapTemplates.ExecuteTemplate(&b, name, r)
	return b.String(), err
}

func (db *DB) remaps(ctx context.Context, run Reprocess) ([]remap, error) {
	sales, err := db.number(ctx, "count the sales of a vendor", "SELECT count() FROM sales WHERE vendor = ?", run.Vendor)
	if err != nil {
		return nil, err
	}
	mapped, err := db.number(ctx, "count what was mapped", "SELECT count() FROM reprocess_rows WHERE vendor = ? AND generation = ?", run.Vendor, run.Generation)
	if err != nil {
		return nil, err
	}
	all := make([]remap, 1+(sales+mapped)/bucketRows)
	for i := range all {
		all[i] = remap{Generation: run.Generation, Vendor: literal(run.Vendor), Number: uint64(i), Buckets: uint64(len(all))}
	}
	return all, nil
}

// ReprocessChanges returns the totals of the run's vendor as they are and as they would be, where all is mapped, in
// order of month, currency and kind: also those that stay as they are.
func (db *DB) ReprocessChanges(ctx context.Context, run Reprocess) ([]Change, error) {
	const op = "compare the totals"
	parts, err := db.remaps(ctx, run)
	if err != nil {
		return nil, err
	}
	type group struct {
		month    uint32
		currency string
		kind     vendors.Kind
	}
	sums := map[group]Change{}
	for _, part := range parts {
		query, err := part.fill("remap_totals.sql")
		if err != nil {
			return nil, fmt.Errorf("%s: %w", op, err)
		}
		found, err := collect(ctx, db, op, query, func(rows driver.Rows) (c Change, err error) {
			return c, rows.Scan(&c.Month, &c.Currency, (*string)(&c.Kind), &c.CountBefore, &c.AmountBefore, &c.CountAfter, &c.AmountAfter)
		})
		if err != nil {
			return nil, err
		}
		for _, c := range found {
			g := group{c.Month, c.Currency, c.Kind}
			sum, known := sums[g]
			if !known {
				sum = Change{Month: c.Month, Currency: c.Currency, Kind: c.Kind, AmountBefore: decimal.Zero, AmountAfter: decimal.Zero}
			}
			sum.CountBefore += c.CountBefore
			sum.CountAfter += c.CountAfter
			sum.AmountBefore = sum.AmountBefore.Add(c.AmountBefore)
			sum.AmountAfter = sum.AmountAfter.Add(c.AmountAfter)
			sums[g] = sum
		}
	}
	out := make([]Change, 0, len(sums))
	for _, c := range sums {
		out = append(out, c)
	}
	slices.SortFunc(out, func(a, b Change) int {
		return cmp.Or(cmp.Compare(a.Month, b.Month), cmp.Compare(a.Currency, b.Currency), cmp.Compare(a.Kind, b.Kind))
	})
	return out, nil
}

// ApplyReprocess makes sales and events what the run has mapped. It writes what differs only, so that it may be
// repeated and cut short anywhere. step is told after each of the steps, which are about equal.
//
// A sale that another event makes now, or makes in another month, is replaced by a row of the run's generation, and
// by tombstones in the other months; one that no event makes any more is deleted.
func (db *DB) ApplyReprocess(ctx context.Context, run Reprocess, step func(done, of int)) error {
	parts, err := db.remaps(ctx, run)
	if err != nil {
		return err
	}
	months, err := db.mappedMonths(ctx, run)
	if err != nil {
		return err
	}
	done, of := 0, len(parts)+len(months)
	for _, part := range parts {
		if err := db.applySales(ctx, part); err != nil {
			return err
		}
		done++
		step(done, of)
	}
	for _, m := range months {
		part := remap{Generation: run.Generation, Vendor: literal(run.Vendor), Month: m.Month, Buckets: 1 + m.Events/bucketRows}
		for part.Number = range part.Buckets {
			if err := db.remap(ctx, "apply the mapping to events", part, "remap_events.sql"); err != nil {
				return err
			}
		}
		done++
		step(done, of)
	}
	return nil
}

// applySales writes first what counts now, so that nothing that counts is ever missing.
func (db *DB) applySales(ctx context.Context, part remap) error {
	if err := db.remap(ctx, "apply the mapping to sales", part, "remap_sales.sql"); err != nil {
		return err
	}
	const op = "delete sales that are no more"
	query, err := part.fill("remap_gone.sql")
	if err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	gone, err := collect(ctx, db, op, query, func(rows driver.Rows) (string, error) {
		var kind, key, event string
		var version uint64
		err := rows.Scan(&kind, &key, &event, &version)
		return fmt.Sprintf("(%s,%s,%s,%d)", literal(kind), literal(key), literal(event), version), err
	})
	if err != nil {
		return err
	}
	// Mutations know no WITH, and on replicas none whose sub-query depends on when it runs.
	ctx = clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{"max_query_size": 1 << 30, "lightweight_deletes_sync": 2}))
	for rows := range slices.Chunk(gone, deleteRows) {
		if err := db.exec(ctx, op, "DELETE FROM sales WHERE vendor = "+part.Vendor+" AND (kind, sale_key, event_id, version) IN ("+strings.Join(rows, ",")+")"); err != nil {
			return err
		}
	}
	return nil
}

// deleteRows is how many rows one mutation deletes.
const deleteRows = 10_000

func (db *DB) remap(ctx context.Context, op string, part remap, name string) error {
	query, err := part.fill(name)
	if err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	return db.exec(ctx, op, query)
}

func (db *DB) mappedMonths(ctx context.Context, run Reprocess) ([]EventMonth, error) {
	return collect(ctx, db, "look for the months that were mapped",
		"SELECT event_month, count() FROM reprocess_rows WHERE vendor = ? AND generation = ? GROUP BY event_month ORDER BY event_month",
		func(rows driver.Rows) (m EventMonth, err error) { return m, rows.Scan(&m.Month, &m.Events) }, run.Vendor, run.Generation)
}
