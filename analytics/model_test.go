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

// model is what the tables must amount to, in the plainest form: for each sale and month the row of the highest
// version.
type model map[identity]map[string]counted

type identity struct {
	vendor string
	kind   vendors.Kind
	key    string
}

// counted is a row that counts, or its tombstone.
type counted struct {
	version  uint64
	gone     bool
	at       time.Time
	currency string
	amount   decimal.Decimal
}

// month is the UTC month of a time: what separates partitions.
func month(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format("2006-01")
}

func (m model) apply(rows []analytics.Row) {
	for _, r := range rows {
		if len(r.Outcome.Effects) == 0 {
			continue
		}
		id := identity{r.Event.Vendor, r.Outcome.Effects[0].Kind, r.Outcome.Effects[0].Key}
		row := counted{analytics.Version(r.Rule, r.Event.Received, r.Generation), r.Removed, r.Outcome.Effects[0].Time, r.Outcome.Effects[0].Currency, r.Outcome.Effects[0].Amount}
		if m[id] == nil {
			m[id] = map[string]counted{}
		}
		if old, ok := m[id][month(row.at)]; !ok || old.version < row.version {
			m[id][month(row.at)] = row
		}
	}
}

// heal leaves each sale in the month of its highest version alone.
func (m model) heal() {
	for _, months := range m {
		best := ""
		for name := range months {
			if b, ok := months[best]; !ok || compare(months[name], name, b, best) > 0 {
				best = name
			}
		}
		for name, row := range months {
			if name != best && !row.gone {
				row.gone, row.version = true, months[best].version
				months[name] = row
			}
		}
	}
}

func compare(a counted, monthA string, b counted, monthB string) int {
	live := func(c counted) int {
		if c.gone {
			return 0
		}
		return 1
	}
	return cmp.Or(cmp.Compare(a.version, b.version), cmp.Compare(live(a), live(b)), cmp.Compare(monthA, monthB))
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
	for id, months := range m {
		for _, row := range months {
			if row.gone {
				continue
			}
			g := group{vendor: id.vendor, currency: row.currency, kind: id.kind}
			if !row.at.IsZero() {
				y, mon, _ := row.at.In(location).Date()
				g.month = time.Date(y, mon, 1, 0, 0, 0, 0, time.UTC)
			}
			s := sums[g]
			sums[g] = analytics.Total{Month: g.month, Vendor: g.vendor, Currency: g.currency, Kind: g.kind, Count: s.Count + 1, Amount: s.Amount.Add(row.amount)}
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
