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
	StageTime     Stage = "time"     // its own time is none, or out of range
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
	if event.Again {
		row.From = analytics.PlaceOf(&event)
	}
	appended, err = Add(&row, config, rows.Append)
	return row, appended, err
}

// Add maps the event of row and hands the row to add, which refuses what cannot be stored: an error is an *Error, and the
// row then says why. added says whether there is a row.
func Add(row *analytics.Row, config *vendors.Config, add func(analytics.Row) error) (added bool, err error) {
	err = Map(row, config)
	if err == nil {
		if err = add(*row); err == nil {
			return true, nil
		}
		err = &Error{StageRow, err}
	}
	// The row stays in the month of the event's own time where that is not to blame: there the event's row replaces
	// it if it comes again and can be read then.
	row.Outcome, row.Error = vendors.Outcome{}, err.Error()
	failed := add(*row)
	if failed == nil {
		return true, err
	}
	err = &Error{StageTime, failed}
	row.Event.Time, row.Event.BadTime, row.Error = time.Time{}, "", err.Error()
	if failed := add(*row); failed != nil {
		return false, &Error{StageTime, errors.Join(err, failed)}
	}
	return true, err
}

// Map decides what the event of row counts as: it sets Rule and Outcome. An event that comes again, or that could not be
// identified when it came, it identifies again by the configuration. An error is an *Error.
func Map(row *analytics.Row, config *vendors.Config) error {
	e := &row.Event
	vendor, known := config.Vendors[e.Vendor]
	if !known {
		return &Error{StageMap, fmt.Errorf("vendor %q is not in the configuration", e.Vendor)}
	}
	row.Rule, row.Outcome = vendor.Redelivery, vendors.Outcome{}
	identity := vendors.Identity{ID: e.ID, Type: e.Type, Time: e.Time, BadTime: e.BadTime, BadID: e.BadID, Test: e.Test, Data: e.Data, Delivery: e.Delivery}
	if e.Again || e.BadID != "" || e.BadTime != "" {
		identity = identifyAgain(vendor, identity, e.Again)
		e.ID, e.Type, e.Time, e.BadTime, e.BadID, e.Test = identity.ID, identity.Type, identity.Time, identity.BadTime, identity.BadID, identity.Test
	}
	if e.BadID != "" {
		return &Error{StageIdentify, errors.New(e.BadID)}
	}
	outcome, err := vendor.Outcome(identity)
	if err != nil {
		return &Error{StageMap, err}
	}
	row.Outcome = outcome
	return nil
}

// identifyAgain reads all of what comes again, for it may have been identified wrongly. Of what comes for the first time it
// reads what could not be read when it came; its ID stays, by which the audit looks it up.
func identifyAgain(vendor *vendors.Vendor, was vendors.Identity, again bool) vendors.Identity {
	now := vendor.IdentifyAgain(was)
	if again {
		return now
	}
	if now.BadID == "" {
		was.BadID = ""
	}
	if was.BadTime != "" && now.BadTime == "" && !now.Time.IsZero() {
		was.Time, was.BadTime = now.Time, ""
	}
	return was
}
