package vendors

import (
	"time"

	"github.com/shopspring/decimal"

	"github.com/hookline-io/hookline/schemas"
)

// Outcome is what an event does to the figures. The zero Outcome does nothing.
type Outcome struct {
	// Object, where it is set, says that the event has the whole state of this object of the vendor's (an order, a
	// dispute): of all statements about it the newest by AsOf counts, with all its Effects and nothing else. Where it
	// is empty, each effect stands for itself and is known by its kind and key.
	Object  string
	AsOf    time.Time // the vendor's time of that state; zero: the event's time
	Step    bool      // AsOf is no time: it ranks the states of an object that only goes forward, whatever the times
	Effects []Effect  // none with an Object: nothing of the object counts any more
	Test    bool      // test money: stored, never in figures
}

// Effect is one movement of money, or one order. Two statements of the same vendor, kind and key are about the same
// effect.
type Effect struct {
	Kind       Kind
	Key        string
	Amount     decimal.Decimal // major units, at most 4 decimals; zero or more
	Currency   string          // ISO 4217, upper case
	Order      string
	Time       time.Time // zero: undated
	Dimensions map[string]string
	Alone      bool // with an Object: not part of its state; the effect stands for itself all the same

	// OwnKey and OwnTime say that Key, and Time, come from the event's body and not from its ID and time.
	OwnKey, OwnTime bool
}

// Proof is the effect's, of an event with that proof: what the effect does not depend on does not weaken it.
func (e *Effect) Proof(event schemas.Proof) schemas.Proof {
	if e.OwnKey {
		event = event.Without(schemas.UnsignedID)
	}
	if e.OwnTime {
		event = event.Without(schemas.UnsignedTime)
	}
	return event
}

// Kind says what an effect adds to or takes from.
//
//	gross = sale + capture        orders = number of sales and orders
//	refunds = refund - reversal   net = gross - refunds
//
// Fees and taxes are shown beside these and are in none of them.
type Kind string

// The kinds of effects.
const (
	KindSale     Kind = "sale"     // adds to gross, is one order
	KindCapture  Kind = "capture"  // adds to gross, is no order by itself
	KindOrder    Kind = "order"    // is one order of amount 0; for orders of several captures, keyed by the order
	KindRefund   Kind = "refund"   // a refund or a chargeback
	KindReversal Kind = "reversal" // undoes a refund or a chargeback
	KindFee      Kind = "fee"
	KindTax      Kind = "tax"
)
