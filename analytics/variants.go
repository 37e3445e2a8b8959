package analytics

import (
	"context"
	"hash/crc32"
	"hash/fnv"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// eventKeys is rows of the registry event_keys.
type eventKeys struct {
	block
	vendor    text
	event     values[uint64]
	low, high values[uint32]
}

func (b *eventKeys) init() {
	b.block = block{table: "event_keys", seen: map[uint32]struct{}{}, columns: []namedColumn{
		{"vendor", typeWord, &b.vendor},
		{"event", "UInt64", &b.event},
		{"low", "UInt32", &b.low},
		{"high", "UInt32", &b.high},
	}}
}

// eventKey is how the registry knows an event.
type eventKey struct {
	vendor string
	event  uint64
}

func keyOf(vendor, id string) eventKey {
	h := fnv.New64a()
	_, _ = io.WriteString(h, id)
	return eventKey{vendor, h.Sum64()}
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// contentOf is a hash of what an event is identified by and counts as. Two contents that have one by chance are taken for one.
func contentOf(payload []byte, delivery map[string]string) uint32 {
	sum := crc32.Update(0, castagnoli, payload)
	for _, name := range slices.Sorted(maps.Keys(delivery)) {
		sum = crc32.Update(sum, castagnoli, []byte(name+"\x00"+delivery[name]+"\x00"))
	}
	return sum
}

// keys are the registry's rows for the events of b; a tombstone has none.
func (b *eventBlock) keys() *eventKeys {
	out := &eventKeys{}
	out.init()
	for i := range b.months {
		if b.deleted.rows[i] == 1 {
			continue
		}
		key, content := keyOf(b.vendor.rows[i], b.id.rows[i]), contentOf(b.payload.rows[i], b.delivery.rows[i])
		out.vendor.append(key.vendor)
		out.event.append(key.event)
		out.low.append(content)
		out.high.append(content)
		out.endRow(0)
	}
	return out
}

// insertVariants enters events in the registry, and stores those as variants that share an ID with another content: where
// events.id is wrong many events have one ID, and the table events keeps one of them.
func (db *DB) insertVariants(ctx context.Context, b *eventBlock) error {
	keys := b.keys()
	if err := db.insert(ctx, &keys.block); err != nil {
		return err
	}
	shared, err := db.sharedKeys(ctx, keys)
	if err != nil || len(shared) == 0 {
		return err
	}
	variants := emptyVariants()
	for i := range b.months {
		if b.deleted.rows[i] == 0 && shared[keyOf(b.vendor.rows[i], b.id.rows[i])] {
			variants.take(&block{columns: withoutDeleted(b.columns), months: b.months}, i)
		}
	}
	return db.insertParts(ctx, variants, emptyVariants)
}

// sharedKeys returns the keys of events that came with more than one content.
func (db *DB) sharedKeys(ctx context.Context, keys *eventKeys) (map[eventKey]bool, error) {
	names := make([]string, keys.len())
	for i, vendor := range keys.vendor.rows {
		names[i] = "(" + literal(vendor) + "," + strconv.FormatUint(keys.event.rows[i], 10) + ")"
	}
	out := map[eventKey]bool{}
	for part := range slices.Chunk(names, unitsAQuery) {
		found, err := collect(manyKeys(ctx), db, "read the registry of events",
			"SELECT vendor, event FROM event_keys WHERE (vendor, event) IN ("+strings.Join(part, ",")+
				") GROUP BY vendor, event HAVING min(low) != max(high)",
			func(rows driver.Rows) (key eventKey, err error) { return key, rows.Scan(&key.vendor, &key.event) })
		if err != nil {
			return nil, err
		}
		for _, key := range found {
			out[key] = true
		}
	}
	return out, nil
}

func emptyVariants() *block {
	var b eventBlock
	b.init()
	b.table, b.columns = "event_variants", withoutDeleted(b.columns)
	return &b.block
}

// withoutDeleted leaves out the last column of events, is_deleted.
func withoutDeleted(columns []namedColumn) []namedColumn { return columns[:len(columns)-1] }
