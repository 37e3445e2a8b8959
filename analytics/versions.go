package analytics

import (
	"hash/fnv"
	"io"
	"maps"
	"math/bits"
	"slices"
	"time"

	"github.com/hookline-io/hookline/schemas"
	"github.com/hookline-io/hookline/schemas/vendors"
)

// A version ranks statements about one identity: the highest counts. Every version is a pure function of the
// statement, so that figures do not depend on the order in which statements arrive, nor on how often.
const (
	rankBits     = 48      // of an event's version: what ranks within one generation
	goodBit      = 1 << 47 // of an event's version: the event is stored without an error
	receivedMask = goodBit - 1

	maxGeneration = 1<<10 - 1 // what the version of a sale has room for
	firstBits     = 54        // of a sale's version with redelivery: first: what ranks within one generation
	delayBits     = 22        // of these, the lowest
	newestShift   = 12        // of the generation in the version of an object's state
)

// Version ranks the deliveries of one event that is stored without an error. Generation is 0 for what vendors deliver;
// each re-mapping of stored events takes a higher one and so outranks every delivery.
//
// The upper 16 bits hold the generation, the next one says that the event has no error, and the lower 47 hold the time
// received in Unix milliseconds, counted downwards where the first delivery wins.
func Version(rule vendors.Redelivery, received time.Time, generation uint16) uint64 {
	return eventVersion(rule, received, generation, false)
}

// eventVersion ranks an event with an error below every one without, of the same generation.
func eventVersion(rule vendors.Redelivery, received time.Time, generation uint16, failed bool) uint64 {
	at := uint64(max(received.UnixMilli(), 0)) & receivedMask
	if rule != vendors.RedeliveryLast {
		at = receivedMask - at
	}
	if !failed {
		at |= goodBit
	}
	return uint64(generation)<<rankBits | at
}

// saleVersion ranks the statement of a row about the effects that stand for themselves, or about the state of its object.
//
// An effect that stands for itself is ranked by the event's time, the earliest first, so that its month does not depend
// on which of its events arrived first: 10 bits of generation, 32 of the event's second and 22 of the delay from then
// until it was received, both counted downwards.
//
// Of an object's states, and with redelivery: last, the newest counts: 32 bits of the vendor's second, 10 of its
// millisecond, 10 of generation, 4 of the number of effects and 8 of a hash of them, which make the choice between two
// states of one millisecond the same in every order. The generation comes after the time: a state that is newer than
// what a re-mapping wrote still counts.
func saleVersion(r *Row, alone bool) uint64 {
	asOf, proven := r.Event.Time, r.Event.Proof == r.Event.Proof.Without(schemas.UnsignedTime)
	if !alone && !r.Outcome.AsOf.IsZero() {
		asOf, proven = r.Outcome.AsOf, true // which stands in the body
	}
	// A time that the signature does not cover must neither move a sale nor outrank another one. A step is no time.
	step := !alone && r.Outcome.Step
	if !step && (asOf.IsZero() || !proven || r.Event.Proof.Body() != schemas.ProofBody) {
		asOf = r.Event.Received
	}
	second := uint64(max(asOf.Unix(), 0)) & (1<<32 - 1)
	generation := uint64(min(r.Generation, maxGeneration))
	if alone && r.Rule != vendors.RedeliveryLast {
		delay := compact(r.Event.Received.UnixMilli() - asOf.Unix()*1000)
		return generation<<firstBits | (1<<firstBits - 1 - second<<delayBits - delay)
	}
	stated, sum := 0, uint8(0)
	for i := range r.Outcome.Effects {
		if e := &r.Outcome.Effects[i]; standsAlone(r, e) == alone {
			stated++
			sum += digest(e)
		}
	}
	return second<<32 | uint64(asOf.Nanosecond()/1e6)<<22 | generation<<newestShift |
		uint64(min(stated, 15))<<8 | uint64(sum)
}

// standsAlone says whether an effect of the row's is no part of the state of an object.
func standsAlone(r *Row, e *vendors.Effect) bool { return r.Outcome.Object == "" || e.Alone }

// compact is a duration in milliseconds in 22 bits that keep its order: exact below 131 s, then to 1 in 65536.
func compact(ms int64) uint64 {
	d := uint64(max(ms, 0))
	if d < 1<<17 {
		return d
	}
	shift := bits.Len64(d) - 17
	return uint64(shift)<<16 + d>>shift
}

// digest is a hash of all that is stated about an effect.
func digest(e *vendors.Effect) uint8 {
	h := fnv.New32a()
	for _, text := range []string{string(e.Kind), e.Key, e.Amount.String(), e.Currency, e.Order, e.Time.UTC().Format(time.RFC3339Nano)} {
		_, _ = io.WriteString(h, text+"\x00")
	}
	for _, name := range slices.Sorted(maps.Keys(e.Dimensions)) {
		_, _ = io.WriteString(h, name+"\x00"+e.Dimensions[name]+"\x00")
	}
	all := h.Sum32()
	return uint8(all ^ all>>8 ^ all>>16 ^ all>>24)
}
