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

// poison is the error of a record that will not get better by itself: it is dead-lettered at once.
type poison struct {
	stage stage
	err   error
}

// stage is where a record turned out to be poison. It is a metric label: the set is closed.
type stage string

const (
	stageDecode stage = "decode" // it is no event
	stageMap    stage = "map"    // it should be a sale and cannot be read as one
	stageRow    stage = "row"    // it has no place in ClickHouse: its time or amount is out of range
)

func (p *poison) Error() string { return string(p.stage) + ": " + p.err.Error() }
func (p *poison) Unwrap() error { return p.err }

// stageOf names the stage at which a record turned out to be poison.
func stageOf(err error) string {
	if p, ok := errors.AsType[*poison](err); ok {
		return string(p.stage)
	}
	return "unknown"
}

// transform decodes a record and appends its row, what is stored and what it counts as, to rows. An error is a
// *poison. Poison that is an event all the same is appended too, undated and without effect, with the error beside
// it: what a vendor sent can always be looked up.
func transform(r *kgo.Record, config *vendors.Config, rows *analytics.Batch) (analytics.Row, error) {
	event, err := schemas.DecodeEvent(r)
	if err != nil {
		return analytics.Row{}, &poison{stageDecode, err}
	}
	row := analytics.Row{Event: event, Origin: analytics.Origin{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset}}
	if err = count(&row, config); err == nil {
		if err = rows.Append(row); err == nil {
			return row, nil
		}
		err = &poison{stageRow, err}
	}
	row.Event.Time, row.Event.BadTime, row.Sale, row.Error = time.Time{}, "", nil, err.Error()
	if failed := rows.Append(row); failed != nil {
		return row, &poison{stageRow, errors.Join(err, failed)}
	}
	return row, err
}

// count decides what the event of row counts as.
func count(row *analytics.Row, config *vendors.Config) error {
	e := &row.Event
	vendor, known := config.Vendors[e.Vendor]
	if !known {
		return &poison{stageMap, fmt.Errorf("vendor %q is not in the configuration", e.Vendor)}
	}
	row.Rule = vendor.Redelivery
	sale, counts, err := vendor.Sale(vendors.Identity{ID: e.ID, Type: e.Type, Time: e.Time, BadTime: e.BadTime, Data: e.Data})
	if err != nil {
		return &poison{stageMap, err}
	}
	if counts {
		row.Sale = &sale
	}
	return nil
}
