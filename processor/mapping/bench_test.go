package mapping_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hookline-io/hookline/analytics"
	"github.com/hookline-io/hookline/internal/testkit"
	"github.com/hookline-io/hookline/processor/mapping"
	"github.com/hookline-io/hookline/schemas"
	"github.com/hookline-io/hookline/schemas/vendors"
)

// charge is the record of a Stripe charge of about 1 KB, and the configuration that makes a sale of it.
func charge(t testing.TB) (*kgo.Record, *vendors.Config) {
	t.Helper()
	config, err := vendors.Parse("vendors.yaml", []byte("vendors: {acme: {preset: stripe}}"), vendors.Options{WithoutSecrets: true})
	if err != nil {
		t.Fatal(err)
	}
	body, err := os.ReadFile(filepath.Join(testkit.Root(t), "schemas", "testdata", "stripe", "charge.succeeded.json"))
	if err != nil {
		t.Fatal(err)
	}
	ids, err := config.Vendors["acme"].Identify(nil, nil, body)
	if err != nil {
		t.Fatal(err)
	}
	id := ids[0]
	event := schemas.Event{ID: id.ID, Vendor: "acme", Type: id.Type, Time: id.Time, ContentType: "application/json", KeyID: "0123abcd", Proof: schemas.ProofBody, Data: id.Data}
	event.Received = id.Time.Add(time.Second)
	return event.Record("webhooks.events"), config
}

// TestAllocations holds the budget of the processor's work on one event, from its record to its rows.
func TestAllocations(t *testing.T) {
	record, config := charge(t)
	rows := analytics.NewBatch()
	fill := func() {
		rows.Reset()
		for range perBatch {
			if row, _, err := mapping.Append(record, config, rows); err != nil || len(row.Outcome.Effects) == 0 {
				t.Fatal(row.Outcome, err)
			}
		}
	}
	fill() // makes room
	const budget = 16
	if got := testing.AllocsPerRun(10, fill) / perBatch; got > budget {
		t.Errorf("%.2f allocations per event, budget %d", got, budget)
	}
}

// perBatch is how many events the batches here hold.
const perBatch = 1000

func BenchmarkAppend(b *testing.B) {
	record, config := charge(b)
	rows := analytics.NewBatch()
	b.SetBytes(int64(len(record.Value)))
	b.ReportAllocs()
	for b.Loop() {
		if rows.Len() == perBatch {
			rows.Reset()
		}
		if _, _, err := mapping.Append(record, config, rows); err != nil {
			b.Fatal(err)
		}
	}
}
