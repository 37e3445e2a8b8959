package vendors_test

import (
	"bytes"
	"fmt"
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
	Headers map[string]string `yaml:"headers,omitempty"`
	Events  []wantEvent       `yaml:"events,omitempty"`
}

type wantEvent struct {
	ID      string       `yaml:"id"`
	Type    string       `yaml:"type"`
	Time    string       `yaml:"time,omitempty"`
	Object  string       `yaml:"object,omitempty"`
	AsOf    string       `yaml:"as_of,omitempty"`
	Test    bool         `yaml:"test,omitempty"`
	Effects []wantEffect `yaml:"effects,omitempty"`
}

// wantEffect is an effect; one without a time has the event's.
type wantEffect struct {
	Kind       string            `yaml:"kind"`
	Key        string            `yaml:"key"`
	Amount     string            `yaml:"amount"`
	Currency   string            `yaml:"currency"`
	Order      string            `yaml:"order,omitempty"`
	Alone      bool              `yaml:"alone,omitempty"`
	Time       string            `yaml:"time,omitempty"`
	Dimensions map[string]string `yaml:"dimensions,omitempty"`
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
			counted, listed := map[string]bool{}, []string{"want.yaml", "sequences.yaml"}
			for i, s := range all {
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
					for j, e := range events {
						got[j] = describe(t, vendor, e)
						if e.BadTime != "" {
							t.Errorf("bad time %q", e.BadTime)
						}
						counted[e.Type] = counted[e.Type] || len(got[j].Effects) > 0 || got[j].Object != ""
					}
					if *update {
						all[i].Events = got
						return
					}
					if diff := cmp.Diff(s.Events, got); diff != "" {
						t.Errorf("-want +got\n%s", diff)
					}
				})
			}
			if *update {
				write(t, dir, preset.Name, all)
			}
			if hasSequences(t, preset) {
				file := readSequences(t, preset.Name)
				for _, s := range file.Sequences {
					for _, statement := range file.statements(t, preset.Name, s) {
						o := statement.outcome
						counted[statement.event.Type] = counted[statement.event.Type] || len(o.Effects) > 0 || o.Object != ""
					}
				}
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
	outcome, err := vendor.Outcome(e)
	if err != nil {
		t.Fatal(err)
	}
	got := wantEvent{ID: e.ID, Type: e.Type, Time: text(e.Time), Object: outcome.Object, Test: outcome.Test}
	if !outcome.AsOf.Equal(e.Time) {
		got.AsOf = text(outcome.AsOf)
	}
	for _, effect := range outcome.Effects {
		want := wantEffect{
			Kind: string(effect.Kind), Key: effect.Key, Amount: effect.Amount.String(), Currency: effect.Currency,
			Order: effect.Order, Alone: effect.Alone, Dimensions: effect.Dimensions,
		}
		if !effect.Time.Equal(e.Time) {
			want.Time = text(effect.Time)
		}
		got.Effects = append(got.Effects, want)
	}
	return got
}

// write writes want.yaml again; what has changed in it is to be looked at.
func write(t *testing.T, dir, preset string, all []sample) {
	t.Helper()
	var out bytes.Buffer
	fmt.Fprintf(&out, "# What the preset %s makes of the bodies beside this file. An effect without a time has the event's.\n", preset)
	text, err := yaml.Dump(all, yaml.WithIndent(2))
	if err != nil {
		t.Fatal(err)
	}
	out.Write(text)
	if err := os.WriteFile(filepath.Join(dir, "want.yaml"), out.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestOneFactCountsOnce delivers every event that reports one payment and finds one key.
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
				outcome, err := vendor.Outcome(events[0])
				if err != nil || len(outcome.Effects) == 0 {
					t.Fatal(file, outcome, err)
				}
				for _, e := range outcome.Effects {
					if e.Kind == vendors.KindSale || e.Kind == vendors.KindCapture {
						keys[outcome.Object+string(e.Kind)+e.Key+e.Amount.String()+e.Currency] = true
					}
				}
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
