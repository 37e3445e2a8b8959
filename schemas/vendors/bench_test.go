package vendors_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/hookline-io/hookline/internal/testkit"
)

// stripeBody is a charge of about 1 KB.
func stripeBody(b *testing.B) []byte {
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
		if _, ok, err := vendor.Sale(events[0]); !ok || err != nil {
			b.Fatal(ok, err)
		}
	}
}
