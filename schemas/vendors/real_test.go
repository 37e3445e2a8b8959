package vendors_test

import (
	"fmt"
	"testing"

	"github.com/hookline-io/hookline/internal/testkit/published"
	"github.com/hookline-io/hookline/schemas/vendors"
)

func TestRealPayloads(t *testing.T) {
	for _, d := range published.Read(t) {
		t.Run(d.File, func(t *testing.T) {
			vendor := load(t, "vendors: {acme: {preset: "+d.Preset+"}}")
			events, err := vendor.Identify(nil, d.Header, d.Body)
			if err != nil {
				t.Fatal(err)
			}
			if len(events) != len(d.Events) {
				t.Fatalf("%d events, want %d", len(events), len(d.Events))
			}
			for i, e := range events {
				got := published.Event{ID: e.ID, Type: e.Type, Time: e.Time, Effect: "none"}
				outcome, err := vendor.Outcome(e)
				if err != nil {
					t.Fatal(err)
				}
				for _, effect := range outcome.Effects {
					if effect.Kind == vendors.KindOrder || got.Effect != "none" {
						continue // the index knows one effect, which is money
					}
					got.Effect = string(effect.Kind)
					if effect.Kind == vendors.KindCapture {
						got.Effect = string(vendors.KindSale)
					}
					got.Amount, got.Currency, got.Order = effect.Amount, effect.Currency, effect.Order
					if effect.Key == "" || effect.Time.IsZero() {
						t.Errorf("key %q and time %v must both be there", effect.Key, effect.Time)
					}
				}
				if e.BadTime != "" {
					t.Errorf("time cannot be read: %q", e.BadTime)
				}
				d.Events[i].Check(t, got)
			}
		})
	}
}

// load returns the only vendor of a vendors.yaml, without secrets.
func load(t testing.TB, yaml string) *vendors.Vendor {
	t.Helper()
	config, err := vendors.Parse("vendors.yaml", []byte(yaml), vendors.Options{WithoutSecrets: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range config.Vendors {
		return v
	}
	panic(fmt.Sprintf("no vendor in %s", yaml))
}
