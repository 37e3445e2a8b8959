package processor

import (
	"errors"
	"maps"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hookline-io/hookline/analytics"
	"github.com/hookline-io/hookline/schemas"
	"github.com/hookline-io/hookline/schemas/vendors"
)

// Of a vendor that counts money every event is seen by what came of it; of another one none is expected to count.
func TestEventsThatCountForNothingAreSeen(t *testing.T) {
	config, err := vendors.Parse("vendors.yaml", []byte(`vendors:
  pay: {signature: {scheme: hub}, events: {type: type}, sales: {paid: {effect: sale, unit: major, amount: a, currency: {const: EUR}}}}
  log: {signature: {scheme: hub}, events: {type: type}}`), vendors.Options{WithoutSecrets: true})
	if err != nil {
		t.Fatal(err)
	}
	registry := prometheus.NewRegistry()
	m := newMetrics(registry)
	for _, e := range []struct {
		vendor, typ string
		effects     []vendors.Effect
		err         error
	}{
		{"pay", "paid", []vendors.Effect{{Kind: vendors.KindSale}}, nil},
		{"pay", "paid", nil, errors.New("no amount")},
		{"pay", "made", nil, nil},
		{"pay", "", nil, nil},
		{"log", "made", nil, nil},
	} {
		row := analytics.Row{Event: schemas.Event{Type: e.typ}, Outcome: vendors.Outcome{Effects: e.effects}}
		m.counted(config.Vendors[e.vendor], &row, e.err)
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, family := range families {
		if family.GetName() != "hookline_processor_mapped_events_total" {
			continue
		}
		for _, metric := range family.GetMetric() {
			name := ""
			for _, label := range metric.GetLabel() { // in the order of their names
				name += label.GetValue() + " "
			}
			got[name] = metric.GetCounter().GetValue()
		}
	}
	want := map[string]float64{"counted pay ": 1, "failed pay ": 1, "no_type pay ": 1, "unknown_type pay ": 1}
	if !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
