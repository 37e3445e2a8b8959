// Package mapping makes rows of events: what is stored of an event, and what it counts as. It is pure; the processor
// maps what comes from Kafka, and reprocess what is stored already.
package mapping

import (
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hookline-io/hookline/analytics"
	"github.com/hookline-io/hookline/schemas"
	"github.com/hookline-io/hookline/schemas/vendors"
)

// Error is that of an event that cannot succeed as it is: trying again is of no use.
type Error struct {
	Stage Stage
	Err   error
}

// Stage is where an event turned out to be poison. It is a metric label: the set is closed.
type Stage string

// The stages.
const (
	StageDecode   Stage = "decode"   // it is no event
	StageIdentify Stage = "identify" // it is one of several in a delivery and has no ID of its own
	StageMap      Stage = "map"      // it should be a sale and cannot be read as one
	StageRow      Stage = "row"      // its sale has no place in ClickHouse: the time or the amount is out of range
	StageTime     Stage = "time"     // its own time is none, or out of range; no configuration fixes that
	StageUnknown  Stage = "unknown"  // not an Error
)

// Error implements error: the stage, a colon, and why.
func (e *Error) Error() string { return string(e.Stage) + ": " + e.Err.Error() }

// Unwrap returns why.
func (e *Error) Unwrap() error { return e.Err }

// StageOf returns the stage of the Error within err.
func StageOf(err error) Stage {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Stage
	}
	return StageUnknown
}

// Append decodes a record and appends its row, what is stored and what it counts as, to rows. An error is an
// *Error. Poison that is an event all the same is appended too, without effect and with the error beside it: what a
// vendor sent can always be looked up. appended says whether there is a row.
func Append(r *kgo.Record, config *vendors.Config, rows *analytics.Batch) (row analytics.Row, appended bool, err error) {
	event, err := schemas.DecodeEvent(r)
	if err != nil {
		return analytics.Row{}, false, &Error{StageDecode, err}
	}
	row = analytics.Row{Event: event, Origin: analytics.Origin{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset}}
	err = Map(&row, config)
	if err == nil {
		if err = rows.Append(row); err == nil {
			return row, true, nil
		}
		err = &Error{StageRow, err}
	}
	// The row stays in the month of the event's own time where that is not to blame: there the event's row replaces
	// it if it comes again and can be read then.
	row.Outcome, row.Error = vendors.Outcome{}, err.Error()
	failed := rows.Append(row)
	if failed == nil {
		return row, true, err
	}
	err = &Error{StageTime, failed}
	row.Event.Time, row.Event.BadTime, row.Error = time.Time{}, "", err.Error()
	if failed := rows.Append(row); failed != nil {
		return row, false, &Error{StageTime, errors.Join(err, failed)}
	}
	return row, true, err
}

// Map decides what the event of row counts as: it sets Rule and Outcome, and the time where that could not be read when
// the event came and can be now. An error is an *Error.
func Map(row *analytics.Row, config *vendors.Config) error {
	e := &row.Event
	vendor, known := config.Vendors[e.Vendor]
	if !known {
		return &Error{StageMap, fmt.Errorf("vendor %q is not in the configuration", e.Vendor)}
	}
	row.Rule, row.Outcome = vendor.Redelivery, vendors.Outcome{}
	identity := vendors.Identity{ID: e.ID, Type: e.Type, Time: e.Time, BadTime: e.BadTime, BadID: e.BadID, Test: e.Test, Data: e.Data}
	if e.BadID != "" && !vendor.Identifies(identity) {
		return &Error{StageIdentify, errors.New(e.BadID)}
	}
	if e.BadTime != "" {
		if at, ok := vendor.TimeOf(identity); ok { // the format was wrong when it came, and is right now
			e.Time, e.BadTime = at, ""
			identity.Time, identity.BadTime = at, ""
		}
	}
	outcome, err := vendor.Outcome(identity)
	if err != nil {
		return &Error{StageMap, err}
	}
	row.Outcome = outcome
	return nil
}
