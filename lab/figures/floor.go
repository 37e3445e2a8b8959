package figures

import (
	"context"
	"fmt"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/shopspring/decimal"

	"github.com/hookline-io/hookline/analytics"
)

// Floor is rows as the driver takes them column by column: what an insert costs at the least without knowing more of the
// driver than its documentation says. The package analytics is measured against it.
type Floor struct {
	rows          int
	events, sales []any
}

const (
	floorEvents = `INSERT INTO events (vendor, event_id, type, occurred_at, received_at, payload, content_type, key_id, proof, effect, error, kafka_topic, kafka_partition, kafka_offset, version)`
	floorSales  = `INSERT INTO sales (vendor, kind, sale_key, event_id, type, order_id, amount, currency, occurred_at, received_at, dimensions, version, is_deleted)`
)

// NewFloor puts rows into the slices that the documentation asks for.
func NewFloor(rows []analytics.Row) *Floor {
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
		key[i], proof[i], effect[i], topic[i] = r.Event.KeyID, string(r.Event.Proof), string(r.Outcome.Effects[0].Kind), r.Origin.Topic
		saleKind[i], saleKey[i], order[i], currency[i] = string(r.Outcome.Effects[0].Kind), r.Outcome.Effects[0].Key, r.Outcome.Effects[0].Order, r.Outcome.Effects[0].Currency
		occurred[i], received[i], offset[i], partition[i] = r.Event.Time.UnixMilli(), r.Event.Received.UnixMilli(), r.Origin.Offset, r.Origin.Partition
		version[i] = analytics.Version(r.Rule, r.Event.Received, 0)
		amount[i], dimensions[i] = r.Outcome.Effects[0].Amount, r.Outcome.Effects[0].Dimensions
	}
	return &Floor{
		rows:   n,
		events: []any{vendor, id, kind, occurred, received, payload, content, key, proof, effect, failure, topic, partition, offset, version},
		sales:  []any{vendor, saleKind, saleKey, id, kind, order, amount, currency, occurred, received, dimensions, version, deleted},
	}
}

// Rows is how many there are.
func (f *Floor) Rows() int { return f.rows }

// Insert writes them.
func (f *Floor) Insert(ctx context.Context, conn driver.Conn) error {
	ctx = clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{"async_insert": 0}))
	for _, t := range []struct {
		sql     string
		columns []any
	}{{floorEvents, f.events}, {floorSales, f.sales}} {
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
