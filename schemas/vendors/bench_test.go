package vendors_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/hookline-io/hookline/internal/testkit"
)

// stripeBody is a charge of about 1 KB.
func stripeBody(b testing.TB) []byte {
	b.Helper()
	body, err := os.ReadFile(filepath.Join(testkit.Root(b), "schemas", "testdata", "stripe", "charge.succeeded.json"))
	if err != nil {
		b.Fatal(err)
	}
	return body
}

func BenchmarkIdentify(b *testing.B) {
	vendor, body := load(b, "vendors: {acme: {preset: stripe}}"), stripeBody(b)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := vendor.Identify(nil, nil, body); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSale(b *testing.B) {
	vendor, body := load(b, "vendors: {acme: {preset: stripe}}"), stripeBody(b)
	events, err := vendor.Identify(nil, nil, body)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, ok, err := effectOf(vendor, events[0]); !ok || err != nil {
			b.Fatal(ok, err)
		}
	}
}

// TestAllocations holds the budgets of the hot path: what is allocated is what the results hold.
func TestAllocations(t *testing.T) {
	vendor, body := load(t, "vendors: {acme: {preset: stripe}}"), stripeBody(t)
	events, err := vendor.Identify(nil, nil, body)
	if err != nil {
		t.Fatal(err)
	}
	for name, step := range map[string]struct {
		budget float64
		do     func() error
	}{
		"Identify": {3, func() error { _, err := vendor.Identify(nil, nil, body); return err }},
		"Outcome":  {9, func() error { _, _, err := effectOf(vendor, events[0]); return err }},
	} {
		got := testing.AllocsPerRun(1000, func() {
			if err := step.do(); err != nil {
				t.Fatal(name, err)
			}
		})
		if got > step.budget {
			t.Errorf("%s: %.0f allocations, budget %.0f", name, got, step.budget)
		}
	}
}
