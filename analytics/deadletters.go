package analytics

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/hookline-io/hookline/schemas"
)

// DeadLetterState says what became of a dead letter.
type DeadLetterState string

// The states of a dead letter.
const (
	StateDead     DeadLetterState = "dead"
	StateRedriven DeadLetterState = "redriven" // sent round again
)

// DeadLetter is a dead letter as the table dead_letters keeps it.
type DeadLetter struct {
	schemas.DeadLetter
	Event   schemas.Event // where the record is none: zero but for Received and Data
	At      Origin        // where the dead-letter topic holds it
	State   DeadLetterState
	Changed time.Time // when it came to State; of two states of one dead letter the last one counts
}

// DeadLetterID is what a dead letter is known by: where the record was read that failed, and the action, if any.
// Two dead letters about the same failure are one.
type DeadLetterID struct {
	Origin
	Action string
}

// ID returns what d is known by.
func (d *DeadLetter) ID() DeadLetterID {
	return DeadLetterID{Origin{Topic: d.Topic, Partition: d.Partition, Offset: d.Offset}, d.Action}
}

// InsertDeadLetters writes dead letters and returns when they are stored. It may be repeated.
func (db *DB) InsertDeadLetters(ctx context.Context, letters []DeadLetter) error {
	ctx, cancel := context.WithTimeout(ctx, db.options.Timeout)
	defer cancel()
	var b deadLetterBlock
	b.init()
	for i := range letters {
		b.append(&letters[i])
	}
	return db.insert(ctx, &b.block)
}

// Redriven returns those of the dead letters that were redriven already.
func (db *DB) Redriven(ctx context.Context, letters []DeadLetter) (map[DeadLetterID]bool, error) {
	out := map[DeadLetterID]bool{}
	if len(letters) == 0 {
		return out, nil
	}
	tuples := make([]string, len(letters))
	for i := range letters {
		d := &letters[i]
		tuples[i] = fmt.Sprintf("(%s,%d,%d,%s)", literal(d.Topic), d.Partition, d.Offset, literal(d.Action))
	}
	ctx = clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{"max_query_size": 1 << 30}))
	found, err := collect(ctx, db, "look for redriven dead letters",
		"SELECT kafka_topic, kafka_partition, kafka_offset, action FROM dead_letters FINAL WHERE state = '"+string(StateRedriven)+
			"' AND (kafka_topic, kafka_partition, kafka_offset, action) IN ("+strings.Join(tuples, ",")+")",
		func(rows driver.Rows) (id DeadLetterID, err error) {
			return id, rows.Scan(&id.Topic, &id.Partition, &id.Offset, &id.Action)
		})
	for _, id := range found {
		out[id] = true
	}
	return out, err
}

// DeadLetterEvents returns, by what it is known by, the event of each dead letter in the table.
func (db *DB) DeadLetterEvents(ctx context.Context) (map[DeadLetterID]EventID, error) {
	type deadLetter struct {
		DeadLetterID
		event EventID
	}
	found, err := collect(ctx, db, "read the events of dead letters",
		"SELECT kafka_topic, kafka_partition, kafka_offset, action, vendor, event_id FROM dead_letters FINAL",
		func(rows driver.Rows) (b deadLetter, err error) {
			return b, rows.Scan(&b.Topic, &b.Partition, &b.Offset, &b.Action, &b.event.Vendor, &b.event.ID)
		})
	out := make(map[DeadLetterID]EventID, len(found))
	for _, b := range found {
		out[b.DeadLetterID] = b.event
	}
	return out, err
}

// deadLetterBlock is rows of the table dead_letters.
type deadLetterBlock struct {
	block
	topic, vendor, kind, stage, action, state text
	partition, atPartition                    values[int32]
	offset, atOffset                          values[int64]
	event, failure                            text
	attempts                                  values[uint16]
	occurred, received, failed, changed       values[int64]
	payload                                   blobs
}

func (b *deadLetterBlock) init() {
	b.block = block{table: "dead_letters", seen: map[uint32]struct{}{}, columns: []namedColumn{
		{"kafka_topic", typeWord, &b.topic},
		{"kafka_partition", "Int32", &b.partition},
		{"kafka_offset", "Int64", &b.offset},
		{"vendor", typeWord, &b.vendor},
		{"event_id", typeString, &b.event},
		{"type", typeWord, &b.kind},
		{"stage", typeWord, &b.stage},
		{"action", typeWord, &b.action},
		{"error", typeString, &b.failure},
		{"attempts", "UInt16", &b.attempts},
		{"occurred_at", typeTime, &b.occurred},
		{"received_at", typeTime, &b.received},
		{"failed_at", typeTime, &b.failed},
		{"payload", typeString, &b.payload},
		{"dlq_partition", "Int32", &b.atPartition},
		{"dlq_offset", "Int64", &b.atOffset},
		{"state", typeWord, &b.state},
		{"changed_at", typeTime, &b.changed},
	}}
}

func (b *deadLetterBlock) append(d *DeadLetter) {
	e := &d.Event
	b.topic.append(d.Topic)
	b.partition.append(d.Partition)
	b.offset.append(d.Offset)
	b.vendor.append(e.Vendor)
	b.event.append(e.ID)
	b.kind.append(e.Type)
	b.stage.append(d.Stage)
	b.action.append(d.Action)
	b.failure.append(d.Error)
	b.attempts.append(uint16(min(max(d.Attempts, 0), math.MaxUint16)))
	b.occurred.append(bounded(e.Time))
	b.received.append(bounded(e.Received))
	b.failed.append(bounded(d.Failed))
	b.payload.append(e.Data)
	b.atPartition.append(d.At.Partition)
	b.atOffset.append(d.At.Offset)
	b.state.append(string(d.State))
	b.changed.append(bounded(d.Changed))
	b.endRow(0)
}

// bounded is t as DateTime64(3) holds it; what it cannot hold is undated. A dead letter may say anything.
func bounded(t time.Time) int64 {
	if y := t.Year(); y < 1970 || y > 2261 {
		return undated
	}
	return millis(t)
}
