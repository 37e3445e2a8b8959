package analytics

import (
	"context"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// LedgerEntry accounts for the offsets from First up to, not including, End of one topic partition: each of them is
// in exactly one of Stored, Retried, Dead and Skipped.
//
// An entry grows: of two that are equal in (Group, Topic, Partition, First) the one with the higher End counts. So
// the ledger does not grow with the events, and writing an entry again changes nothing.
type LedgerEntry struct {
	Group, Topic string
	Partition    int32
	First, End   int64

	Stored     uint32            // its rows are in ClickHouse
	Duplicates uint32            // of those stored, how many repeat another record of the same batch
	Retried    uint32            // acknowledged by the retry topic
	Dead       uint32            // acknowledged by the dead-letter topic
	Skipped    uint32            // for another consumer group
	Vendors    map[string]uint32 // records per vendor, of those that are events
}

// WriteLedger writes entries and returns when they are stored. It may be repeated.
func (db *DB) WriteLedger(ctx context.Context, entries []LedgerEntry) error {
	ctx, cancel := context.WithTimeout(ctx, db.options.Timeout)
	defer cancel()
	var b ledgerBlock
	b.init()
	for i := range entries {
		b.append(&entries[i])
	}
	return db.insert(ctx, &b.block)
}

const ledgerColumns = "consumer_group, kafka_topic, kafka_partition, first_offset, end_offset, stored, duplicates, retried, dead, skipped, vendors"

// Ledger returns the entries of a consumer group, in order of topic, partition and first offset. They may overlap:
// what is read again is accounted for again.
func (db *DB) Ledger(ctx context.Context, group string) ([]LedgerEntry, error) {
	return collect(ctx, db, "read the ledger", "SELECT "+ledgerColumns+
		" FROM ledger FINAL WHERE consumer_group = ? ORDER BY kafka_topic, kafka_partition, first_offset", scanLedger, group)
}

// LedgerToday returns for each partition the entry of a consumer group that reaches furthest, unless it was last
// written on an earlier day (UTC): one that may go on growing.
func (db *DB) LedgerToday(ctx context.Context, group string) ([]LedgerEntry, error) {
	return collect(ctx, db, "read the ends of the ledger", "SELECT "+ledgerColumns+
		" FROM ledger FINAL WHERE consumer_group = ? AND toDate(written_at, 'UTC') = toDate(now(), 'UTC')"+
		" ORDER BY end_offset DESC, first_offset LIMIT 1 BY kafka_topic, kafka_partition", scanLedger, group)
}

func scanLedger(rows driver.Rows) (e LedgerEntry, err error) {
	err = rows.Scan(&e.Group, &e.Topic, &e.Partition, &e.First, &e.End, &e.Stored, &e.Duplicates, &e.Retried, &e.Dead,
		&e.Skipped, &e.Vendors)
	return e, err
}

// ledgerBlock is rows of the table ledger.
type ledgerBlock struct {
	block
	group, topic                               text
	partition                                  values[int32]
	first, end                                 values[int64]
	stored, duplicates, retried, dead, skipped values[uint32]
	vendors                                    counts
}

func (b *ledgerBlock) init() {
	b.block = block{table: "ledger", seen: map[uint32]struct{}{}, columns: []namedColumn{
		{"consumer_group", typeWord, &b.group},
		{"kafka_topic", typeWord, &b.topic},
		{"kafka_partition", "Int32", &b.partition},
		{"first_offset", "Int64", &b.first},
		{"end_offset", "Int64", &b.end},
		{"stored", "UInt32", &b.stored},
		{"duplicates", "UInt32", &b.duplicates},
		{"retried", "UInt32", &b.retried},
		{"dead", "UInt32", &b.dead},
		{"skipped", "UInt32", &b.skipped},
		{"vendors", "Map(LowCardinality(String), UInt32)", &b.vendors},
	}}
}

func (b *ledgerBlock) append(e *LedgerEntry) {
	b.group.append(e.Group)
	b.topic.append(e.Topic)
	b.partition.append(e.Partition)
	b.first.append(e.First)
	b.end.append(e.End)
	b.stored.append(e.Stored)
	b.duplicates.append(e.Duplicates)
	b.retried.append(e.Retried)
	b.dead.append(e.Dead)
	b.skipped.append(e.Skipped)
	b.vendors.append(e.Vendors)
	b.endRow(0)
}
