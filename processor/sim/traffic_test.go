//go:build synctests

package sim

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hookline-io/hookline/schemas"
)

const vendorsYAML = `
vendors:
  acme:
    preset: hub
    events: {id: id, type: type, time: {path: at, format: rfc3339}}
    sales:
      paid:     {effect: sale,   key: order, amount: amount, unit: major, currency: {const: USD}}
      settled:  {effect: sale,   key: order, amount: amount, unit: major, currency: {const: USD}}
      returned: {effect: refund, amount: amount, unit: major, currency: {const: USD}}
`

// fate is what has to become of an event.
type fate string

const (
	good    fate = "good"    // stored
	poison  fate = "poison"  // a dead letter at once
	refused fate = "refused" // its row is rejected for its data, always: a dead letter when its attempts are used up
	flaky   fate = "flaky"   // its row is rejected for a while: either
)

var fates = []fate{poison, refused, flaky}

// event is one thing that happened, delivered any number of times.
type event struct {
	schemas.Event
	fate  fate
	sale  string // kind and key, of those that count
	cents int64
}

// delivery is one of an event.
type delivery struct {
	*event
	at       time.Duration // when, from the start
	received time.Time
	record   *kgo.Record
}

// identity tells deliveries apart wherever their records are: the time received is different for each.
type identity struct {
	key      string
	received int64
}

func identify(r *kgo.Record) identity {
	_, original := schemas.DecodeDeadLetter(r)
	return identity{string(r.Key), original.Timestamp.UnixMilli()}
}

// traffic makes up events and when they are delivered, in the order of time received.
func traffic(rng *rand.Rand, start time.Time, lasts time.Duration, topic string) (out []*delivery) {
	var last *event
	for i := range 10 + rng.IntN(70) {
		at := time.Duration(rng.Int64N(int64(lasts)))
		// Both sides of months' edges, so that one batch has rows for several partitions.
		e := newEvent(fmt.Sprint("e", i), start.Add(-time.Duration(rng.Int64N(int64(80*24*time.Hour)))), good, rng.Int64N(100_000))
		switch rng.IntN(12) {
		case 0:
			e.be("other", e.ID)
		case 1:
			e.be("returned", e.ID)
		case 2: // another event about the last sale
			if last != nil && last.Type == "paid" && last.fate == good {
				e.Time, e.cents = last.Time, last.cents
				e.be("settled", last.ID)
			}
		case 3:
			e.fate = fates[rng.IntN(len(fates))]
		}
		record := func() *kgo.Record { return e.Record(topic) }
		if e.fate == poison {
			switch rng.IntN(4) {
			case 0:
				record = func() *kgo.Record { return &kgo.Record{Topic: topic, Key: []byte(e.ID), Value: []byte("what is this")} }
			case 1:
				e.Time, e.BadTime, e.Data = time.Time{}, "yesterday", []byte(`{"order":"x","amount":"1","at":"yesterday"}`)
			case 2:
				e.Data = []byte(`{"order":"x","amount":"a lot"}`)
			case 3:
				e.Vendor = "nobody"
			}
		}
		last = e
		deliveries := 1
		if rng.IntN(4) == 0 {
			deliveries += 1 + rng.IntN(3)
		}
		for range deliveries {
			out = append(out, &delivery{event: e, at: at, record: record()})
			at += time.Duration(rng.Int64N(int64(lasts / 4)))
		}
	}
	return out
}

// newEvent returns a sale.
func newEvent(id string, at time.Time, f fate, cents int64) *event {
	e := &event{Event: schemas.Event{ID: id, Vendor: "acme", Time: at.Truncate(time.Millisecond), Proof: schemas.ProofBody}, fate: f, cents: cents}
	e.be("paid", id)
	return e
}

// be makes e an event of that type about an order.
func (e *event) be(kind, order string) {
	e.Type = kind
	e.sale = map[string]string{"paid": "sale " + order, "settled": "sale " + order, "returned": "refund " + e.ID}[kind]
	e.Data = fmt.Appendf(nil, `{"id":%q,"type":%q,"at":%q,"order":%q,"amount":"%d.%02d"}`,
		e.ID, kind, e.Time.Format(time.RFC3339Nano), order, e.cents/100, e.cents%100)
}
