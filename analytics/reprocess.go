package analytics

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// Reprocess is a run that maps the stored events of a vendor again. Its state is kept in ClickHouse with every step,
// so that a run that is started again goes on where it was cut short.
type Reprocess struct {
	Generation   uint16 // among the runs of the vendor; what it writes outranks all that was stored before: see Version
	Vendor       string
	Since, Until uint32 // source months of the events, both included, as YYYYMM; 0: no limit
	Mapping      string // hash of the configuration
	State        ReprocessState
	Month        uint32 // where mapping has come to
	After        string // the last event of Month that was mapped
	Events       uint64 // how many were mapped
}

// ReprocessState says how far a run is.
type ReprocessState string

// The states of a run.
const (
	ReprocessMapping  ReprocessState = "mapping"  // nothing that counts is changed yet
	ReprocessApplying ReprocessState = "applying" // all is mapped; what differs is being written
	ReprocessDone     ReprocessState = "done"
	ReprocessDropped  ReprocessState = "dropped" // given up before anything was changed
)

// ErrUnfinished is wrapped by the error of BeginReprocess where a run was cut short while it was being applied.
var ErrUnfinished = errors.New("an earlier run is applied in part")

// errGenerations says that a version has no room for more.
var errGenerations = fmt.Errorf("no generation is left: there were %d runs", maxGeneration)

// BeginReprocess returns the run that want describes: one that was cut short while it was mapping, or a new one
// of a generation of its own. Other runs of that vendor that were cut short while mapping are dropped.
func (db *DB) BeginReprocess(ctx context.Context, want Reprocess) (Reprocess, error) {
	open, err := db.OpenReprocess(ctx, want.Vendor)
	if err != nil {
		return Reprocess{}, err
	}
	for _, run := range open {
		switch {
		case run.State == ReprocessApplying:
			return Reprocess{}, fmt.Errorf("begin to reprocess %s: %w: generation %d", want.Vendor, ErrUnfinished, run.Generation)
		case run.Since == want.Since && run.Until == want.Until && run.Mapping == want.Mapping:
			return run, nil
		}
		if err := db.EndReprocess(ctx, run, ReprocessDropped); err != nil {
			return Reprocess{}, err
		}
	}
	if err := db.dropMapped(ctx); err != nil {
		return Reprocess{}, err
	}
	last, err := db.number(ctx, "look for the last generation", `SELECT greatest(
		(SELECT max(generation) FROM reprocess_runs WHERE vendor = $1),
		(SELECT max(bitShiftRight(version, 48)) FROM events WHERE vendor = $1))`, want.Vendor)
	if err != nil {
		return Reprocess{}, err
	}
	if last >= maxGeneration {
		return Reprocess{}, fmt.Errorf("begin to reprocess %s: %w", want.Vendor, errGenerations)
	}
	want.Generation, want.State = uint16(last)+1, ReprocessMapping
	want.Month, want.After, want.Events = 0, "", 0
	if err := db.SaveReprocess(ctx, want); err != nil {
		return Reprocess{}, err
	}
	open, err = db.OpenReprocess(ctx, want.Vendor)
	if err == nil && (len(open) != 1 || open[0] != want) {
		err = fmt.Errorf("begin to reprocess %s: another run of this vendor began at the same time", want.Vendor)
	}
	return want, err
}

// OpenReprocess returns the runs of a vendor that were cut short or are still running, oldest first.
func (db *DB) OpenReprocess(ctx context.Context, vendor string) ([]Reprocess, error) {
	return collect(ctx, db, "look for reprocess runs", `SELECT generation, vendor, since_month, until_month, mapping, state, month, after_id, events
		FROM reprocess_runs FINAL WHERE vendor = ? AND state IN ('mapping', 'applying') ORDER BY generation`,
		func(rows driver.Rows) (r Reprocess, err error) {
			return r, rows.Scan(&r.Generation, &r.Vendor, &r.Since, &r.Until, &r.Mapping, (*string)(&r.State), &r.Month, &r.After, &r.Events)
		}, vendor)
}

// SaveReprocess keeps the state of a run.
func (db *DB) SaveReprocess(ctx context.Context, r Reprocess) error {
	ctx, cancel := context.WithTimeout(ctx, db.options.Timeout)
	defer cancel()
	var b runBlock
	b.init()
	b.append(&r)
	return db.insert(ctx, &b.block)
}

// EndReprocess keeps the last state of a run and removes what it has mapped.
func (db *DB) EndReprocess(ctx context.Context, r Reprocess, state ReprocessState) error {
	r.State = state
	if err := db.SaveReprocess(ctx, r); err != nil {
		return err
	}
	return db.dropMapped(ctx)
}

// dropMapped removes what runs have mapped that have ended.
func (db *DB) dropMapped(ctx context.Context) error {
	for _, table := range []string{"reprocess_moved", "reprocess_mapped"} {
		ended, err := collect(ctx, db, "look for what was mapped", "SELECT DISTINCT vendor, generation FROM "+table+
			" WHERE (vendor, generation) NOT IN (SELECT vendor, generation FROM reprocess_runs FINAL WHERE state IN ('mapping', 'applying'))",
			func(rows driver.Rows) (r Reprocess, err error) { return r, rows.Scan(&r.Vendor, &r.Generation) })
		if err != nil {
			return err
		}
		for _, run := range ended {
			if err := db.exec(ctx, "drop what was mapped", fmt.Sprintf("ALTER TABLE %s DROP PARTITION (%s, %d)", table, literal(run.Vendor), run.Generation)); err != nil {
				return err
			}
		}
	}
	return nil
}

// MappedSummary is what a run has mapped.
type MappedSummary struct {
	Errors  uint64 // events that cannot be read as what they should be
	Example string // what is wrong with one of them
	Moved   uint64 // events that get another ID, or another month
}

// MappedSummary returns what a run has mapped.
func (db *DB) MappedSummary(ctx context.Context, r Reprocess) (s MappedSummary, err error) {
	ctx, cancel := context.WithTimeout(ctx, db.options.Timeout)
	defer cancel()
	err = db.pool().QueryRow(ctx, `SELECT countIf(error != ''), anyIf(concat('event ', event_id, ': ', error), error != ''), countIf((from_id, from_month) != (event_id, event_month))
		FROM reprocess_mapped FINAL WHERE vendor = ? AND generation = ? AND number = 0 AND NOT is_outranked`,
		r.Vendor, r.Generation).Scan(&s.Errors, &s.Example, &s.Moved)
	return s, wrap("count what was mapped", err)
}

// EventMonth is a source month of a vendor's events.
type EventMonth struct {
	Month  uint32
	Events uint64 // rows, deliveries that are not merged yet included
}

// EventMonths returns the source months of a vendor's events from since until until, both included, 0 for no limit.
// Undated events are month 0, which only a run without limits has.
func (db *DB) EventMonths(ctx context.Context, vendor string, since, until uint32) ([]EventMonth, error) {
	if until == 0 {
		until = math.MaxUint32
	}
	return collect(ctx, db, "look for the months of events", `SELECT source_month, count() FROM
		(SELECT vendor, source_month FROM events UNION ALL SELECT vendor, source_month FROM event_variants)
		WHERE vendor = ? AND source_month BETWEEN ? AND ? GROUP BY source_month ORDER BY source_month`,
		func(rows driver.Rows) (m EventMonth, err error) { return m, rows.Scan(&m.Month, &m.Events) }, vendor, since, until)
}

// Span is events of one vendor and source month that follow each other in the order of their IDs.
type Span struct {
	Vendor string
	Month  uint32
	After  string // the ID before the first one
	Until  string // the last ID; empty: no limit
}

// EventsAfter calls do with the stored events of a span, in the order of their IDs, limit at most. Each has what Map
// needs, the error that it is stored with, and the place.
func (db *DB) EventsAfter(ctx context.Context, s Span, limit int, do func(Row) error) error {
	return db.stored(ctx, "read events", s, "SELECT toUInt64(0), is_test = 1, "+storedColumns+" FROM events FINAL "+inSpan+fmt.Sprintf(" ORDER BY event_id LIMIT %d", limit), do)
}

// Variants calls do with the deliveries of a span that brought a known ID and another content, as EventsAfter does.
func (db *DB) Variants(ctx context.Context, s Span, do func(Row) error) error {
	return db.stored(ctx, "read variants of events", s, "SELECT content, is_test = 1, "+storedColumns+" FROM event_variants FINAL "+inSpan, do)
}

const (
	storedColumns = `event_id, type, occurred_at, received_at, stored_at, payload, content_type, key_id, proof, error, delivery, kafka_topic, kafka_partition, kafka_offset`
	inSpan        = "WHERE vendor = ? AND source_month = ? AND event_id > ? AND (event_id <= ? OR ? = '')"
)

func (db *DB) stored(ctx context.Context, op string, s Span, query string, do func(Row) error) error {
	ctx, cancel := context.WithTimeout(ctx, db.options.Timeout)
	defer cancel()
	// Small blocks: payloads may be large.
	ctx = clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{"max_block_size": 1024, "do_not_merge_across_partitions_select_final": 1}))
	rows, err := db.pool().Query(ctx, query, s.Vendor, s.Month, s.After, s.Until, s.Until)
	if err != nil {
		return wrap(op, err)
	}
	defer rows.Close()
	for rows.Next() {
		row := Row{From: &Place{Month: s.Month}}
		e, from, origin := &row.Event, row.From, &row.Origin
		e.Vendor = s.Vendor
		var payload string
		if err := rows.Scan(&from.Content, &e.Test, &e.ID, &e.Type, &e.Time, &e.Received, &row.Stored, &payload, &e.ContentType, &e.KeyID, (*string)(&e.Proof), &row.Error,
			&e.Delivery, &origin.Topic, &origin.Partition, &origin.Offset); err != nil {
			return wrap(op, err)
		}
		from.ID = e.ID
		if e.Data = []byte(payload); s.Month == 0 {
			e.Time = time.Time{}
		}
		if err := do(row); err != nil {
			return err
		}
	}
	return wrap(op, rows.Err())
}

// runBlock is rows of the table reprocess_runs.
type runBlock struct {
	block
	generation          values[uint16]
	vendor, state       text
	since, until, month values[uint32]
	mapping, after      text
	events              values[uint64]
}

func (b *runBlock) init() {
	b.block = block{table: "reprocess_runs", seen: map[uint32]struct{}{}, columns: []namedColumn{
		{"generation", "UInt16", &b.generation},
		{"vendor", typeWord, &b.vendor},
		{"since_month", "UInt32", &b.since},
		{"until_month", "UInt32", &b.until},
		{"mapping", typeString, &b.mapping},
		{"state", typeWord, &b.state},
		{"month", "UInt32", &b.month},
		{"after_id", typeString, &b.after},
		{"events", "UInt64", &b.events},
	}}
}

func (b *runBlock) append(r *Reprocess) {
	b.generation.append(r.Generation)
	b.vendor.append(r.Vendor)
	b.since.append(r.Since)
	b.until.append(r.Until)
	b.mapping.append(r.Mapping)
	b.state.append(string(r.State))
	b.month.append(r.Month)
	b.after.append(r.After)
	b.events.append(r.Events)
	b.endRow(0)
}
