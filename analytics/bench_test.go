package analytics_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/hookline-io/hookline/analytics"
	"github.com/hookline-io/hookline/schemas"
	"github.com/hookline-io/hookline/schemas/vendors"
)

// traffic returns n rows as they come: events of 50 vendors with payloads of about size bytes, most of them
// sales or refunds, over months months.
func traffic(n, size, months int) []analytics.Row {
	random := rand.New(rand.NewPCG(1, 2))
	rows := make([]analytics.Row, n)
	start := time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)
	for i := range rows {
		at := start.AddDate(0, -random.IntN(months), 0).Add(time.Duration(random.IntN(28*86400_000)) * time.Millisecond)
		id := fmt.Sprintf("evt_%016x", random.Uint64())
		kind := vendors.KindSale
		if i%20 == 7 {
			kind = vendors.KindRefund
		}
		rows[i] = analytics.Row{
			Event: schemas.Event{ID: id, Vendor: fmt.Sprint("vendor-", i%50), Type: "charge.succeeded", Time: at,
				Received: at.Add(time.Second), ContentType: "application/json", KeyID: "0a1b2c3d", Proof: schemas.ProofBody, Data: payload(random, id, size)},
			Outcome: vendors.Outcome{Effects: []vendors.Effect{{Kind: kind, Key: fmt.Sprintf("ch_%016x", random.Uint64()), Amount: decimal.New(random.Int64N(1_000_000), -2),
				Currency: []string{"EUR", "USD", "JPY"}[i%3], Order: fmt.Sprint("order-", i), Time: at,
				Dimensions: map[string]string{"country": []string{"NG", "IN", "DE"}[i%3], "product": fmt.Sprint("sku-", random.IntN(200))}}}},
			Origin: analytics.Origin{Topic: "webhooks.events", Partition: int32(i % 12), Offset: int64(i)},
		}
	}
	return rows
}

func payload(random *rand.Rand, id string, size int) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, `{"id":%q,"object":"event","data":{"object":{"id":"ch_%x"`, id, random.Uint64())
	for b.Len() < size-40 {
		fmt.Fprintf(&b, `,"field_%d":"%x"`, random.IntN(100), random.Uint32())
	}
	b.WriteString("}}}")
	return []byte(b.String())
}

// TestAllocations holds the budget of a batch that is used again: room for rows is there, and nothing else is
// allocated, however many rows it takes.
func TestAllocations(t *testing.T) {
	rows := traffic(2000, 1000, 3)
	batch := analytics.NewBatch()
	fill := func() {
		batch.Reset()
		for i := range rows {
			if err := batch.Append(rows[i]); err != nil {
				t.Fatal(err)
			}
		}
	}
	fill() // makes the room
	const budget = 0.01
	if got := testing.AllocsPerRun(10, fill) / float64(len(rows)); got > budget {
		t.Errorf("%.3f allocations per row, budget %v", got, budget)
	}
}

func BenchmarkBatchAppend(b *testing.B) {
	rows := traffic(20_000, 1000, 3)
	batch := analytics.NewBatch()
	b.ReportAllocs()
	for b.Loop() {
		batch.Reset()
		for i := range rows {
			if err := batch.Append(rows[i]); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(rows)), "ns/row")
}

// BenchmarkInsert measures events with payloads of 1 KB and their sales, from the filled batch to the answer;
// the engine's time is in it, but its processor time is not in cpu-ns/row.
func BenchmarkInsert(b *testing.B) {
	for _, size := range []int{10_000, 50_000} {
		rows := traffic(size, 1000, 3)
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			db, _ := open(b, "UTC")
			batch := analytics.NewBatch()
			for _, r := range rows {
				if err := batch.Append(r); err != nil {
					b.Fatal(err)
				}
			}
			perRow(b, size, func() error { return db.Insert(b.Context(), batch) })
		})
	}
}

func perRow(b *testing.B, size int, insert func() error) {
	b.ReportAllocs()
	before := processorTime(b)
	for b.Loop() {
		if err := insert(); err != nil {
			b.Fatal(err)
		}
	}
	rows := float64(b.N) * float64(size)
	b.ReportMetric(float64(processorTime(b)-before)/rows, "cpu-ns/row")
	b.ReportMetric(rows/b.Elapsed().Seconds(), "rows/s")
}
