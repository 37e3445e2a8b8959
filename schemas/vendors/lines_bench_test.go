package vendors_test

import (
	"testing"

	"github.com/hookline-io/hookline/schemas/vendors"
)

// BenchmarkLines sums quantity times price over the lines of an order: what ADR 17 compares with expression languages.
func BenchmarkLines(b *testing.B) {
	v := own(b, "{}", "{t: {effect: sale, unit: major, currency: currency, amount: {each: lines, sum: {path: price, times: quantity}}}}")
	e := vendors.Identity{ID: "o1", Type: "t", Data: []byte(`{"id":"o1","type":"paid","lines":[{"price":"1.10","quantity":3},{"price":"2.20","quantity":2}],"total":12.10,` +
		`"shipping":4.99,"currency":"EUR","customer":{"id":"c1","name":"Somebody","address":{"street":"a street","city":"a city"}},"meta":{"a":1,"b":2,"c":"text"}}`)}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.Outcome(e); err != nil {
			b.Fatal(err)
		}
	}
}
