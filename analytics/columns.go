package analytics

import (
	"fmt"
	"strings"

	"github.com/ClickHouse/ch-go/proto"
	driver "github.com/ClickHouse/clickhouse-go/v2/lib/column"
)

// column holds one column of a block until it is inserted. Columns are kept in the form in which ClickHouse's
// Native format carries them wherever that form is cheaper to build than the driver's own: the driver takes
// LowCardinality, Decimal and Map row by row through reflection (70 to 600 ns a value), but decodes whole
// columns at memory speed (1 to 130 ns), which is how load hands them over.
type column interface {
	load(into driver.Interface, via *wire) error
	take(from column, row int) // appends one row of a column of the same type
	reset()
}

// text is a String column of short, mostly distinct values.
type text struct{ rows []string }

func (c *text) append(s string)           { c.rows = append(c.rows, s) }
func (c *text) take(from column, row int) { c.append(from.(*text).rows[row]) }
func (c *text) load(into driver.Interface, via *wire) error {
	size := 0
	for _, s := range c.rows {
		size += len(s)
	}
	if err := via.makeRoom(into, len(c.rows), size); err != nil {
		return err
	}
	_, err := into.Append(c.rows)
	return err
}
func (c *text) reset() {
	clear(c.rows)
	c.rows = c.rows[:0]
}

// number is a column of values of fixed size.
type number[T int32 | int64 | uint8 | uint16 | uint32 | uint64] struct{ rows []T }

func (c *number[T]) append(v T)                { c.rows = append(c.rows, v) }
func (c *number[T]) take(from column, row int) { c.append(from.(*number[T]).rows[row]) }
func (c *number[T]) reset()                    { c.rows = c.rows[:0] }
func (c *number[T]) load(into driver.Interface, via *wire) error {
	return loadNumbers(into, c.rows, len(c.rows), via)
}

// loadNumbers is no part of number's method: that one is compiled again in every package that imports this one, and
// with it would be all of ch-go's generic columns, for more than a second each.
func loadNumbers(into driver.Interface, numbers any, n int, via *wire) error {
	buffer := via.empty()
	switch rows := numbers.(type) {
	case []int32:
		proto.ColInt32(rows).EncodeColumn(buffer)
	case []int64:
		proto.ColInt64(rows).EncodeColumn(buffer)
	case []uint8:
		proto.ColUInt8(rows).EncodeColumn(buffer)
	case []uint16:
		proto.ColUInt16(rows).EncodeColumn(buffer)
	case []uint32:
		proto.ColUInt32(rows).EncodeColumn(buffer)
	case []uint64:
		proto.ColUInt64(rows).EncodeColumn(buffer)
	}
	return via.decode(into, n)
}

// maxWords bounds the dictionary of a words column between batches, so that a vendor who puts IDs where names
// belong costs one batch some speed and no memory for good.
const maxWords = 1 << 12

// words is a LowCardinality(String) column: a dictionary and the numbers of its entries.
type words struct {
	numbers map[string]uint32
	entries []string // entry 0 is ""
	rows    []uint32
	last    string
	lastRow uint32
}

func (c *words) append(s string) { c.rows = append(c.rows, c.number(s)) }

func (c *words) number(s string) uint32 {
	if s == c.last {
		return c.lastRow
	}
	n, ok := c.numbers[s]
	if !ok {
		if c.numbers == nil {
			c.numbers, c.entries = map[string]uint32{"": 0}, []string{""}
		}
		n, s = uint32(len(c.entries)), strings.Clone(s) // the dictionary outlives the batch, and what s is a part of
		c.numbers[s], c.entries = n, append(c.entries, s)
	}
	c.last, c.lastRow = s, n
	return n
}

func (c *words) take(from column, row int) {
	other := from.(*words)
	if n := other.rows[row]; n == 0 {
		c.append("")
	} else {
		c.append(other.entries[n])
	}
}

func (c *words) reset() {
	c.rows = c.rows[:0]
	if len(c.entries) > maxWords {
		*c = words{rows: c.rows}
	}
}

func (c *words) load(into driver.Interface, via *wire) error {
	c.encode(via.empty())
	return via.decode(into, len(c.rows))
}

// encode writes the column as ch-go's ColLowCardinality[string] does, without going through the rows' strings
// once more.
func (c *words) encode(buffer *proto.Buffer) {
	if len(c.rows) == 0 {
		return
	}
	index := new(proto.ColStr)
	index.Append("")
	if len(c.entries) > 1 {
		index.AppendArr(c.entries[1:])
	}
	raw := proto.ColLowCardinalityRaw{Index: index}
	switch n := index.Rows(); {
	case n <= 1<<8:
		raw.Key = proto.KeyUInt8
		raw.Keys8 = narrow[uint8](c.rows)
	case n <= 1<<16:
		raw.Key = proto.KeyUInt16
		raw.Keys16 = narrow[uint16](c.rows)
	default:
		raw.Key = proto.KeyUInt32
		raw.Keys32 = c.rows
	}
	raw.EncodeColumn(buffer)
}

func narrow[T uint8 | uint16](rows []uint32) []T {
	out := make([]T, len(rows))
	for i, n := range rows {
		out[i] = T(n)
	}
	return out
}

// blobs is a String column of large values, which are shared with the caller, not copied, until load.
type blobs struct {
	rows  [][]byte
	bytes int
}

func (c *blobs) append(b []byte) {
	c.rows = append(c.rows, b)
	c.bytes += len(b)
}

func (c *blobs) take(from column, row int) { c.append(from.(*blobs).rows[row]) }

func (c *blobs) reset() {
	clear(c.rows)
	c.rows, c.bytes = c.rows[:0], 0
}

func (c *blobs) load(into driver.Interface, via *wire) error {
	if err := via.makeRoom(into, len(c.rows), c.bytes); err != nil {
		return err
	}
	for i := range c.rows {
		if err := into.AppendRow(&c.rows[i]); err != nil {
			return fmt.Errorf("row %d: %w", i, err)
		}
	}
	return nil
}
