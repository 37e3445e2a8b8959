package analytics

import (
	"context"

	"github.com/shopspring/decimal"

	"github.com/hookline-io/hookline/schemas/vendors"
)

// Mapped holds what stored events are by a new mapping until DB.InsertMapped writes it. Nothing counts by that;
// see DB.ApplyReprocess.
type Mapped struct{ rows mappedBlock }

// NewMapped returns an empty one.
func NewMapped() *Mapped {
	m := &Mapped{}
	m.rows.init()
	return m
}

// Append adds one row with its Generation. As in Batch.Append an error wraps ErrTime or ErrAmount and leaves m as
// it was.
func (m *Mapped) Append(r Row) error {
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
	return nil
}

// Len is how many rows were appended.
func (m *Mapped) Len() int { return m.rows.len() }

// Reset empties m.
func (m *Mapped) Reset() { m.rows.reset() }

// InsertMapped writes m and returns when it is stored. It may be repeated.
func (db *DB) InsertMapped(ctx context.Context, m *Mapped) error {
	ctx, cancel := context.WithTimeout(ctx, db.options.Timeout)
	defer cancel()
	return db.insert(ctx, &m.rows.block)
}

// mappedBlock is rows of the table reprocess_effects.
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
	last, test                                       values[uint8]
}

func (b *mappedBlock) init() {
	b.block = block{table: "reprocess_effects", seen: map[uint32]struct{}{}, columns: []namedColumn{
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
	}}
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
