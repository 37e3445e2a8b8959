package processor

import (
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hookline-io/hookline/analytics"
	"github.com/hookline-io/hookline/schemas"
	"github.com/hookline-io/hookline/schemas/vendors"
)

// Bounds of an event's own time. A clock beyond them must not create ClickHouse partitions.
var earliest = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

const latestAhead = 48 * time.Hour

// poison is the error of an event that will not get better by itself: it is dead-lettered at once.
type poison struct {
	stage string // decode | time | map; a metric label
	err   error
}

func (p *poison) Error() string { return p.stage + ": " + p.err.Error() }
func (p *poison) Unwrap() error { return p.err }

// transform makes the row of a record: what is stored, and what it counts as. It is pure.
//
// An event that is poison still has a row wherever it can be decoded, undated and without effect, so that what a
// vendor sent can be looked up; the error says why it counts for nothing. A record that is no event at all has none.
func transform(r *kgo.Record, config *vendors.Config) (row analytics.Row, stored bool, err error) {
	event, err := schemas.DecodeEvent(r)
	if err != nil {
		return row, false, &poison{"decode", err}
	}
	row = analytics.Row{Event: event, Origin: analytics.Origin{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset}}
	vendor, known := config.Vendors[event.Vendor]
	if known {
		row.Rule = vendor.Redelivery
	}
	fail := func(stage string, err error) (analytics.Row, bool, error) {
		row.Event.Time = time.Time{}
		row.Error = stage + ": " + err.Error()
		return row, true, &poison{stage, err}
	}
	if !known {
		return fail("map", fmt.Errorf("vendor %q is not in the configuration", event.Vendor))
	}
	if event.BadTime != "" {
		return fail("time", fmt.Errorf("%q is not a time in the configured format", event.BadTime))
	}
	if err := checkTime(event.Time, event.Received); err != nil {
		return fail("time", err)
	}
	sale, counts, err := vendor.Sale(vendors.Identity{ID: event.ID, Type: event.Type, Time: event.Time, Data: event.Data})
	if err != nil {
		return fail("map", err)
	}
	if counts {
		if err := checkTime(sale.Time, event.Received); err != nil {
			return fail("time", fmt.Errorf("sale: %w", err))
		}
		row.Sale = &sale
	}
	return row, true, nil
}

// checkTime refuses a time that no honest clock shows. The zero time, "none stated", is fine.
func checkTime(t, received time.Time) error {
	switch {
	case t.IsZero():
		return nil
	case t.Before(earliest):
		return fmt.Errorf("%s is before %s", t.Format(time.RFC3339), earliest.Format(time.DateOnly))
	case t.After(received.Add(latestAhead)):
		return fmt.Errorf("%s is more than %s after it was received", t.Format(time.RFC3339), latestAhead)
	}
	return nil
}

// stageOf names the stage at which a record turned out to be poison.
func stageOf(err error) string {
	if p, ok := errors.AsType[*poison](err); ok {
		return p.stage
	}
	return "unknown"
}
