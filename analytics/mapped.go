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
	var effect vendors.Effect
	if len(r.Outcome.Effects) > 0 {
		effect = r.Outcome.Effects[0]
		if err := checkEffect(&effect, r.Event.Received); err != nil {
			return err
		}
	}
	m.rows.append(&r, &effect)
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

// mappedBlock is rows of the table reprocess_rows.
type mappedBlock struct {
	block
	vendor                 text
	generation             values[uint16]
	month                  values[uint32]
	effect, kind, currency text
	event, failure         text
	key, order             text
	amount                 amounts
	occurred, received     values[int64]
	dimensions             pairs
	version                values[uint64]
}

func (b *mappedBlock) init() {
	b.block = block{table: "reprocess_rows", seen: map[uint32]struct{}{}, columns: []namedColumn{
		{"vendor", typeWord, &b.vendor},
		{"generation", "UInt16", &b.generation},
		{"event_month", "UInt32", &b.month},
		{"event_id", typeString, &b.event},
		{"effect", typeWord, &b.effect},
		{"error", typeString, &b.failure},
		{"sale_key", typeString, &b.key},
		{"type", typeWord, &b.kind},
		{"order_id", typeString, &b.order},
		{"amount", typeDecimal, &b.amount},
		{"currency", typeWord, &b.currency},
		{"occurred_at", typeTime, &b.occurred},
		{"received_at", typeTime, &b.received},
		{"dimensions", typePairs, &b.dimensions},
		{"version", "UInt64", &b.version},
	}}
}

func (b *mappedBlock) append(r *Row, s *vendors.Effect) {
	e := &r.Event
	b.vendor.append(e.Vendor)
	b.generation.append(r.Generation)
	b.month.append(sourceMonth(e.Time))
	b.event.append(e.ID)
	b.effect.append(string(s.Kind))
	b.failure.append(r.Error)
	b.key.append(s.Key)
	b.kind.append(e.Type)
	b.order.append(s.Order)
	b.amount.append(s.Amount)
	b.currency.append(s.Currency)
	b.occurred.append(millis(s.Time))
	b.received.append(millis(e.Received))
	b.dimensions.append(s.Dimensions)
	b.version.append(Version(r.Rule, e.Received, r.Generation))
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
