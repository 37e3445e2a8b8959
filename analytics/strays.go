package analytics

import (
	"context"
	_ "embed"
	"fmt"
	"text/template"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

var (
	//go:embed queries/strays.sql
	straysSQL string
	//go:embed queries/heal.sql
	healSQL string

	straysTemplate = template.Must(template.New("strays.sql").Parse(straysSQL))
	healTemplate   = template.Must(template.New("heal.sql").Parse(healSQL))
)

// Stray is an event or a sale that counts in a month it should not, beside or in place of the one it should.
type Stray struct {
	Table  string // events | sales
	Vendor string
	Kind   string // of a sale
	Key    string // event ID or sale key
	Month  int    // where it counts wrongly, as YYYYMM; 0 for undated
	Best   int    // where it should
}

// deduped is a table whose identities can stray between its partitions.
type deduped struct{ Table, Identity, Names, Others string }

var dedupedTables = []deduped{
	{"sales", "vendor, kind, sale_key", "vendor, kind, sale_key",
		"event_id, type, order_id, amount, currency, occurred_at, received_at, dimensions"},
	{"events", "vendor, event_id", "vendor, '', event_id",
		"type, occurred_at, received_at, payload, content_type, key_id, proof, effect, error, kafka_topic, kafka_partition, kafka_offset"},
}

// Strays returns every event and sale that counts in a month where another row of the same identity outranks
// it. It reads all identities once; memory does not grow with the tables.
func (db *DB) Strays(ctx context.Context) ([]Stray, error) {
	var all []Stray
	for _, table := range dedupedTables {
		op := "look for strays in " + table.Table
		query, err := fill(straysTemplate, table)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", op, err)
		}
		found, err := collect(ctx, db, op, query, func(rows driver.Rows) (Stray, error) {
			var month, best uint32
			s := Stray{Table: table.Table}
			err := rows.Scan(&s.Vendor, &s.Kind, &s.Key, &month, &best)
			s.Month, s.Best = int(month), int(best)
			return s, err
		})
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

// HealStrays takes out of the figures what Strays returns. The rollup follows.
func (db *DB) HealStrays(ctx context.Context) error {
	for _, table := range dedupedTables {
		op := "heal strays in " + table.Table
		query, err := fill(healTemplate, table)
		if err != nil {
			return fmt.Errorf("%s: %w", op, err)
		}
		if err := db.exec(ctx, op, query); err != nil {
			return err
		}
	}
	return nil
}
