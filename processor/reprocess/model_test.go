package reprocess_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hookline-io/hookline/analytics"
	"github.com/hookline-io/hookline/processor/mapping"
	"github.com/hookline-io/hookline/schemas"
	"github.com/hookline-io/hookline/schemas/vendors"
)

// configs are three ideas of what acme's events mean: other amounts, keys, effects, times, and one that cannot
// read some of them at all.
func configs(t *testing.T, redelivery vendors.Redelivery) []string {
	t.Helper()
	const head = "\nvendors:\n  acme:\n    preset: hub\n    redelivery: %s\n    events: {id: id, type: type, time: {path: at, format: rfc3339}}\n    sales:\n"
	var out []string
	for _, sales := range []string{`
      paid:     {effect: sale, key: order, amount: amount, unit: major, currency: {const: USD}}
      pending:  {effect: sale, key: order, amount: amount, unit: major, currency: {const: USD}}
      returned: {effect: refund, amount: amount, unit: major, currency: {const: USD}}
`, `
      paid:     {effect: sale, key: charge, amount: cents, unit: minor, currency: {const: USD}, time: {path: paid, format: rfc3339}}
      returned: {effect: sale, key: order, amount: amount, unit: major, currency: {const: EUR}}
`, `
      paid:     {effect: sale, key: order, amount: maybe, unit: major, currency: {const: USD}, order: charge}
      pending:  {effect: refund, key: charge, amount: amount, unit: major, currency: {const: USD}, dimensions: {charge: charge}}
      other:    {effect: sale, amount: amount, unit: major, currency: {const: USD}}
`} {
		out = append(out, fmt.Sprintf(head, redelivery)+strings.Trim(sales, "\n")+"\n")
	}
	return out
}

func parse(t *testing.T, yaml string) *vendors.Config {
	t.Helper()
	config, err := vendors.Parse("vendors.yaml", []byte(yaml), vendors.Options{WithoutSecrets: true})
	if err != nil {
		t.Fatal(err)
	}
	return config
}

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// What a vendor may change when it delivers an event once more: everything, or nothing that decides which sale
// the event makes. Of the former only a re-mapping finds out which of them count.
const (
	moody  = false
	steady = true
)

// traffic makes deliveries of n events, some of them several times, of few enough sales that many share one.
func traffic(random *rand.Rand, first, n int, received time.Time, same bool) (out []schemas.Event) {
	for i := range n {
		at := start.Add(time.Duration(random.IntN(90*24)) * time.Hour)
		e := schemas.Event{
			ID: fmt.Sprintf("evt_%04d", first+i), Vendor: "acme", Type: []string{"paid", "pending", "returned", "other"}[random.IntN(4)], Time: at, Received: received.Add(time.Duration(first+i) * time.Second),
		}
		order, charge, readable := random.IntN(n), random.IntN(n), random.IntN(3) > 0
		body := func() []byte {
			if !same {
				order, charge, readable = random.IntN(n), random.IntN(n), random.IntN(3) > 0
			}
			maybe := ""
			if readable {
				maybe = fmt.Sprintf(`,"maybe":"%d.50"`, random.IntN(100))
			}
			return fmt.Appendf(nil, `{"id":%q,"type":%q,"at":%s,"order":"o%d","charge":"c%d","amount":"%d.25","cents":%d,"paid":%q%s}`, e.ID, e.Type, stated(&e), order, charge,
				random.IntN(1000), random.IntN(100000), at.Add(time.Duration(random.IntN(60*24))*time.Hour).Format(time.RFC3339), maybe)
		}
		switch random.IntN(12) {
		case 0:
			e.Time = time.Time{}
		case 1:
			e.Time, e.BadTime = time.Time{}, "soon"
		}
		e.Data = body()
		out = append(out, e)
		for range random.IntN(3) {
			e.Received = e.Received.Add(time.Duration(1+random.IntN(499)) * time.Millisecond)
			if random.IntN(2) == 0 {
				e.Data = body() // the vendor changed its mind
			}
			out = append(out, e)
		}
	}
	random.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

// stated is what a body says of the event's time, as JSON.
func stated(e *schemas.Event) string {
	switch {
	case e.BadTime != "":
		return strconv.Quote(e.BadTime)
	case e.Time.IsZero():
		return "null"
	}
	return strconv.Quote(e.Time.Format(time.RFC3339))
}

// counts maps an event by itself.
func counts(t *testing.T, e schemas.Event, config *vendors.Config) analytics.Row {
	t.Helper()
	row, appended, err := mapping.Append(e.Record("t"), config, analytics.NewBatch())
	if !appended {
		t.Fatal(err)
	}
	return row
}

// model says what the views must show when all events are of one mapping: of each event the delivery that
// counts, of each sale the event whose delivery ranks highest.
func model(t *testing.T, deliveries []schemas.Event, config *vendors.Config) (totals []string, effects map[string]int) {
	t.Helper()
	ranked := map[string]schemas.Event{}
	rank := func(e schemas.Event) uint64 {
		version := analytics.Version(config.Vendors["acme"].Redelivery, e.Received, 0)
		if counts(t, e, config).Error != "" {
			version >>= 1 // what cannot be read never outranks what can
		}
		return version
	}
	for _, e := range deliveries {
		if old, known := ranked[e.ID]; !known || rank(e) > rank(old) {
			ranked[e.ID] = e
		}
	}
	type winner struct {
		rank uint64
		sale vendors.Effect
	}
	sales := map[string]winner{}
	effects = map[string]int{}
	for _, e := range ranked {
		row := counts(t, e, config)
		effect := "error"
		switch {
		case len(row.Outcome.Effects) > 0:
			effect = string(row.Outcome.Effects[0].Kind)
			id := effect + " " + row.Outcome.Effects[0].Key
			if w, known := sales[id]; !known || rank(e) > w.rank {
				sales[id] = winner{rank(e), row.Outcome.Effects[0]}
			}
		case row.Error == "":
			effect = ""
		}
		effects[effect]++
	}
	sums := map[string]analytics.Total{}
	for _, w := range sales {
		month := "undated"
		if !w.sale.Time.IsZero() {
			month = w.sale.Time.UTC().Format("2006-01")
		}
		key := fmt.Sprintf("%s %s %s", month, w.sale.Currency, w.sale.Kind)
		sum := sums[key]
		sum.Count++
		sum.Amount = sum.Amount.Add(w.sale.Amount)
		sums[key] = sum
	}
	for key, sum := range sums {
		totals = append(totals, fmt.Sprintf("%s %d %s", key, sum.Count, sum.Amount))
	}
	slices.Sort(totals)
	return totals, effects
}

// lines writes totals as model does.
func lines(totals []analytics.Total) []string {
	out := make([]string, len(totals))
	for i, t := range totals {
		month := "undated"
		if !t.Month.IsZero() {
			month = t.Month.Format("2006-01")
		}
		out[i] = fmt.Sprintf("%s %s %s %d %s", month, t.Currency, t.Kind, t.Count, t.Amount)
	}
	slices.SortFunc(out, cmp.Compare)
	return out
}
