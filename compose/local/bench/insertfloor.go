package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/prometheus/procfs"
	"github.com/shopspring/decimal"

	"github.com/hookline-io/hookline/analytics"
	"github.com/hookline-io/hookline/processor/mapping"
	"github.com/hookline-io/hookline/schemas/vendors"
)

// InsertFloorCommand is `hookline bench-insert-floor`: the least that storing events can cost with clickhouse-go. The
// rows are in memory, in the slices that the driver takes, and go in column by column, as many at a time as the
// processor inserts.
type InsertFloorCommand struct {
	Vendors    string            `type:"path" help:"vendors.yaml, which says what the events count as."`
	Events     int               `help:"Rows to insert."`
	Result     string            `type:"path" help:"File for what it took, as JSON."`
	ClickHouse analytics.Options `embed:"" prefix:"clickhouse-"`
}

// floorBatch is how many rows the floor inserts at once: as many 1 KB events as fit into the processor's batch.
const floorBatch = 10_200

// Run inserts and measures itself.
func (c *InsertFloorCommand) Run(ctx context.Context, _ *slog.Logger) error {
	config, err := vendors.Load(c.Vendors, vendors.Options{WithoutSecrets: true})
	if err != nil {
		return err
	}
	opt, err := clickhouse.ParseDSN(string(c.ClickHouse.DSN))
	if err != nil {
		return fmt.Errorf("read ClickHouse DSN: %w", err)
	}
	opt.Compression = &clickhouse.Compression{Method: clickhouse.CompressionLZ4}
	conn, err := clickhouse.Open(opt)
	if err != nil {
		return fmt.Errorf("open ClickHouse: %w", err)
	}
	defer conn.Close()
	rows, err := mapped(config, min(c.Events, floorBatch))
	if err != nil {
		return err
	}
	p, err := insertRows(ctx, conn, newColumns(rows), c.Events)
	if err != nil {
		return err
	}
	text, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	return os.WriteFile(c.Result, text, 0o600)
}

// mapped returns the rows that the processor would make of n events.
func mapped(config *vendors.Config, n int) ([]analytics.Row, error) {
	at := time.Now().UTC().Truncate(time.Second)
	rows := make([]analytics.Row, n)
	for i := range rows {
		rows[i] = analytics.Row{Event: event("floor", i, at), Origin: analytics.Origin{Topic: "webhooks.events", Offset: int64(i)}}
		if err := mapping.Map(&rows[i], config); err != nil {
			return nil, err
		}
	}
	return rows, nil
}

func insertRows(ctx context.Context, conn driver.Conn, c *columns, n int) (processed, error) {
	self, err := procfs.Self()
	if err != nil {
		return processed{}, fmt.Errorf("measure this process: %w", err)
	}
	before, began := runtime.MemStats{}, time.Now()
	runtime.ReadMemStats(&before)
	start, err := self.Stat()
	if err != nil {
		return processed{}, fmt.Errorf("measure this process: %w", err)
	}
	inserted := 0
	for ; inserted < n; inserted += c.rows {
		if err := c.insert(ctx, conn); err != nil {
			return processed{}, err
		}
	}
	end, err := self.Stat()
	if err != nil {
		return processed{}, fmt.Errorf("measure this process: %w", err)
	}
	status, err := self.NewStatus()
	if err != nil {
		return processed{}, fmt.Errorf("measure this process: %w", err)
	}
	var after runtime.MemStats
	runtime.ReadMemStats(&after)
	return processed{
		Events: inserted, CPU: time.Duration((end.CPUTime() - start.CPUTime()) * float64(time.Second)),
		Mallocs: float64(after.Mallocs - before.Mallocs), Took: time.Since(began), Peak: float64(status.VmHWM),
	}, nil
}

// columns are rows in the slices that the driver's documentation asks for.
type columns struct {
	rows          int
	events, sales []any
}

const (
	floorEvents = `INSERT INTO events (vendor, event_id, type, occurred_at, received_at, payload, content_type, key_id, proof, effect, error, kafka_topic, kafka_partition, kafka_offset, version)`
	floorSales  = `INSERT INTO sales (vendor, kind, sale_key, event_id, type, order_id, amount, currency, occurred_at, received_at, dimensions, version, is_deleted)`
)

func newColumns(rows []analytics.Row) *columns {
	n := len(rows)
	words := func() []string { return make([]string, n) }
	numbers := func() []int64 { return make([]int64, n) }
	vendor, id, kind, payload, content, key, proof, effect, failure, topic := words(), words(), words(), words(), words(), words(), words(), words(), words(), words()
	saleKind, saleKey, order, currency := words(), words(), words(), words()
	occurred, received, offset := numbers(), numbers(), numbers()
	partition, version, deleted := make([]int32, n), make([]uint64, n), make([]uint8, n)
	amount, dimensions := make([]decimal.Decimal, n), make([]map[string]string, n)
	for i, r := range rows {
		vendor[i], id[i], kind[i], payload[i], content[i] = r.Event.Vendor, r.Event.ID, r.Event.Type, string(r.Event.Data), r.Event.ContentType
		key[i], proof[i], effect[i], topic[i] = r.Event.KeyID, string(r.Event.Proof), string(r.Sale.Kind), r.Origin.Topic
		saleKind[i], saleKey[i], order[i], currency[i] = string(r.Sale.Kind), r.Sale.Key, r.Sale.Order, r.Sale.Currency
		occurred[i], received[i], offset[i], partition[i] = r.Event.Time.UnixMilli(), r.Event.Received.UnixMilli(), r.Origin.Offset, r.Origin.Partition
		version[i] = analytics.Version(r.Rule, r.Event.Received, 0)
		amount[i], dimensions[i] = r.Sale.Amount, r.Sale.Dimensions
	}
	return &columns{
		rows:   n,
		events: []any{vendor, id, kind, occurred, received, payload, content, key, proof, effect, failure, topic, partition, offset, version},
		sales:  []any{vendor, saleKind, saleKey, id, kind, order, amount, currency, occurred, received, dimensions, version, deleted},
	}
}

func (c *columns) insert(ctx context.Context, conn driver.Conn) error {
	ctx = clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{"async_insert": 0}))
	for _, t := range []struct {
		sql     string
		columns []any
	}{{floorEvents, c.events}, {floorSales, c.sales}} {
		batch, err := conn.PrepareBatch(ctx, t.sql)
		if err != nil {
			return fmt.Errorf("insert: %w", err)
		}
		for i, column := range t.columns {
			if err := batch.Column(i).Append(column); err != nil {
				return fmt.Errorf("insert: %w", err)
			}
		}
		if err := batch.Send(); err != nil {
			return fmt.Errorf("insert: %w", err)
		}
	}
	return nil
}
