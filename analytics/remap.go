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
	last            bool // redelivery: last
}

// newest says which rows rank by the newest statement; see saleVersion.
func (r remap) newest() string {
	if r.last {
		return "true"
	}
	return "object != ''"
}

// Rank is a version without its generation.
func (r remap) Rank() string {
	return fmt.Sprintf("if(%s, bitAnd(version, %d), bitAnd(version, %d))", r.newest(), ^uint64(maxGeneration<<newestShift), uint64(1<<firstBits-1))
}

// Version is a rank with the generation of the run.
func (r remap) Version() string { return r.version("rank") }

func (r remap) VersionOfTop() string { return r.version("top.1") }

func (r remap) version(rank string) string {
	newest := "family = ''"
	if r.last {
		newest = "true"
	}
	return fmt.Sprintf("%s + if(%s, toUInt64(%d), toUInt64(%d))", rank, newest, uint64(r.Generation)<<newestShift, uint64(r.Generation)<<firstBits)
}

// Later says of a live row whether its delivery counts before the one that was mapped.
func (r remap) Later() string { return r.later("live") }

func (r remap) LaterInSales() string { return r.later("sales") }

func (r remap) later(table string) string {
	if r.last {
		return table + ".received_at > mapped_at"
	}
	return table + ".received_at < mapped_at"
}

// Unit is what an object or the key of an effect that stands for itself is known by in the registry.
func (remap) Unit() string { return "if(object = '', sale_key, object)" }

// Family tells effects of one key apart that stand for themselves. It is empty for an object.
func (remap) Family() string { return "if(object = '', kind::String, '')" }

func (remap) Columns() string {
	return "kind, sale_key, event_id, type, order_id, amount, currency, occurred_at, received_at, dimensions, object, proof, is_test"
}

// EventColumns are those of events that another mapping leaves alone.
func (remap) EventColumns() string {
	return "received_at, stored_at, payload, content_type, key_id, proof, delivery, kafka_topic, kafka_partition, kafka_offset"
}

// MovedColumns are those of events that reprocess_moved has.
func (r remap) MovedColumns() string {
	return r.EventColumns() + ", vendor, event_id, type, occurred_at, effect, error, is_test, version"
}

// Run selects the rows of the run.
func (r remap) Run() string {
	return fmt.Sprintf("vendor = %s AND generation = %d", r.Vendor, r.Generation)
}

// MappedAt is when the delivery of an event was received that counts first: what came before is none of the run's business.
func (r remap) MappedAt() string {
	if r.last {
		return "max(received_at)"
	}
	return "min(received_at)"
}

func (r remap) FromBucket() string {
	return fmt.Sprintf("cityHash64(from_id) %% %d = %d", r.Buckets, r.Number)
}

func (r remap) Content() string { return "(" + r.Columns() + ", source_month, source_hour)" }

// ContentHash is equal where Content is; that two contents share one is as good as impossible.
func (remap) ContentHash() string {
	return "sipHash128(kind, sale_key, event_id, type, order_id, toString(amount), currency, occurred_at, received_at, toString(dimensions), object, proof, is_test)"
}

func (r remap) Bucket() string {
	return fmt.Sprintf("cityHash64(%s) %% %d = %d", r.Unit(), r.Buckets, r.Number)
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
	mapped, err := collect(ctx, db, "count what was mapped", "SELECT count(), max(is_last) FROM reprocess_mapped WHERE vendor = ? AND generation = ?",
		func(rows driver.Rows) (m struct {
			rows uint64
			last uint8
		}, err error) {
			return m, rows.Scan(&m.rows, &m.last)
		}, run.Vendor, run.Generation)
	if err != nil {
		return nil, err
	}
	all := make([]remap, 1+(sales+mapped[0].rows)/bucketRows)
	for i := range all {
		all[i] = remap{Generation: run.Generation, Vendor: literal(run.Vendor), Number: uint64(i), Buckets: uint64(len(all)), last: mapped[0].last == 1}
	}
	return all, nil
}

// resolveMapped decides which of the mapped rows counts where several are one event by the new mapping: redeliveries that
// had IDs of their own, or contents that came under one ID. It may be repeated.
func (db *DB) resolveMapped(ctx context.Context, run Reprocess) error {
	return db.remap(ctx, "look for events that are one", remap{Generation: run.Generation, Vendor: literal(run.Vendor)}, "remap_resolve.sql")
}

// ReprocessChanges returns the totals of the run's vendor as they are and as they would be, where all is mapped, in
// order of month, currency and kind: also those that stay as they are.
func (db *DB) ReprocessChanges(ctx context.Context, run Reprocess) ([]Change, error) {
	const op = "compare the totals"
	if err := db.resolveMapped(ctx, run); err != nil {
		return nil, err
	}
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
// repeated and cut short anywhere. step is called after each of the steps, which are about equal.
//
// A sale that another event makes now, or makes in another month, is replaced by a row of the run's generation, and
// by tombstones in the other months; one that no event makes any more is deleted.
func (db *DB) ApplyReprocess(ctx context.Context, run Reprocess, step func(done, of int)) error {
	parts, err := db.remaps(ctx, run)
	if err != nil {
		return err
	}
	if err := db.resolveMapped(ctx, run); err != nil {
		return err
	}
	months, err := db.mappedMonths(ctx, run)
	if err != nil {
		return err
	}
	done, of := 0, len(parts)+2*len(months)
	for _, part := range parts {
		if err := db.applySales(ctx, part); err != nil {
			return err
		}
		done++
		step(done, of)
	}
	// What is written over is kept before anything moves, and what moves is written before its old place is given up.
	for _, names := range [][]string{{"remap_variants.sql"}, {"remap_events.sql", "remap_moved.sql", "remap_places.sql"}} {
		for _, m := range months {
			if err := db.applyEvents(ctx, run, m, names); err != nil {
				return err
			}
			done++
			step(done, of)
		}
	}
	return nil
}

func (db *DB) applyEvents(ctx context.Context, run Reprocess, m EventMonth, names []string) error {
	part := remap{Generation: run.Generation, Vendor: literal(run.Vendor), Month: m.Month, Buckets: 1 + m.Events/bucketRows}
	for _, name := range names {
		for part.Number = range part.Buckets {
			if err := db.remap(ctx, "apply the mapping to events", part, name); err != nil {
				return err
			}
		}
	}
	return nil
}

// applySales enters in the registry what must count before it writes it, and deletes last what is no more, so that
// nothing that counts is ever missing for longer than a statement takes.
func (db *DB) applySales(ctx context.Context, part remap) error {
	const op = "delete sales that are no more"
	query, err := part.fill("remap_gone.sql")
	if err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	type row struct{ sale, key string }
	gone, err := collect(ctx, db, op, query, func(rows driver.Rows) (row, error) {
		var kind, key, event, object string
		var hour uint32
		var version uint64
		err := rows.Scan(&kind, &key, &hour, &event, &version, &object)
		sale := fmt.Sprintf("(%s,%s,%d,%s,%d)", literal(kind), literal(key), hour, literal(event), version)
		if object == "" {
			object, key = key, ""
		}
		return row{sale, fmt.Sprintf("(%s,%s,%s,%d)", literal(object), literal(kind), literal(key), hour)}, err
	})
	if err != nil {
		return err
	}
	// Mutations know no WITH, and on replicas none whose sub-query depends on when it runs.
	deletes := clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{"max_query_size": 1 << 30, "lightweight_deletes_sync": 2}))
	remove := func(table, columns string, of func(row) string) error {
		for some := range slices.Chunk(gone, deleteRows) {
			names := make([]string, len(some))
			for i, r := range some {
				names[i] = of(r)
			}
			if err := db.exec(deletes, op, "DELETE FROM "+table+" WHERE vendor = "+part.Vendor+" AND ("+columns+") IN ("+strings.Join(names, ",")+")"); err != nil {
				return err
			}
		}
		return nil
	}
	if err := remove("sale_keys", "object, kind, sale_key, source_hour", func(r row) string { return r.key }); err != nil {
		return err
	}
	for _, name := range []string{"remap_keys.sql", "remap_sales.sql"} {
		if err := db.remap(ctx, "apply the mapping to sales", part, name); err != nil {
			return err
		}
	}
	return remove("sales", "kind, sale_key, source_hour, event_id, version", func(r row) string { return r.sale })
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
		"SELECT from_month, count() FROM reprocess_mapped WHERE vendor = ? AND generation = ? GROUP BY from_month ORDER BY from_month",
		func(rows driver.Rows) (m EventMonth, err error) { return m, rows.Scan(&m.Month, &m.Events) }, run.Vendor, run.Generation)
}
