package processor

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	oteltrace "go.opentelemetry.io/otel/trace"

	"github.com/hookline-io/hookline/internal/trace"
	"github.com/hookline-io/hookline/schemas"
)

// traces are the spans of the events of one batch, of those that carry a trace. Each event's span belongs to its own
// trace and lasts from when the record was taken until its offset is committed. The insert of the batch has a trace of
// its own, and shows as a span in that of each event; they are linked both ways.
//
// It is nil while nothing is traced, and then does nothing.
type traces struct {
	tracer *trace.Tracer
	spans  map[*kgo.Record]oteltrace.Span
}

// maxLinks bounds the links of one span, to what OpenTelemetry itself keeps by default.
const maxLinks = 128

func newTraces(t *trace.Tracer) *traces {
	if !t.On() {
		return nil
	}
	return &traces{t, map[*kgo.Record]oteltrace.Span{}}
}

// record starts the span of an event. The text is what the record carries: anyone who may write to Kafka may have written it.
func (t *traces) record(r *kgo.Record, e *schemas.Event) {
	if t == nil || e.TraceParent == "" {
		return
	}
	parent := trace.Parent(e.TraceParent)
	if !parent.IsSampled() {
		return
	}
	_, t.spans[r] = t.tracer.Start(oteltrace.ContextWithRemoteSpanContext(context.Background(), parent), "process "+r.Topic,
		oteltrace.WithSpanKind(oteltrace.SpanKindConsumer), oteltrace.WithAttributes(
			attribute.String("messaging.system", "kafka"), attribute.String("messaging.operation.type", "process"), attribute.String("messaging.destination.name", r.Topic),
			attribute.Int("messaging.destination.partition.id", int(r.Partition)), attribute.Int64("messaging.kafka.offset", r.Offset),
			attribute.String("hookline.vendor", e.Vendor), attribute.String("cloudevents.event_id", e.ID), attribute.String("cloudevents.event_type", e.Type)))
}

// outcome notes that the event is not simply stored.
func (t *traces) outcome(r *kgo.Record, outcome, reason string) {
	if t == nil {
		return
	}
	if span, traced := t.spans[r]; traced {
		span.SetAttributes(attribute.String("hookline.outcome", outcome))
		span.SetStatus(codes.Error, reason)
	}
}

// inserted reports an insert that has ended, in the traces of all its events.
func (t *traces) inserted(rows int, started time.Time) {
	if t == nil || len(t.spans) == 0 {
		return
	}
	ended := time.Now()
	links := make([]oteltrace.Link, 0, min(len(t.spans), maxLinks))
	for _, span := range t.spans {
		if len(links) == cap(links) {
			break
		}
		links = append(links, oteltrace.Link{SpanContext: span.SpanContext()})
	}
	attributes := oteltrace.WithAttributes(attribute.String("db.system.name", "clickhouse"), attribute.String("db.operation.name", "INSERT"), attribute.Int("db.operation.batch.size", rows))
	_, batch := t.tracer.Start(context.Background(), "insert batch", oteltrace.WithNewRoot(), oteltrace.WithSpanKind(oteltrace.SpanKindClient),
		oteltrace.WithTimestamp(started), attributes, oteltrace.WithLinks(links...))
	batch.End(oteltrace.WithTimestamp(ended))
	to := oteltrace.WithLinks(oteltrace.Link{SpanContext: batch.SpanContext()})
	for _, span := range t.spans {
		_, insert := t.tracer.Start(oteltrace.ContextWithSpan(context.Background(), span), "insert", oteltrace.WithSpanKind(oteltrace.SpanKindClient),
			oteltrace.WithTimestamp(started), attributes, to)
		insert.End(oteltrace.WithTimestamp(ended))
	}
}

// end ends the spans of all events, once their offsets are committed.
func (t *traces) end() {
	if t == nil {
		return
	}
	for _, span := range t.spans {
		span.End()
	}
	clear(t.spans)
}
