package demo

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/shopspring/decimal"

	"github.com/hookline-io/hookline/analytics"
	"github.com/hookline-io/hookline/schemas/vendors"
)

// Ledger is the demo's own account of what hookline accepted, kept from what was sent and never from what hookline
// stored. It is safe for concurrent use.
type Ledger struct {
	mu     sync.Mutex
	events map[analytics.EventID]bool // whether it is poison
	counts map[effectKey]struct{}
	totals map[totalKey]total
}

type effectKey struct {
	vendor string
	kind   vendors.Kind
	key    string
}

type totalKey struct {
	month    time.Time // first day in UTC; zero: undated
	vendor   string
	currency string
	kind     vendors.Kind
}

type total struct {
	count  uint64
	amount decimal.Decimal
}

// NewLedger returns an empty ledger.
func NewLedger() *Ledger {
	return &Ledger{events: map[analytics.EventID]bool{}, counts: map[effectKey]struct{}{}, totals: map[totalKey]total{}}
}

// Accepted notes that a delivery of e was answered with 200. Only the first one
// of an event, and the first event of a sale, counts.
func (l *Ledger) Accepted(e Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events[analytics.EventID{Vendor: e.Vendor, ID: e.ID}] = e.Poison
	if e.Effect == nil {
		return
	}
	effect := effectKey{e.Vendor, e.Effect.Kind, e.Effect.Key}
	if _, ok := l.counts[effect]; ok {
		return
	}
	l.counts[effect] = struct{}{}
	k := totalKey{monthOf(e.Time), e.Vendor, e.Effect.Currency, e.Effect.Kind}
	t := l.totals[k]
	l.totals[k] = total{t.count + 1, t.amount.Add(e.Effect.Amount)}
}

// Events returns the number of different events accepted.
func (l *Ledger) Events() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return uint64(len(l.events))
}

// Poison returns the accepted events that cannot be mapped.
func (l *Ledger) Poison() (out []analytics.EventID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, poison := range l.events {
		if poison {
			out = append(out, id)
		}
	}
	return out
}

// CompareEvents compares the accepted events with how often each is stored: those that are not, those that are more
// than once, and those that are stored and were never accepted.
func (l *Ledger) CompareEvents(stored map[analytics.EventID]uint64) (lost, doubled, foreign []analytics.EventID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id := range l.events {
		switch n := stored[id]; {
		case n == 0:
			lost = append(lost, id)
		case n > 1:
			doubled = append(doubled, id)
		}
	}
	for id := range stored {
		if _, accepted := l.events[id]; !accepted {
			foreign = append(foreign, id)
		}
	}
	return lost, doubled, foreign
}

func monthOf(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	t = t.UTC()
	return time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC)
}

// Compare returns one line for each (month, vendor, currency, kind) whose stored total is not the ledger's.
func (l *Ledger) Compare(stored []analytics.Total) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var lines []string
	left := map[totalKey]total{}
	for k, t := range l.totals {
		left[k] = t
	}
	for _, s := range stored {
		k := totalKey{monthOf(s.Month), s.Vendor, s.Currency, s.Kind}
		want := left[k]
		delete(left, k)
		if s.Count != want.count || !s.Amount.Equal(want.amount) {
			lines = append(lines, line(k, want, s.Count, s.Amount))
		}
	}
	for k, want := range left {
		lines = append(lines, line(k, want, 0, decimal.Zero))
	}
	slices.SortFunc(lines, cmp.Compare[string])
	return lines
}

func line(k totalKey, want total, count uint64, amount decimal.Decimal) string {
	month := "undated"
	if !k.month.IsZero() {
		month = k.month.Format("2006-01")
	}
	return fmt.Sprintf("%s %s %s %s: sent %d worth %s, stored %d worth %s",
		month, k.vendor, k.currency, k.kind, want.count, want.amount, count, amount)
}
