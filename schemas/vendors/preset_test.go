package vendors_test

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"

	"github.com/hookline-io/hookline/internal/testkit"
	"github.com/hookline-io/hookline/schemas/vendors"
)

// sample is one body of schemas/testdata and what its preset must make of it.
type sample struct {
	Body    string            `yaml:"body"`
	Headers map[string]string `yaml:"headers"`
	Events  []wantEvent       `yaml:"events"`
}

type wantEvent struct {
	ID   string    `yaml:"id"`
	Type string    `yaml:"type"`
	Time string    `yaml:"time"`
	Sale *wantSale `yaml:"sale"`
}

type wantSale struct {
	Kind       string            `yaml:"kind"`
	Key        string            `yaml:"key"`
	Amount     string            `yaml:"amount"`
	Currency   string            `yaml:"currency"`
	Order      string            `yaml:"order"`
	Time       string            `yaml:"time"`
	Dimensions map[string]string `yaml:"dimensions"`
}

func samples(t *testing.T, preset string) (dir string, all []sample) {
	t.Helper()
	dir = filepath.Join(testkit.Root(t), "schemas", "testdata", preset)
	src, err := os.ReadFile(filepath.Join(dir, "want.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Load(src, &all, yaml.WithKnownFields()); err != nil {
		t.Fatal(err)
	}
	return dir, all
}

// TestPresets maps the samples of every preset; every type that a preset counts must have one.
func TestPresets(t *testing.T) {
	for _, preset := range vendors.Presets() {
		t.Run(preset.Name, func(t *testing.T) {
			vendor := load(t, "vendors: {acme: {preset: "+preset.Name+"}}")
			dir, all := samples(t, preset.Name)
			counted, listed := map[string]bool{}, []string{"want.yaml"}
			for _, s := range all {
				listed = append(listed, s.Body)
				t.Run(s.Body, func(t *testing.T) {
					body, err := os.ReadFile(filepath.Join(dir, s.Body))
					if err != nil {
						t.Fatal(err)
					}
					header := http.Header{}
					for name, value := range s.Headers {
						header.Set(name, value)
					}
					events, err := vendor.Identify(nil, header, body)
					if err != nil {
						t.Fatal(err)
					}
					got := make([]wantEvent, len(events))
					for i, e := range events {
						got[i] = describe(t, vendor, e)
						if e.BadTime != "" {
							t.Errorf("bad time %q", e.BadTime)
						}
						if got[i].Sale != nil {
							counted[e.Type] = true
							if got[i].Sale.Time == got[i].Time {
								got[i].Sale.Time = ""
							}
						}
					}
					for i := range s.Events {
						if sale := s.Events[i].Sale; sale != nil && sale.Time == s.Events[i].Time {
							sale.Time = ""
						}
					}
					if diff := cmp.Diff(s.Events, got); diff != "" {
						t.Errorf("-want +got\n%s", diff)
					}
				})
			}
			for _, typ := range preset.Sales {
				if !counted[typ] {
					t.Errorf("no sample in which %s counts", typ)
				}
			}
			files, err := os.ReadDir(dir)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range files {
				if !slices.Contains(listed, f.Name()) {
					t.Errorf("%s is not in want.yaml", f.Name())
				}
			}
		})
	}
}

func describe(t *testing.T, vendor *vendors.Vendor, e vendors.Identity) wantEvent {
	t.Helper()
	text := func(at time.Time) string {
		if at.IsZero() {
			return ""
		}
		return at.Format(time.RFC3339Nano)
	}
	got := wantEvent{ID: e.ID, Type: e.Type, Time: text(e.Time)}
	sale, ok, err := effectOf(vendor, e)
	if err != nil {
		t.Fatal(err)
	}
	if ok {
		got.Sale = &wantSale{
			Kind: string(sale.Kind), Key: sale.Key, Amount: sale.Amount.String(), Currency: sale.Currency,
			Order: sale.Order, Time: text(sale.Time), Dimensions: sale.Dimensions,
		}
	}
	return got
}

// TestOneFactCountsOnce delivers every event that tells of one payment and finds one key.
func TestOneFactCountsOnce(t *testing.T) {
	tests := map[string]struct {
		preset string
		bodies []string
	}{
		"a charge":                {"stripe", []string{"charge.succeeded.json", "payment_intent.succeeded.json", "checkout.session.completed.json"}},
		"a Razorpay payment":      {"razorpay", []string{"payment.captured.json", "order.paid.json", "invoice.paid.json", "payment_link.paid.json", "subscription.charged.json"}},
		"a Square payment, later": {"square", []string{"payment.updated.json", "payment.updated.refunded.json"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			vendor := load(t, "vendors: {acme: {preset: "+tt.preset+"}}")
			keys := map[string]bool{}
			for _, file := range tt.bodies {
				body, err := os.ReadFile(filepath.Join(testkit.Root(t), "schemas", "testdata", tt.preset, file))
				if err != nil {
					t.Fatal(err)
				}
				events, err := vendor.Identify(nil, http.Header{"X-Razorpay-Event-Id": {file}}, body)
				if err != nil {
					t.Fatal(err)
				}
				sale, ok, err := effectOf(vendor, events[0])
				if err != nil || !ok {
					t.Fatal(file, ok, err)
				}
				keys[string(sale.Kind)+sale.Key+sale.Amount.String()+sale.Currency] = true
			}
			if len(keys) != 1 {
				t.Errorf("%d sales: %v", len(keys), keys)
			}
		})
	}
}

// TestInvariant5_UnsignedHeadersDoNotMoveSales replays a signed Shopify body under other headers, which are not signed:
// the sale keeps its key and its month.
func TestInvariant5_UnsignedHeadersDoNotMoveSales(t *testing.T) {
	vendor := load(t, "vendors: {acme: {preset: shopify}}")
	body, err := os.ReadFile(filepath.Join(testkit.Root(t), "schemas", "testdata", "shopify", "orders_paid.json"))
	if err != nil {
		t.Fatal(err)
	}
	var sales []vendors.Effect
	for _, header := range []http.Header{
		{"X-Shopify-Topic": {"orders/paid"}, "X-Shopify-Event-Id": {"a"}, "X-Shopify-Triggered-At": {"2026-02-01T00:00:00Z"}},
		{"X-Shopify-Topic": {"orders/paid"}, "X-Shopify-Event-Id": {"b"}, "X-Shopify-Triggered-At": {"2020-06-01T00:00:00Z"}},
	} {
		events, err := vendor.Identify(nil, header, body)
		if err != nil {
			t.Fatal(err)
		}
		sale, ok, err := effectOf(vendor, events[0])
		if err != nil || !ok {
			t.Fatal(ok, err)
		}
		sales = append(sales, sale)
	}
	if sales[0].Key != sales[1].Key || !sales[0].Time.Equal(sales[1].Time) {
		t.Errorf("%s at %s, then %s at %s", sales[0].Key, sales[0].Time, sales[1].Key, sales[1].Time)
	}
}

func TestPresetFacts(t *testing.T) {
	presets := vendors.Presets()
	if len(presets) != len(vendors.PresetNames()) {
		t.Fatal(len(presets))
	}
	for _, p := range presets {
		if p.Title == "" || p.Scheme == "" || p.Header == "" || p.Algorithm == "" || p.Signed == "" || p.EventID == "" {
			t.Errorf("%s lacks a fact: %+v", p.Name, p)
		}
		if u, err := url.Parse(p.Docs); err != nil || u.Scheme != "https" || u.Host == "" {
			t.Errorf("%s: docs %q", p.Name, p.Docs)
		}
	}
}
