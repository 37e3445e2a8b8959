package analytics

import (
	"context"
	"math"
	"time"
)

// Outcome is what came of one attempt at an action.
type Outcome string

// The outcomes of an attempt.
const (
	OutcomeSucceeded Outcome = "succeeded"
	OutcomeFailed    Outcome = "failed"  // it will be tried again
	OutcomeGaveUp    Outcome = "gave_up" // the event is a dead letter
)

// ActionResult is what came of one attempt at an action that an event triggered. It is known by (Vendor, EventID,
// Action, Target, Attempt): of two that are equal in these the one stored last counts.
type ActionResult struct {
	Vendor, EventID string
	Occurred        time.Time // the event's own time; zero for undated
	Received        time.Time // when ingest received the event
	Action          string    // what kind of action, such as forward
	Target          string    // where it went: the URL without its query
	Attempt         int       // the first is 1
	Outcome         Outcome
	Status          int    // HTTP status of the answer; 0 where there was none
	Error           string // why it failed; empty where it did not
	Started         time.Time
	Duration        time.Duration
}

// InsertActionResults writes results and returns when they are stored. As with Insert, a failed call is repeated,
// and writing a result again changes nothing that counts. There is no result that ClickHouse refuses for its data:
// a time of the event that is out of range counts as undated, as it does for the event itself.
func (db *DB) InsertActionResults(ctx context.Context, results []ActionResult) error {
	ctx, cancel := context.WithTimeout(ctx, db.options.Timeout)
	defer cancel()
	var b resultBlock
	b.init()
	for i := range results {
		b.append(&results[i])
	}
	for _, part := range b.split(emptyResults) {
		if err := db.insert(ctx, part); err != nil {
			return err
		}
	}
	return nil
}

// resultBlock is rows of the table action_results.
type resultBlock struct {
	block
	vendor, action, target, outcome text
	event, failure                  text
	attempt, status                 values[uint16]
	occurred, started               values[int64]
	duration                        values[uint32]
}

func (b *resultBlock) init() {
	b.block = block{table: "action_results", seen: map[uint32]struct{}{}, columns: []namedColumn{
		{"vendor", typeWord, &b.vendor},
		{"event_id", typeString, &b.event},
		{"action", typeWord, &b.action},
		{"target", typeWord, &b.target},
		{"attempt", "UInt16", &b.attempt},
		{"outcome", typeWord, &b.outcome},
		{"status", "UInt16", &b.status},
		{"error", typeString, &b.failure},
		{"occurred_at", typeTime, &b.occurred},
		{"started_at", typeTime, &b.started},
		{"duration_ms", "UInt32", &b.duration},
	}}
}

func emptyResults() *block {
	var b resultBlock
	b.init()
	return &b.block
}

func (b *resultBlock) append(r *ActionResult) {
	occurred := r.Occurred
	if checkTime("event", occurred, r.Received) != nil {
		occurred = time.Time{}
	}
	b.vendor.append(r.Vendor)
	b.event.append(r.EventID)
	b.action.append(r.Action)
	b.target.append(r.Target)
	b.attempt.append(uint16(min(max(r.Attempt, 0), math.MaxUint16)))
	b.outcome.append(string(r.Outcome))
	b.status.append(uint16(min(max(r.Status, 0), math.MaxUint16)))
	b.failure.append(r.Error)
	b.occurred.append(millis(occurred))
	b.started.append(millis(r.Started))
	b.duration.append(uint32(min(max(r.Duration.Milliseconds(), 0), math.MaxUint32)))
	b.endRow(sourceMonth(occurred))
}
