package analytics

import (
	"context"
	"fmt"

	"github.com/shopspring/decimal"

	"github.com/hookline-io/hookline/schemas/vendors"
)

// Mapped holds what stored events are by a new mapping until DB.InsertMapped writes it. Nothing counts by that;
// see DB.ApplyReprocess.
type Mapped struct {
	rows  mappedBlock
	moved movedBlock // events that get another place, with all they have: their old ones may be written over
}

// NewMapped returns an empty one.
func NewMapped() *Mapped {
	m := &Mapped{}
	m.rows.init()
	m.moved.init()
	return m
}

// Append adds one row with its Generation and From. As in Batch.Append an error wraps ErrTime or ErrAmount and leaves m as
// it was.
func (m *Mapped) Append(r Row) error {
	if r.Event.BadTime != "" {
		return fmt.Errorf("%w: %.64q is not a time", ErrTime, r.Event.BadTime)
	}
	if err := checkTime("event", r.Event.Time, r.Event.Received); err != nil {
		return err
	}
	effects := r.Outcome.Effects
	for i := range effects {
		if err := checkEffect(&effects[i], r.Event.Received); err != nil {
			return err
		}
	}
	for i := range effects {
		m.rows.append(&r, i, &effects[i])
	}
	if len(effects) == 0 || isVoid(&r) {
		m.rows.append(&r, len(effects), &vendors.Effect{})
	}
	if *r.From != (Place{ID: r.Event.ID, Month: sourceMonth(r.Event.Time)}) {
		m.moved.append(&r)
	}
	return nil
}

// Len is how many rows were appended.
func (m *Mapped) Len() int { return m.rows.len() }

// Reset empties m.
func (m *Mapped) Reset() {
	m.rows.reset()
	m.moved.reset()
}

// InsertMapped writes m and returns when it is stored. It may be repeated.
func (db *DB) InsertMapped(ctx context.Context, m *Mapped) error {
	ctx, cancel := context.WithTimeout(ctx, db.options.Timeout)
	defer cancel()
	if err := db.insert(ctx, &m.moved.block); err != nil {
		return err
	}
	return db.insert(ctx, &m.rows.block)
}

// movedBlock is rows of the table reprocess_moved.
type movedBlock struct {
	eventBlock
	generation values[uint16]
	from       placeColumns
	stored     values[int64]
}

func (b *movedBlock) init() {
	b.eventBlock.init()
	b.table = "reprocess_moved"
	b.columns = append(withoutDeleted(b.columns), namedColumn{"generation", "UInt16", &b.generation}, namedColumn{"stored_at", typeTime, &b.stored})
	b.columns = append(b.columns, b.from.columns()...)
}

func (b *movedBlock) append(r *Row) {
	b.generation.append(r.Generation)
	b.stored.append(millis(r.Stored))
	b.from.append(r.From)
	b.eventBlock.append(r, kinds(r.Outcome.Effects), eventVersion(r.Rule, r.Event.Received, r.Generation, r.Error != ""))
}

// placeColumns are those of a Place.
type placeColumns struct {
	month   values[uint32]
	id      text
	content values[uint64]
}

func (c *placeColumns) columns() []namedColumn {
	return []namedColumn{{"from_month", "UInt32", &c.month}, {"from_id", typeString, &c.id}, {"from_content", "UInt64", &c.content}}
}

func (c *placeColumns) append(p *Place) {
	c.month.append(p.Month)
	c.id.append(p.ID)
	c.content.append(p.Content)
}

// mappedBlock is rows of the table reprocess_mapped.
type mappedBlock struct {
	block
	vendor, effect, kind, eventType, currency, proof text
	event, failure, object, key, order               text
	generation, number                               values[uint16]
	month                                            values[uint32]
	amount                                           amounts
	occurred, received                               values[int64]
	dimensions                                       pairs
	eventVersion, version                            values[uint64]
	last, test, eventTest                            values[uint8]
	eventTime                                        values[int64]
	from                                             placeColumns
}

func (b *mappedBlock) init() {
	b.block = block{table: "reprocess_mapped", seen: map[uint32]struct{}{}, columns: []namedColumn{
		{"vendor", typeWord, &b.vendor},
		{"generation", "UInt16", &b.generation},
		{"event_month", "UInt32", &b.month},
		{"event_id", typeString, &b.event},
		{"number", "UInt16", &b.number},
		{"effect", typeWord, &b.effect},
		{"error", typeString, &b.failure},
		{"event_version", "UInt64", &b.eventVersion},
		{"is_last", "UInt8", &b.last},
		{"object", typeString, &b.object},
		{"kind", typeWord, &b.kind},
		{"sale_key", typeString, &b.key},
		{"type", typeWord, &b.eventType},
		{"order_id", typeString, &b.order},
		{"amount", typeDecimal, &b.amount},
		{"currency", typeWord, &b.currency},
		{"occurred_at", typeTime, &b.occurred},
		{"received_at", typeTime, &b.received},
		{"dimensions", typePairs, &b.dimensions},
		{"proof", typeWord, &b.proof},
		{"is_test", "UInt8", &b.test},
		{"version", "UInt64", &b.version},
		{"event_time", typeTime, &b.eventTime},
		{"event_test", "UInt8", &b.eventTest},
	}}
	b.columns = append(b.columns, b.from.columns()...)
}

func (b *mappedBlock) append(r *Row, number int, s *vendors.Effect) {
	e := &r.Event
	b.vendor.append(e.Vendor)
	b.generation.append(r.Generation)
	b.month.append(sourceMonth(e.Time))
	b.event.append(e.ID)
	b.number.append(uint16(number))
	b.effect.append(kinds(r.Outcome.Effects))
	b.failure.append(r.Error)
	b.eventVersion.append(eventVersion(r.Rule, e.Received, r.Generation, r.Error != ""))
	b.last.append(bit(r.Rule == vendors.RedeliveryLast))
	alone := standsAlone(r, s)
	object := r.Outcome.Object
	if alone {
		object = ""
	}
	b.object.append(object)
	b.kind.append(string(s.Kind))
	b.key.append(s.Key)
	b.eventType.append(e.Type)
	b.order.append(s.Order)
	b.amount.append(s.Amount)
	b.currency.append(s.Currency)
	b.occurred.append(millis(s.Time))
	b.received.append(millis(e.Received))
	b.dimensions.append(s.Dimensions)
	b.proof.append(string(s.Proof(e.Proof)))
	b.test.append(bit(r.Outcome.Test))
	b.version.append(saleVersion(r, alone))
	b.eventTime.append(millis(e.Time))
	b.eventTest.append(bit(e.Test))
	b.from.append(r.From)
	b.endRow(0)
}

// Change is what a new mapping does to the totals of one kind of effect in one source month.
type Change struct {
	Month                     uint32 // as YYYYMM; 0 for undated
	Currency                  string
	Kind                      vendors.Kind
	CountBefore, CountAfter   uint64
	AmountBefore, AmountAfter decimal.Decimal // major units
}
