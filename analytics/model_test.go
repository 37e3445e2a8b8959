package analytics_test

import (
	"cmp"
	"slices"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/hookline-io/hookline/analytics"
	"github.com/hookline-io/hookline/schemas/vendors"
)

// model is what the tables must amount to, in the plainest form: of each object the statement of the highest version,
// of each effect that stands for itself the same.
type model struct {
	alone   map[identity]counted
	objects map[object]state
}

type identity struct {
	vendor string
	kind   vendors.Kind
	key    string
}

// counted is an effect that counts.
type counted struct {
	version  uint64
	at       time.Time
	currency string
	amount   decimal.Decimal
}

type object struct{ vendor, name string }

// state is what counts of an object.
type state struct {
	version uint64
	effects []vendors.Effect
}

func newModel() model { return model{map[identity]counted{}, map[object]state{}} }

func (m model) size() int { return len(m.alone) + len(m.objects) }

func (m model) apply(rows []analytics.Row) {
	for _, r := range rows {
		version, vendor := analytics.SaleVersion(r), r.Event.Vendor
		if o := r.Outcome.Object; o != "" {
			if old, known := m.objects[object{vendor, o}]; !known || version >= old.version {
				m.objects[object{vendor, o}] = state{version, r.Outcome.Effects}
			}
			continue
		}
		for _, e := range r.Outcome.Effects {
			id := identity{vendor, e.Kind, e.Key}
			row := counted{version, e.Time, e.Currency, e.Amount}
			old, known := m.alone[id]
			if !known || cmp.Or(cmp.Compare(version, old.version), row.at.Truncate(time.Hour).Compare(old.at.Truncate(time.Hour))) >= 0 {
				m.alone[id] = row
			}
		}
	}
}

// totals counts the model as a reader in zone should see it.
func (m model) totals(t testing.TB, zone string) []analytics.Total {
	t.Helper()
	location, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	type group struct {
		month            time.Time
		vendor, currency string
		kind             vendors.Kind
	}
	sums := map[group]analytics.Total{}
	add := func(vendor string, kind vendors.Kind, row counted) {
		g := group{vendor: vendor, currency: row.currency, kind: kind}
		if !row.at.IsZero() {
			y, mon, _ := row.at.In(location).Date()
			g.month = time.Date(y, mon, 1, 0, 0, 0, 0, time.UTC)
		}
		s := sums[g]
		sums[g] = analytics.Total{Month: g.month, Vendor: g.vendor, Currency: g.currency, Kind: g.kind, Count: s.Count + 1, Amount: s.Amount.Add(row.amount)}
	}
	for id, row := range m.alone {
		add(id.vendor, id.kind, row)
	}
	for o, s := range m.objects {
		for _, e := range s.effects {
			add(o.vendor, e.Kind, counted{at: e.Time, currency: e.Currency, amount: e.Amount})
		}
	}
	var all []analytics.Total
	for _, total := range sums {
		all = append(all, total)
	}
	slices.SortFunc(all, func(a, b analytics.Total) int {
		if a.Month.IsZero() != b.Month.IsZero() {
			if a.Month.IsZero() {
				return 1
			}
			return -1
		}
		return cmp.Or(a.Month.Compare(b.Month), cmp.Compare(a.Vendor, b.Vendor), cmp.Compare(a.Currency, b.Currency), cmp.Compare(a.Kind, b.Kind))
	})
	return all
}
