package analytics

import (
	"math"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/hookline-io/hookline/schemas"
	"github.com/hookline-io/hookline/schemas/vendors"
)

func TestInvariant4_VersionRanksDeliveriesOfOneEvent(t *testing.T) {
	early := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	late := early.Add(time.Millisecond)
	const first, last = vendors.RedeliveryFirst, vendors.RedeliveryLast
	for _, c := range []struct {
		name          string
		higher, lower uint64
	}{
		{"the first delivery wins", Version(first, early, 0), Version(first, late, 0)},
		{"and wins where no rule is given", Version("", early, 0), Version("", late, 0)},
		{"the last delivery wins", Version(last, late, 0), Version(last, early, 0)},
		{"a re-mapping outranks any first delivery", Version(first, late.AddDate(1000, 0, 0), 1), Version(first, time.UnixMilli(0), 0)},
		{"a re-mapping outranks any last delivery", Version(last, early, 1), Version(last, late.AddDate(1000, 0, 0), 0)},
		{"a later re-mapping outranks an earlier one", Version(first, late, 65535), Version(first, early, 65534)},
		{"an error never outranks the first delivery", Version(first, late, 0), eventVersion(first, early, 0, true)},
		{"an error never outranks the last delivery", Version(last, early, 0), eventVersion(last, late, 0, true)},
	} {
		if c.higher <= c.lower {
			t.Errorf("%s: %d is not above %d", c.name, c.higher, c.lower)
		}
	}
	if Version(first, time.Unix(-1, 0), 0) != Version(first, time.UnixMilli(0), 0) {
		t.Error("a time before 1970 is not taken for 1970")
	}
}

func TestInvariant4_VersionRanksStatementsAboutOneSale(t *testing.T) {
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	edit := func(edits ...func(*Row)) uint64 {
		row := Row{Event: schemas.Event{Time: at, Received: at.Add(time.Second), Proof: schemas.ProofBody},
			Outcome: vendors.Outcome{Effects: []vendors.Effect{{Kind: vendors.KindSale, Key: "k", Amount: decimal.New(1, 0), Currency: "EUR"}}}}
		for _, e := range edits {
			e(&row)
		}
		return saleVersion(&row, row.Outcome.Object == "")
	}
	happened := func(d time.Duration) func(*Row) { return func(r *Row) { r.Event.Time = r.Event.Time.Add(d) } }
	received := func(d time.Duration) func(*Row) { return func(r *Row) { r.Event.Received = r.Event.Received.Add(d) } }
	last := func(r *Row) { r.Rule = vendors.RedeliveryLast }
	weak := func(r *Row) { r.Event.Proof = schemas.ProofWeak }
	header := func(r *Row) { r.Event.Proof = schemas.ProofBody + schemas.UnsignedTime }
	undated := func(r *Row) { r.Event.Time = time.Time{} }
	mapped := func(r *Row) { r.Generation = 1 }
	state := func(d time.Duration) func(*Row) {
		return func(r *Row) { r.Outcome.Object, r.Outcome.AsOf = "o", at.Add(d) }
	}
	step := func(n int) func(*Row) {
		return func(r *Row) { r.Outcome.Object, r.Outcome.AsOf, r.Outcome.Step = "o", time.Unix(int64(n), 0), true }
	}
	more := func(r *Row) { r.Outcome.Effects = append(r.Outcome.Effects, r.Outcome.Effects[0]) }
	for _, c := range []struct {
		name          string
		higher, lower uint64
	}{
		{"the earliest event", edit(received(time.Hour)), edit(happened(time.Second))},
		{"the first delivery of it", edit(), edit(received(time.Millisecond))},
		{"the first delivery of it, a year late", edit(received(8760 * time.Hour)), edit(received(8761 * time.Hour))},
		{"a time that is not proven does not count", edit(weak), edit(weak, happened(-time.Hour), received(time.Millisecond))},
		{"nor one in a header", edit(header), edit(header, happened(-time.Hour), received(time.Millisecond))},
		{"an undated one by when it was received", edit(undated), edit(undated, received(time.Millisecond))},
		{"a re-mapping before any delivery", edit(mapped, happened(8760*time.Hour)), edit()},
		{"the newest event", edit(last, happened(time.Millisecond)), edit(last, received(time.Hour))},
		{"the newest state", edit(state(time.Millisecond)), edit(state(0), received(time.Hour))},
		{"the newest state before any re-mapping", edit(state(time.Millisecond)), edit(state(0), mapped)},
		{"a re-mapping of a state", edit(state(0), mapped), edit(state(0), more)},
		{"of two states of a millisecond the fuller", edit(state(0), more), edit(state(0))},
		{"a later step, though its event is older", edit(step(1), happened(-time.Hour)), edit(step(0), received(time.Hour))},
		{"a later step, whatever the proof of times", edit(weak, step(1)), edit(weak, step(0), more, received(time.Hour))},
		{"a state whose time is not proven by when it was received", edit(weak, state(0), received(time.Millisecond)), edit(weak, state(time.Hour))},
	} {
		if c.higher <= c.lower {
			t.Errorf("%s: %d is not above %d", c.name, c.higher, c.lower)
		}
	}
	other := edit(state(0), func(r *Row) { r.Outcome.Effects[0].Amount = decimal.New(2, 0) })
	if other == edit(state(0)) {
		t.Error("two states that differ rank alike")
	}
}

func TestCompactKeepsOrder(t *testing.T) {
	last := uint64(0)
	for ms := int64(0); ms < math.MaxInt64/3; ms += 1 + ms/70_000 {
		code := compact(ms)
		if code < last || code >= 1<<delayBits {
			t.Fatalf("%d ms is %d, after %d", ms, code, last)
		}
		last = code
	}
}
