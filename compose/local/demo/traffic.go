package demo

import (
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"github.com/shopspring/decimal"

	"github.com/hookline-io/hookline/schemas/vendors"
)

// Event is one event of the demo: what its vendor sends, and what it must count as.
type Event struct {
	Vendor string
	ID     string // the event's own ID, as hookline must find it
	Header http.Header
	Body   []byte
	Time   time.Time // zero: the event states none
	Effect *Effect   // nil: neither sale nor refund
	Poison bool      // it cannot be mapped, and becomes a dead letter
}

// Effect is what an event must add to the figures, once for all events with the same vendor, kind and key.
type Effect struct {
	Kind     vendors.Kind
	Key      string
	Currency string
	Amount   decimal.Decimal
}

// Months of history that the demo sends: this month and two years before, so that every month of the last year has
// one to be compared with.
const Months = 25

// Traffic makes events, the same ones for the same seed: sales that grow and swing with the season over 25
// months, some of them refunded in one or two parts, and events that are neither.
type Traffic struct {
	rng     *rand.Rand
	now     time.Time
	weights []float64 // of the months, cumulative
	prefix  string
	serial  int
	pending []Event // what the last sale entails
}

// NewTraffic returns traffic that ends at now. Runs with different seeds share no event.
func NewTraffic(seed uint64, now time.Time) *Traffic {
	t := &Traffic{rng: rand.New(rand.NewPCG(seed, 0)), now: now.UTC(), prefix: strconv.FormatUint(seed, 36)} //nolint:gosec // reproducible on purpose
	sum := 0.0
	for i := range Months {
		// Most is sold in November, least in May; two percent more each month.
		season := 1 + 0.25*math.Cos(float64(t.start(i).Month()-time.November)/6*math.Pi)
		sum += season * math.Pow(1.02, float64(i)) * t.share(i)
		t.weights = append(t.weights, sum)
	}
	return t
}

// start returns the first instant of the history's i-th month.
func (t *Traffic) start(i int) time.Time {
	return time.Date(t.now.Year(), t.now.Month()-Months+1+time.Month(i), 1, 0, 0, 0, 0, time.UTC)
}

// share returns how much of the i-th month is over.
func (t *Traffic) share(i int) float64 {
	length := t.start(i + 1).Sub(t.start(i))
	return min(1, float64(t.now.Sub(t.start(i)))/float64(length))
}

// Next returns the next event of the history.
func (t *Traffic) Next() Event {
	for len(t.pending) > 0 {
		e := t.pending[0]
		t.pending = t.pending[1:]
		if !e.Time.After(t.now) { // else it is yet to happen
			return e
		}
	}
	return t.sale(t.moment())
}

// Live returns an event that happens now.
func (t *Traffic) Live(now time.Time) Event {
	t.now = now.UTC()
	t.pending = nil
	return t.sale(t.now.Truncate(time.Millisecond))
}

// moment picks a time of the history.
func (t *Traffic) moment() time.Time {
	x := t.rng.Float64() * t.weights[Months-1]
	i := 0
	for t.weights[i] < x {
		i++
	}
	length := float64(t.start(i+1).Sub(t.start(i))) * t.share(i)
	return t.start(i).Add(time.Duration(t.rng.Float64() * length)).Truncate(time.Second)
}

// later picks a time up to a few weeks after at, which may be yet to come.
func (t *Traffic) later(at time.Time) time.Time {
	return at.Add(time.Duration(t.rng.ExpFloat64() * float64(9*24*time.Hour))).Truncate(time.Second)
}

// id returns an ID that no other event of any run has.
func (t *Traffic) id(prefix string) string {
	t.serial++
	return fmt.Sprintf("%s_%s%07d", prefix, t.prefix, t.serial)
}

// price picks an amount around typical, in the currency's minor unit.
func (t *Traffic) price(typical float64) int64 {
	return 1 + int64(typical*math.Exp(0.8*t.rng.NormFloat64()))
}

func (t *Traffic) chance(p float64) bool { return t.rng.Float64() < p }

// sale makes a sale of one of the vendors and leaves what follows from it in pending.
func (t *Traffic) sale(at time.Time) Event {
	switch x := t.rng.Float64(); {
	case x < 0.45:
		return t.acme(at)
	case x < 0.70:
		return t.nordwind(at)
	case x < 0.88:
		return t.sakura(at)
	default:
		return t.gulf(at)
	}
}

// money is a currency, its decimals, and a usual price in its minor unit.
type money struct {
	currency string
	digits   int32
	typical  float64
}

var dollars = money{"USD", 2, 4200} //nolint:gochecknoglobals // a constant

// either picks what a vendor sells in: its home currency, or as often dollars, so that they can be compared.
func (t *Traffic) either(home money) money {
	if t.chance(0.5) {
		return home
	}
	return dollars
}

// text writes an amount of m's minor unit in its major unit, as vendors do.
func (m money) text(minor int64) string { return decimal.New(minor, -m.digits).StringFixed(m.digits) }

func effect(kind vendors.Kind, key string, m money, minor int64) *Effect {
	return &Effect{Kind: kind, Key: key, Currency: m.currency, Amount: decimal.New(minor, -m.digits)}
}
