package schemas

import (
	"bytes"
	"testing"
	"time"
)

// usual is an event as most vendors send it, of 1 KB.
func usual() *Event {
	return &Event{
		ID: "evt_1NirD82eZvKYlo2CIvbtLWuY", Vendor: "acme", Type: "charge.succeeded", Time: time.Unix(1767225600, 0).UTC(),
		Received: received, ContentType: "application/json", KeyID: "0123abcd", Proof: ProofBody, Data: bytes.Repeat([]byte("0123456789abcdef"), 64),
	}
}

// TestAllocations holds the budgets of what every event passes twice: into its record and out of it.
func TestAllocations(t *testing.T) {
	event := usual()
	record := event.Record("webhooks.events")
	for name, step := range map[string]struct {
		budget float64
		do     func()
	}{
		"Record": {2, func() { event.Record("webhooks.events") }},
		"DecodeEvent": {1, func() {
			if _, err := DecodeEvent(record); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		if got := testing.AllocsPerRun(1000, step.do); got > step.budget {
			t.Errorf("%s: %.0f allocations, budget %.0f", name, got, step.budget)
		}
	}
}

func BenchmarkRecord(b *testing.B) {
	event := usual()
	b.ReportAllocs()
	for b.Loop() {
		event.Record("webhooks.events")
	}
}

func BenchmarkDecodeEvent(b *testing.B) {
	record := usual().Record("webhooks.events")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := DecodeEvent(record); err != nil {
			b.Fatal(err)
		}
	}
}
