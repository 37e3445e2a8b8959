package analytics

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hookline-io/hookline/schemas/vendors"
)

// Batch holds rows, column by column, until DB.Insert writes them. It may be used again after Reset, which
// keeps its memory. It is not safe for concurrent use.
//
// A batch shares the bytes of Event.Data with its rows: they must not change before Reset.
type Batch struct {
	events eventBlock
	sales  saleBlock
	keys   keyBlock
	parts  []parts // of each row
}

// parts says how many rows of events, of sales and of sale_keys a row is.
type parts struct{ events, sales, keys int }

// NewBatch returns an empty batch.
func NewBatch() *Batch {
	b := &Batch{}
	b.events.init()
	b.sales.init()
	b.keys.init()
	return b
}

// Append adds one row: to events, and to sales for each effect. An error wraps ErrTime or ErrAmount,
// is the row's own fault, and leaves the batch as it was.
func (b *Batch) Append(r Row) error {
	e := &r.Event
	if e.BadTime != "" {
		return fmt.Errorf("%w: %.64q is not a time", ErrTime, e.BadTime)
	}
	if err := checkTime("event", e.Time, e.Received); err != nil {
		return err
	}
	effects := r.Outcome.Effects
	for i := range effects {
		if err := checkEffect(&effects[i], e.Received); err != nil {
			return err
		}
	}
	b.events.append(&r, kinds(effects), eventVersion(r.Rule, e.Received, r.Generation, r.Error != ""))
	alone, state, keys := saleVersion(&r, true), saleVersion(&r, false), b.keys.len()
	for i := range effects {
		version := state
		if standsAlone(&r, &effects[i]) {
			version = alone
		}
		b.sales.append(&r, &effects[i], version)
		u, p := b.sales.place(b.sales.len() - 1)
		b.keys.append(u, p, version)
	}
	if isVoid(&r) {
		b.keys.append(unit{e.Vendor, r.Outcome.Object}, place{}, state)
	}
	events := 1
	if r.From != nil && *r.From != (Place{ID: e.ID, Month: sourceMonth(e.Time)}) {
		b.events.tombstone(&r, r.From)
		events++
	}
	b.parts = append(b.parts, parts{events: events, sales: len(effects), keys: b.keys.len() - keys})
	return nil
}

// checkEffect returns an error that wraps ErrTime or ErrAmount for what has no place in ClickHouse.
func checkEffect(e *vendors.Effect, received time.Time) error {
	if err := checkTime("sale", e.Time, received); err != nil {
		return err
	}
	_, err := units(e.Amount)
	return err
}

// isVoid says whether the row says that its object has no effects.
func isVoid(r *Row) bool {
	return r.Outcome.Object != "" && !slices.ContainsFunc(r.Outcome.Effects, func(e vendors.Effect) bool { return !e.Alone })
}

// kinds names the kinds of effects, each once, in their order.
func kinds(effects []vendors.Effect) string {
	switch len(effects) {
	case 0:
		return ""
	case 1:
		return string(effects[0].Kind)
	}
	var names []string
	for i := range effects {
		if name := string(effects[i].Kind); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return strings.Join(names, "+")
}

// Slice returns a copy of the rows from one number up to another, counted in the order of Append. It shares their
// payloads with b.
func (b *Batch) Slice(from, to int) *Batch {
	out := NewBatch()
	event, sale, key := 0, 0, 0
	for row, has := range b.parts[:to] {
		if row >= from {
			out.parts = append(out.parts, has)
			for i := range has.events {
				out.events.take(&b.events.block, event+i)
			}
			for i := range has.sales {
				out.sales.take(&b.sales.block, sale+i)
			}
			for i := range has.keys {
				out.keys.take(&b.keys.block, key+i)
			}
		}
		event += has.events
		sale += has.sales
		key += has.keys
	}
	return out
}

// Len is how many rows were appended.
func (b *Batch) Len() int { return len(b.parts) }

// rowBytes is what a row weighs beside its payload, about: IDs, times, numbers.
const rowBytes = 200

// Bytes is the memory that the batch holds on to, about.
func (b *Batch) Bytes() int { return b.events.payload.bytes + b.Len()*rowBytes }

// Reset empties the batch.
func (b *Batch) Reset() {
	b.events.reset()
	b.sales.reset()
	b.keys.reset()
	b.parts = b.parts[:0]
}

// block holds the rows of one table.
type block struct {
	table   string
	columns []namedColumn
	months  []uint32 // source month of each row
	seen    map[uint32]struct{}
}

type namedColumn struct {
	name, kind string // kind is the ClickHouse type
	column
}

func (b *block) len() int { return len(b.months) }

func (b *block) endRow(month uint32) {
	b.months = append(b.months, month)
	if _, ok := b.seen[month]; !ok {
		b.seen[month] = struct{}{}
	}
}

func (b *block) reset() {
	for _, c := range b.columns {
		c.reset()
	}
	b.months = b.months[:0]
	clear(b.seen)
}

// maxMonths is how many partitions one INSERT may write to: ClickHouse refuses more than
// max_partitions_per_insert_block, by default 100.
const maxMonths = 100

// split deals the rows out into blocks of at most maxMonths months each, made by empty. It copies only where
// one block is not enough.
func (b *block) split(empty func() *block) []*block {
	if len(b.seen) <= maxMonths {
		return []*block{b}
	}
	part := map[uint32]int{}
	for i, month := range slices.Sorted(maps.Keys(b.seen)) {
		part[month] = i / maxMonths
	}
	parts := make([]*block, (len(b.seen)+maxMonths-1)/maxMonths)
	for i := range parts {
		parts[i] = empty()
	}
	for row, month := range b.months {
		parts[part[month]].take(b, row)
	}
	return parts
}

// take appends one row of a block of the same table.
func (b *block) take(from *block, row int) {
	for i, c := range b.columns {
		c.take(from.columns[i].column, row)
	}
	b.endRow(from.months[row])
}

const (
	typeWord    = "LowCardinality(String)"
	typeString  = "String"
	typeTime    = "DateTime64(3, 'UTC')"
	typeDecimal = "Decimal(18, 4)"
	typePairs   = "Map(LowCardinality(String), String)"
)

// eventBlock is rows of the table events.
type eventBlock struct {
	block
	vendor, kind, contentType, keyID, proof, effect, topic text
	id, failure                                            text
	occurred, received, offset                             values[int64]
	partition                                              values[int32]
	payload                                                blobs
	version                                                values[uint64]
	test, deleted                                          values[uint8]
	delivery                                               pairs
}

func (b *eventBlock) init() {
	b.block = block{table: "events", seen: map[uint32]struct{}{}, columns: []namedColumn{
		{"vendor", typeWord, &b.vendor},
		{"event_id", typeString, &b.id},
		{"type", typeWord, &b.kind},
		{"occurred_at", typeTime, &b.occurred},
		{"received_at", typeTime, &b.received},
		{"payload", typeString, &b.payload},
		{"content_type", typeWord, &b.contentType},
		{"key_id", typeWord, &b.keyID},
		{"proof", typeWord, &b.proof},
		{"effect", typeWord, &b.effect},
		{"error", typeString, &b.failure},
		{"is_test", "UInt8", &b.test},
		{"delivery", typePairs, &b.delivery},
		{"kafka_topic", typeWord, &b.topic},
		{"kafka_partition", "Int32", &b.partition},
		{"kafka_offset", "Int64", &b.offset},
		{"version", "UInt64", &b.version},
		{"is_deleted", "UInt8", &b.deleted},
	}}
}

func (b *eventBlock) append(r *Row, effect string, version uint64) {
	e := &r.Event
	b.vendor.append(e.Vendor)
	b.id.append(e.ID)
	b.kind.append(e.Type)
	b.occurred.append(millis(e.Time))
	b.received.append(millis(e.Received))
	b.payload.append(e.Data)
	b.contentType.append(e.ContentType)
	b.keyID.append(e.KeyID)
	b.proof.append(string(e.Proof))
	b.effect.append(effect)
	b.failure.append(r.Error)
	b.test.append(bit(e.Test))
	b.delivery.append(e.Delivery)
	b.topic.append(r.Origin.Topic)
	b.partition.append(r.Origin.Partition)
	b.offset.append(r.Origin.Offset)
	b.version.append(version)
	b.deleted.append(0)
	b.endRow(sourceMonth(e.Time))
}

// tombstone appends the tombstone of the row in which the delivery of r was stored with an error and another ID or time. It
// ranks as that row does: nothing that counts is outranked by it.
func (b *eventBlock) tombstone(r *Row, p *Place) {
	gone := Row{Event: r.Event, Origin: r.Origin, Error: r.Error}
	gone.Event.ID, gone.Event.Time, gone.Event.Data, gone.Event.Delivery = p.ID, monthTime(p.Month), nil, nil
	b.append(&gone, "", eventVersion(r.Rule, r.Event.Received, 0, true))
	b.deleted.rows[b.len()-1] = 1
}

// monthTime is the beginning of a source month; zero for undated.
func monthTime(month uint32) time.Time {
	if month == 0 {
		return time.Time{}
	}
	return time.Date(int(month/100), time.Month(month%100), 1, 0, 0, 0, 0, time.UTC)
}

// saleBlock is rows of the table sales.
type saleBlock struct {
	block
	vendor, kind, eventType, currency text
	key, eventID, order, object       text
	proof                             text
	amount                            amounts
	occurred, received                values[int64]
	dimensions                        pairs
	version                           values[uint64]
	deleted, test                     values[uint8]
	countsFrom                        values[int64]
}

func (b *saleBlock) init() {
	b.block = block{table: "sales", seen: map[uint32]struct{}{}, columns: []namedColumn{
		{"vendor", typeWord, &b.vendor},
		{"kind", typeWord, &b.kind},
		{"sale_key", typeString, &b.key},
		{"event_id", typeString, &b.eventID},
		{"type", typeWord, &b.eventType},
		{"order_id", typeString, &b.order},
		{"amount", typeDecimal, &b.amount},
		{"currency", typeWord, &b.currency},
		{"occurred_at", typeTime, &b.occurred},
		{"received_at", typeTime, &b.received},
		{"dimensions", typePairs, &b.dimensions},
		{"version", "UInt64", &b.version},
		{"is_deleted", "UInt8", &b.deleted},
		{"object", typeString, &b.object},
		{"proof", typeWord, &b.proof},
		{"is_test", "UInt8", &b.test},
		{"counts_from", "DateTime('UTC')", &b.countsFrom},
	}}
}

func newSales() *saleBlock {
	b := &saleBlock{}
	b.init()
	return b
}

// append adds a row for an effect that checkEffect has passed.
func (b *saleBlock) append(r *Row, s *vendors.Effect, version uint64) {
	e := &r.Event
	b.vendor.append(e.Vendor)
	b.kind.append(string(s.Kind))
	b.key.append(s.Key)
	b.eventID.append(e.ID)
	b.eventType.append(e.Type)
	b.order.append(s.Order)
	b.amount.append(s.Amount)
	b.currency.append(s.Currency)
	b.occurred.append(millis(s.Time))
	b.received.append(millis(e.Received))
	b.dimensions.append(s.Dimensions)
	b.version.append(version)
	b.deleted.append(0)
	object := r.Outcome.Object
	if s.Alone {
		object = ""
	}
	b.object.append(object)
	b.proof.append(string(s.Proof(e.Proof)))
	b.test.append(bit(r.Outcome.Test))
	b.countsFrom.append(0)
	b.endRow(sourceMonth(s.Time))
}
