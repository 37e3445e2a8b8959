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
	n := 10 + rng.IntN(70)
	var last *event
	for i := range n {
		at := time.Duration(rng.Int64N(int64(lasts)))
		e := &event{Event: schemas.Event{
			ID: fmt.Sprintf("e%d", i), Vendor: "acme", Type: "paid", Proof: schemas.ProofBody,
			// Both sides of the month's edge, so that one batch has rows for several partitions.
			Time: start.Add(-time.Duration(rng.Int64N(int64(80 * 24 * time.Hour)))).Truncate(time.Millisecond),
		}, fate: good, cents: rng.Int64N(100_000)}
		order := e.ID
		switch rng.IntN(12) {
		case 0:
			e.Type, e.sale = "other", ""
		case 1:
			e.Type, e.sale = "returned", "refund "+e.ID
		case 2: // another event about the last sale
			if last != nil && last.Type == "paid" && last.fate == good {
				e.Type, e.Time, order, e.cents = "settled", last.Time, last.ID, last.cents
				e.sale = last.sale
				break
			}
			fallthrough
		default:
			e.sale = "sale " + e.ID
		}
		e.Data = fmt.Appendf(nil, `{"id":%q,"type":%q,"at":%q,"order":%q,"amount":"%d.%02d"}`,
			e.ID, e.Type, e.Time.Format(time.RFC3339Nano), order, e.cents/100, e.cents%100)
		headless := false
		if e.Type == "paid" {
			switch rng.IntN(20) {
			case 0:
				e.fate = refused
			case 1:
				e.fate = flaky
			case 2:
				e.fate = poison
				switch rng.IntN(4) {
				case 0:
					headless = true
				case 1:
					e.Time, e.BadTime = time.Time{}, "yesterday"
				case 2:
					e.Data = []byte(`{"order":"x","amount":"a lot"}`)
				case 3:
					e.Vendor = "nobody"
				}
			}
			if e.fate != good {
				e.sale = ""
			}
			if e.fate == flaky {
				e.sale = "sale " + e.ID
			}
		}
		last = e
		deliveries := 1
		if rng.IntN(4) == 0 {
			deliveries += 1 + rng.IntN(3)
		}
		for range deliveries {
			d := &delivery{event: e, at: at}
			if headless {
				d.record = &kgo.Record{Topic: topic, Key: []byte(e.ID), Value: []byte("what is this")}
			} else {
				d.record = e.Record(topic)
			}
			out = append(out, d)
			at += time.Duration(rng.Int64N(int64(lasts / 4)))
		}
	}
	return out
}
