// Package analytics is the only place that knows ClickHouse: its tables and views, how rows get in, and what
// is computed from them.
//
// Its tables dedupe by identity within the month of an event's own time (UTC), which neither a redelivery nor
// a retry changes; see migrations. The file queries/rollup.sql says how the monthly figures stay right.
package analytics

import (
	"errors"
	"fmt"
	"time"

	"github.com/shopspring/decimal"

	"github.com/hookline-io/hookline/schemas"
	"github.com/hookline-io/hookline/schemas/vendors"
)

// Row is one event on its way into ClickHouse, with what came of it.
type Row struct {
	Event      schemas.Event
	Outcome    vendors.Outcome // zero for an event that counts for nothing
	Origin     Origin
	Rule       vendors.Redelivery
	Generation uint16    // 0 for what vendors deliver; see Version
	Error      string    // why the event counts for nothing although it should; empty for one that is as it should be
	From       *Place    // where the event is stored already, perhaps by another ID or time; nil where nothing is known of that
	Stored     time.Time // when that row was stored
}

// Place is where an event is stored.
type Place struct {
	ID      string
	Month   uint32 // source month as YYYYMM; 0 for undated
	Content uint64 // 0 for a row of events; for one of event_variants its content
}

// PlaceOf is where the row of an event is stored, by what its record says: undated where its time is out of range.
func PlaceOf(e *schemas.Event) *Place {
	if checkTime("event", e.Time, e.Received) != nil {
		return &Place{ID: e.ID}
	}
	return &Place{ID: e.ID, Month: sourceMonth(e.Time)}
}

// Origin is where Kafka held the event.
type Origin struct {
	Topic     string
	Partition int32
	Offset    int64
}

// Errors of Batch.Append. The row cannot get better by itself: it is a dead letter.
var (
	ErrTime   = errors.New("time of the event is out of range")
	ErrAmount = errors.New("amount cannot be stored exactly")
)

// The range of times that make a partition. One bad clock must not create partitions, nor fill a month that
// is yet to come.
var earliest = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

const clockSkew = 48 * time.Hour

// checkTime returns an error that wraps ErrTime unless t is zero, which stands for undated, or within
// [2000-01-01, received + 48 h].
func checkTime(what string, t, received time.Time) error {
	switch {
	case t.IsZero():
		return nil
	case t.Before(earliest):
		return fmt.Errorf("%w: the %s's time %s is before %s", ErrTime, what, t.Format(time.RFC3339), earliest.Format(time.DateOnly))
	case t.After(received.Add(clockSkew)):
		return fmt.Errorf("%w: the %s's time %s is more than %v after it was received (%s)", ErrTime, what, t.Format(time.RFC3339), clockSkew, received.Format(time.RFC3339))
	}
	return nil
}

const (
	scale     = 4 // decimals of Decimal(18,4), the type of every amount
	maxAmount = 999_999_999_999_999_999
	maxDigits = 18
	undated   = 0 // milliseconds; 1970-01-01 stands for no time at all
)

// ten holds the powers of ten that move an amount between its own number of decimals and scale.
var ten = [maxDigits + 1]int64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18}

// units returns d in units of 0.0001. The error wraps ErrAmount: d is never rounded.
func units(d decimal.Decimal) (int64, error) {
	if d.IsZero() {
		return 0, nil
	}
	digits, shift := d.NumDigits(), int(d.Exponent())+scale
	if digits > 2*maxDigits || shift > maxDigits || shift < -2*maxDigits {
		return 0, fmt.Errorf("%w: it has more digits than Decimal(%d,%d) holds", ErrAmount, maxDigits, scale)
	}
	if d.IsNegative() {
		return 0, fmt.Errorf("%w: %s is negative; a refund's amount counts as positive", ErrAmount, d)
	}
	if digits <= maxDigits {
		v := d.CoefficientInt64()
		switch {
		case shift >= 0 && digits+shift <= maxDigits:
			return v * ten[shift], nil
		case shift < 0 && -shift <= maxDigits && v%ten[-shift] == 0:
			return v / ten[-shift], nil
		}
	}
	moved := d.Shift(scale)
	if !moved.IsInteger() {
		return 0, fmt.Errorf("%w: %s has more than %d decimals", ErrAmount, d, scale)
	}
	if v := moved.BigInt(); v.IsInt64() && v.Int64() <= maxAmount {
		return v.Int64(), nil
	}
	return 0, fmt.Errorf("%w: %s is larger than Decimal(%d,%d) holds", ErrAmount, d, maxDigits, scale)
}

// sourceMonth is the partition of a time: year and month in UTC as one number, 0 for undated. It equals the
// column source_month, which ClickHouse computes.
func sourceMonth(t time.Time) uint32 {
	if t.IsZero() {
		return 0
	}
	y, m, _ := t.UTC().Date()
	return uint32(y*100 + int(m))
}

// millis is t as DateTime64(3) holds it; the zero time is undated.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return undated
	}
	return t.UnixMilli()
}
