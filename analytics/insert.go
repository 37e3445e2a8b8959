package analytics

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// deduplicationToken is the setting that says which INSERTs are the same.
const deduplicationToken = "insert_deduplication_token" //nolint:gosec // the name of a setting

// insertSettings make an INSERT mean: stored when it returns. Call it for each INSERT.
//
// Identity and version decide what counts, not whether a block looks like an earlier one. A server that remembers the
// hashes of blocks (a deduplication window, which replicated tables have by default) acknowledges and drops an INSERT that
// equals an earlier one, also when the rows of that one were deleted. insert_deduplicate turns that off before ClickHouse
// 26.2, where deduplicate_insert came, which overrides it and which older servers refuse as unknown. A token that no
// other INSERT has does it on all of them, whichever of several replicas answers.
//
// wait_end_of_query is a parameter of the HTTP interface; over the native protocol ClickHouse refuses it as an unknown
// setting.
func insertSettings(protocol clickhouse.Protocol) clickhouse.Settings {
	settings := clickhouse.Settings{
		// Batches are large already; waiting on the server to make larger ones only delays the answer. On by
		// default since ClickHouse 26.3.
		"async_insert":       0,
		"insert_deduplicate": 0,
		deduplicationToken:   rand.Text(),
	}
	if protocol == clickhouse.HTTP {
		settings["wait_end_of_query"] = 1 // answer only when the INSERT is complete, so that its failure is the status
	}
	return settings
}

// Insert writes all rows of b and returns when they are stored. Writing a batch again changes nothing that
// counts: after an error, which may have left some of the rows stored, or none, insert it again. Any number of
// processes may write at once. The deadline is ctx's or Options.Timeout, whichever is sooner. ClickHouse's refusals
// are an *Error.
//
// What is stated about a sale is written to the registry before the registry is read: of two writers of statements
// about one sale at least one sees both, and makes the one count that ranks higher.
func (db *DB) Insert(ctx context.Context, b *Batch) error {
	ctx, cancel := context.WithTimeout(ctx, db.options.Timeout)
	defer cancel()
	if err := db.insertVariants(ctx, &b.events); err != nil {
		return err
	}
	// Events first: what its event is refused for does not count.
	if err := db.insertParts(ctx, &b.events.block, emptyEvents); err != nil {
		return err
	}
	if err := db.insert(ctx, &b.keys.block); err != nil {
		return err
	}
	verdicts, err := db.contested(ctx, b.keys.units())
	if err != nil {
		return err
	}
	sales := &b.sales
	if len(verdicts) > 0 {
		var tombstones *saleBlock
		tombstones, sales = sales.settle(verdicts)
		// Before the rows, so that a sale is never in two months at once.
		if err := db.insertParts(ctx, &tombstones.block, emptySales); err != nil {
			return err
		}
	}
	return db.insertParts(ctx, &sales.block, emptySales)
}

// insertParts inserts the rows of b, in as many statements as their months need.
func (db *DB) insertParts(ctx context.Context, b *block, empty func() *block) error {
	for _, part := range b.split(empty) {
		if err := db.insert(ctx, part); err != nil {
			return err
		}
	}
	return nil
}

func emptySales() *block { return &newSales().block }

func emptyEvents() *block {
	var b eventBlock
	b.init()
	return &b.block
}

func (db *DB) insert(ctx context.Context, b *block) error {
	if b.len() == 0 {
		return nil
	}
	op := "insert into " + b.table
	names := make([]string, len(b.columns))
	types := make([]clickhouse.ColumnNameAndType, len(b.columns))
	for i, c := range b.columns {
		names[i] = c.name
		types[i] = clickhouse.ColumnNameAndType{Name: c.name, Type: c.kind} // spares a DESCRIBE over HTTP
	}
	ctx = clickhouse.Context(ctx, clickhouse.WithSettings(insertSettings(db.opt.Protocol)), clickhouse.WithColumnNamesAndTypes(types))
	batch, err := db.pool().PrepareBatch(ctx, fmt.Sprintf("INSERT INTO %s (%s)", b.table, strings.Join(names, ", ")))
	if err != nil {
		return wrap(op, err)
	}
	defer batch.Close()
	for i, into := range batch.Columns() {
		c := b.columns[i]
		if err := c.load(into); err != nil {
			return fmt.Errorf("%s: encode column %s: %w", op, c.name, err)
		}
		// The driver's HTTP batch would send nothing and report success for columns of unequal length.
		if into.Rows() != b.len() {
			return fmt.Errorf("%s: encode column %s: %d rows of %d", op, c.name, into.Rows(), b.len())
		}
	}
	return wrap(op, batch.Send())
}
