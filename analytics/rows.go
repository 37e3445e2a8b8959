// Package analytics is the only place that knows ClickHouse: its tables and views, how rows get in, and what
// is computed from them.
package analytics

import (
	"time"

	"github.com/hookline-io/hookline/schemas"
	"github.com/hookline-io/hookline/schemas/vendors"
)

// Row is one event on its way into ClickHouse, with what came of it.
type Row struct {
	Event  schemas.Event
	Sale   *vendors.Sale // nil for an event that is neither sale nor refund
	Origin Origin
	Rule   vendors.Redelivery
}

// Origin is where Kafka held the event.
type Origin struct {
	Topic     string
	Partition int32
	Offset    int64
}

// Version ranks the deliveries of one event: of two rows with the same identity the one with the higher
// version is the one that counts. Generation is 0 for what vendors deliver; each re-mapping of stored events
// takes a higher one and so outranks every delivery.
//
// The upper 16 bits hold the generation, the lower 48 the time received in Unix milliseconds, counted
// downwards where the first delivery wins.
func Version(rule vendors.Redelivery, received time.Time, generation uint16) uint64 {
	const bits = 48
	at := uint64(max(received.UnixMilli(), 0)) & (1<<bits - 1)
	if rule != vendors.RedeliveryLast {
		at = 1<<bits - 1 - at
	}
	return uint64(generation)<<bits | at
}
