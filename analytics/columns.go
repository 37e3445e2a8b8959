package analytics

import (
	driver "github.com/ClickHouse/clickhouse-go/v2/lib/column"
	"github.com/ClickHouse/clickhouse-go/v2/lib/column/orderedmap"
	"github.com/shopspring/decimal"
)

// column holds one column of a block until it is inserted.
type column interface {
	load(into driver.Interface) error
	take(from column, row int) // appends one row of a column of the same type
	reset()
}

// values is a column of values in a form that the driver takes whole.
type values[T any] struct{ rows []T }

type (
	text    = values[string] // String and LowCardinality(String)
	amounts = values[decimal.Decimal]
	counts  = values[map[string]uint32]
)

func bit(set bool) uint8 {
	if set {
		return 1
	}
	return 0
}

// zero is the amount of a tombstone.
var zero decimal.Decimal

func (c *values[T]) append(v T)                { c.rows = append(c.rows, v) }
func (c *values[T]) take(from column, row int) { c.append(from.(*values[T]).rows[row]) }

func (c *values[T]) load(into driver.Interface) error {
	_, err := into.Append(c.rows)
	return err
}

func (c *values[T]) reset() {
	clear(c.rows)
	c.rows = c.rows[:0]
}

// blobs is a String column of large values, which are shared with the caller, not copied, until load.
type blobs struct {
	values[[]byte]
	bytes int
}

func (c *blobs) append(b []byte) {
	c.values.append(b)
	c.bytes += len(b)
}

func (c *blobs) take(from column, row int) { c.append(from.(*blobs).rows[row]) }

func (c *blobs) reset() {
	c.values.reset()
	c.bytes = 0
}

// pairs is a Map(LowCardinality(String), String) column.
type pairs struct{ values[map[string]string] }

func (c *pairs) take(from column, row int) { c.append(from.(*pairs).rows[row]) }

// load hands each row over in the order of its names, so that equal rows are equal in ClickHouse too.
func (c *pairs) load(into driver.Interface) error {
	for _, row := range c.rows {
		if err := into.AppendRow(orderedmap.FromMap(row)); err != nil {
			return err
		}
	}
	return nil
}
