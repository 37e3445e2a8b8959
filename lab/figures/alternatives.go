package figures

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// alternatives measures other ways to the figures of docs/adr/0003-rollup.md, over the same sales: what each takes, and
// how far its sums are from those that were made up.
func (b *bench) alternatives(ctx context.Context) error {
	if err := b.loadSales(ctx); err != nil {
		return err
	}
	if err := b.catchUp(ctx); err != nil {
		return err
	}
	if err := b.conn.QueryRow(ctx, "SELECT version()").Scan(&b.report.ClickHouse); err != nil {
		return err
	}
	truth, err := b.number(ctx, "SELECT sum(amount) FROM ("+b.span.sale(fmt.Sprintf("SELECT number AS n FROM numbers(%d)", b.Rows))+") WHERE currency = 'EUR'")
	if err != nil {
		return err
	}
	b.truth = truth
	for _, step := range []func(context.Context) error{b.reads, b.refreshes, b.merged, b.projection, b.summing} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// chart is the chart's figures in another way: source is a table with vendor, amount, currency and occurred_at.
func (b *bench) chart(source string) string {
	return "SELECT toStartOfMonth(toDate(occurred_at, '" + zone + "')) AS month, vendor, toFloat64(sum(amount)) FROM " +
		b.in(source) + " WHERE currency = 'EUR' GROUP BY month, vendor ORDER BY month, vendor"
}

// in names tables with their database.
func (b *bench) in(sql string) string { return strings.ReplaceAll(sql, "@", b.db.Name()+".") }

// compare reports how long a way to the chart takes, and how far the sum of its figures is from what was made up.
func (b *bench) compare(ctx context.Context, name, query string) error {
	times, err := b.read(ctx, query, rawCharts)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	b.report.add(name, milliseconds(times[len(times)/2]), "ms")
	rows, err := b.conn.Query(ctx, query)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	defer rows.Close()
	sum := 0.0
	for rows.Next() {
		var month time.Time
		var vendor string
		var amount float64
		if err := rows.Scan(&month, &vendor, &amount); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		sum += amount
	}
	if off := 100 * (sum - b.truth) / b.truth; off > 1e-6 || off < -1e-6 {
		b.report.add("  its sums are too high by", off, "%")
	}
	return rows.Err()
}

func (b *bench) reads(ctx context.Context) error {
	parts, err := b.number(ctx, "SELECT count() / uniqExact(partition) FROM system.parts WHERE database = ? AND table = 'sales' AND active", b.db.Name())
	if err != nil {
		return err
	}
	b.report.add("parts per month", parts, "")
	for _, way := range []struct{ name, query string }{
		{"chart from the rollup", b.in("SELECT month, vendor, toFloat64(sum(gross + refunds)) FROM @sales_per_month WHERE zone = '" + zone + "' AND currency = 'EUR' GROUP BY month, vendor ORDER BY month, vendor")},
		{"chart from sales, no dedup", b.chart("@sales")},
		{"chart from sales FINAL", b.chart("@sales FINAL")},
		{"chart from sales FINAL, do_not_merge_across_partitions_select_final", b.chart("@sales FINAL") + " SETTINGS do_not_merge_across_partitions_select_final = 1"},
		{"chart from sales, argMax by version", b.chart("(SELECT vendor, best.1 AS amount, best.2 AS currency, best.3 AS occurred_at FROM (SELECT vendor, argMax((amount, currency, occurred_at), version) AS best FROM @sales GROUP BY vendor, kind, sale_key))")},
	} {
		if err := b.compare(ctx, way.name, way.query); err != nil {
			return err
		}
	}
	return nil
}

// refreshes compares what a run of the rollup costs that recomputes one month, and all of them.
func (b *bench) refreshes(ctx context.Context) error {
	var pairs []string
	for _, z := range zones {
		pairs = append(pairs, fmt.Sprintf("('%s', toDate(occurred_at, '%[1]s'))", z))
	}
	sums := func(condition string) string {
		return b.in("SELECT zoned.1 AS zone, source_month, zoned.2 AS day, vendor, currency, kind, count(), sum(amount) FROM @sales FINAL ARRAY JOIN [" + strings.Join(pairs, ", ") +
			"] AS zoned WHERE " + condition + " GROUP BY zone, source_month, day, vendor, currency, kind FORMAT Null SETTINGS do_not_merge_across_partitions_select_final = 1")
	}
	if err := b.timed(ctx, "refresh of one month, three zones", sums("source_month = toYYYYMM(today() - INTERVAL 1 MONTH)")); err != nil {
		return err
	}
	return b.timed(ctx, "refresh of all months, three zones", sums("1"))
}

func (b *bench) timed(ctx context.Context, name, sql string) error {
	started := time.Now()
	if err := b.exec(ctx, sql); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	b.report.add(name, milliseconds(time.Since(started)), "ms")
	return nil
}

// merged is what closed months are a day after anything was added to them: one part each.
func (b *bench) merged(ctx context.Context) error {
	if err := b.timed(ctx, "merge each month into one part", b.in("OPTIMIZE TABLE @sales FINAL")); err != nil {
		return err
	}
	return b.compare(ctx, "chart from sales FINAL, months merged", b.chart("@sales FINAL"))
}

// projection holds the chart's sums beside the rows of each part: of all rows, so that a redelivery in another part
// counts again.
func (b *bench) projection(ctx context.Context) error {
	for _, sql := range []string{
		"CREATE TABLE @projected AS @sales",
		"ALTER TABLE @projected MODIFY SETTING deduplicate_merge_projection_mode = 'rebuild'",
		"ALTER TABLE @projected ADD PROJECTION sums (SELECT toStartOfMonth(toDate(occurred_at, '" + zone + "')), vendor, currency, sum(amount) GROUP BY toStartOfMonth(toDate(occurred_at, '" + zone + "')), vendor, currency)",
	} {
		if err := b.exec(ctx, b.in(sql)); err != nil {
			return err
		}
	}
	if err := b.redeliver(ctx, "@projected"); err != nil {
		return err
	}
	if err := b.compare(ctx, "chart from a projection, no FINAL", b.chart("@projected")); err != nil {
		return err
	}
	return b.compare(ctx, "chart with a projection and FINAL, which does not use it", b.chart("@projected FINAL"))
}

// summing is a table that an incremental view adds each inserted row to.
func (b *bench) summing(ctx context.Context) error {
	for _, sql := range []string{
		"CREATE TABLE @fed AS @sales",
		"CREATE TABLE @summed (occurred_at DateTime64(3, 'UTC'), vendor LowCardinality(String), currency LowCardinality(String), amount Decimal(38, 4)) ENGINE = SummingMergeTree ORDER BY (occurred_at, vendor, currency)",
		"CREATE MATERIALIZED VIEW @fed_summed TO @summed AS SELECT toStartOfMonth(toDateTime(occurred_at, '" + zone + "'))::DateTime AS occurred_at, vendor, currency, sum(amount) AS amount FROM @fed GROUP BY occurred_at, vendor, currency",
	} {
		if err := b.exec(ctx, b.in(sql)); err != nil {
			return err
		}
	}
	if err := b.redeliver(ctx, "@fed"); err != nil {
		return err
	}
	return b.compare(ctx, "chart from an incremental SummingMergeTree", b.chart("@summed"))
}

// redeliver fills a table with all sales, and with one in twenty of them once more.
func (b *bench) redeliver(ctx context.Context, table string) error {
	const columns = "vendor, kind, sale_key, event_id, type, order_id, amount, currency, occurred_at, received_at, dimensions, version, is_deleted"
	for _, condition := range []string{"1", "cityHash64(sale_key, 3) % 20 = 0"} {
		if err := b.exec(ctx, b.in("INSERT INTO "+table+" ("+columns+") SELECT "+columns+" FROM @sales FINAL WHERE "+condition)); err != nil {
			return err
		}
	}
	return nil
}
