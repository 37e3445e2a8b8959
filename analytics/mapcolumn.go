package analytics

import (
	"slices"

	"github.com/ClickHouse/ch-go/proto"
	driver "github.com/ClickHouse/clickhouse-go/v2/lib/column"
)

// pairs is a Map(LowCardinality(String), String) column.
type pairs struct{ keyed[string] }

func (c *pairs) take(from column, row int) { c.takeRow(&from.(*pairs).keyed, row) }

func (c *pairs) load(into driver.Interface, via *wire) error {
	buffer := encodeKeys(c.ends, &c.keys, via)
	for _, value := range c.values {
		buffer.PutString(value)
	}
	return via.decode(into, len(c.ends))
}

// counts is a Map(LowCardinality(String), UInt32) column.
type counts struct{ keyed[uint32] }

func (c *counts) take(from column, row int) { c.takeRow(&from.(*counts).keyed, row) }

func (c *counts) load(into driver.Interface, via *wire) error {
	proto.ColUInt32(c.values).EncodeColumn(encodeKeys(c.ends, &c.keys, via))
	return via.decode(into, len(c.ends))
}

// keyed is a Map column without its form on the wire.
type keyed[V any] struct {
	ends   []uint64 // of each row, in keys and values
	keys   words
	values []V
	names  []string // scratch
}

// append adds one row, in the order of the names, so that equal rows make equal bytes.
func (c *keyed[V]) append(row map[string]V) {
	c.names = c.names[:0]
	for name := range row {
		c.names = append(c.names, name)
	}
	slices.Sort(c.names)
	for _, name := range c.names {
		c.put(name, row[name])
	}
	c.ends = append(c.ends, uint64(len(c.values)))
}

func (c *keyed[V]) put(key string, value V) {
	c.keys.append(key)
	c.values = append(c.values, value)
}

func (c *keyed[V]) takeRow(from *keyed[V], row int) {
	start := uint64(0)
	if row > 0 {
		start = from.ends[row-1]
	}
	for i := start; i < from.ends[row]; i++ {
		c.put(from.keys.entry(i), from.values[i])
	}
	c.ends = append(c.ends, uint64(len(c.values)))
}

func (c *words) entry(i uint64) string {
	if n := c.rows[i]; n != 0 {
		return c.entries[n]
	}
	return ""
}

func (c *keyed[V]) reset() {
	clear(c.values)
	c.ends, c.values = c.ends[:0], c.values[:0]
	c.keys.reset()
}

// encodeKeys writes a Map column up to its values, which come next. It is no method of keyed for the reason that loadNumbers
// is none of number.
func encodeKeys(ends []uint64, keys *words, via *wire) *proto.Buffer {
	buffer := via.empty()
	proto.ColUInt64(ends).EncodeColumn(buffer)
	keys.encode(buffer)
	return buffer
}
