package processor

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/hookline-io/hookline/internal/trace"
	"github.com/hookline-io/hookline/schemas"
)

const parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

func TestTracesThatAreOffCostNothing(t *testing.T) {
	off := newTraces(nil)
	r, e := &kgo.Record{}, &schemas.Event{TraceParent: parent}
	if n := testing.AllocsPerRun(100, func() {
		off.record(r, e)
		off.outcome(r, "retry", "why")
		off.inserted(1, time.Time{})
		off.end()
	}); n != 0 {
		t.Errorf("%v allocations per event", n)
	}
}

func TestTracesOfABatch(t *testing.T) {
	exporter := tracetest.NewInMemoryExporter()
	tracer, err := trace.To("test", exporter)
	if err != nil {
		t.Fatal(err)
	}
	defer tracer.Close(context.Background())
	on := newTraces(tracer)
	const events = maxLinks + 50
	records := make([]*kgo.Record, events)
	for i := range records {
		records[i] = &kgo.Record{Topic: "webhooks.events", Offset: int64(i)}
		on.record(records[i], &schemas.Event{ID: fmt.Sprint("evt_", i), TraceParent: parent})
	}
	// These are not traced: without a context, with one that is not to be recorded, and with what is none.
	for _, text := range []string{"", parent[:len(parent)-1] + "0", "00-nonsense", "\x00\xff"} {
		on.record(&kgo.Record{}, &schemas.Event{TraceParent: text})
	}
	on.inserted(events, time.Now())
	on.outcome(records[7], "dead letter", "no such currency")
	on.end()

	count := map[string]int{}
	for _, span := range exporter.GetSpans() {
		count[span.Name]++
		switch {
		case span.Name == "insert batch" && len(span.Links) != maxLinks:
			t.Errorf("the batch has %d links, want %d", len(span.Links), maxLinks)
		case span.Name == "process webhooks.events" && span.Parent.TraceID().String() != parent[3:35]:
			t.Errorf("an event is in the trace %s", span.Parent.TraceID())
		case span.Status.Code == codes.Error:
			count[span.Status.Description]++
		}
	}
	for name, want := range map[string]int{"process webhooks.events": events, "insert": events, "insert batch": 1, "no such currency": 1} {
		if count[name] != want {
			t.Errorf("%d ranges %q, want %d", count[name], name, want)
		}
	}
	if len(on.spans) != 0 {
		t.Errorf("%d ranges are kept after the batch (invariant 9)", len(on.spans))
	}
}
