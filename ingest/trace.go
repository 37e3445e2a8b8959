package ingest

import (
	"context"
	"net/http"

	"github.com/labstack/echo/v4"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	oteltrace "go.opentelemetry.io/otel/trace"

	"github.com/hookline-io/hookline/internal/trace"
	"github.com/hookline-io/hookline/schemas"
)

// tracer makes a span of each delivery and, below it, one of each event until Kafka has it. Names and attributes are
// those of OpenTelemetry's conventions for HTTP servers and for messaging
// (https://opentelemetry.io/docs/specs/semconv/messaging/kafka/).
type tracer struct{ *trace.Tracer }

// delivery starts the span of a delivery. A trace begins here: what a stranger's request says of its own is only linked
// to, since else anyone could have us record all. What is not recorded costs little more than the decision.
func (t tracer) delivery(c echo.Context, vendor string) {
	if !t.On() {
		return
	}
	r := c.Request()
	ctx, span := t.Start(r.Context(), "POST /webhooks/:vendor", oteltrace.WithNewRoot(), oteltrace.WithSpanKind(oteltrace.SpanKindServer))
	if !span.IsRecording() {
		return
	}
	span.SetAttributes(attribute.String("http.request.method", r.Method), attribute.String("http.route", "/webhooks/:vendor"),
		attribute.String("hookline.vendor", vendor), attribute.Int64("http.request.body.size", r.ContentLength))
	if theirs := trace.Parent(r.Header.Get("Traceparent")); theirs.IsValid() {
		span.AddLink(oteltrace.Link{SpanContext: theirs})
	}
	c.SetRequest(r.WithContext(ctx))
}

// answered ends the span of a delivery.
func (t tracer) answered(r *http.Request, status int, reason string) {
	if !t.On() {
		return
	}
	span := oteltrace.SpanFromContext(r.Context())
	if !span.IsRecording() {
		return
	}
	span.SetAttributes(attribute.Int("http.response.status_code", status))
	if reason != "" {
		span.SetAttributes(attribute.String("error.type", reason))
	}
	if status >= http.StatusInternalServerError {
		span.SetStatus(codes.Error, reason)
	}
	span.End()
}

// enqueue gives the event a span, which the event carries on to the processor, and returns the promise that ends it.
func (t tracer) enqueue(ctx context.Context, e *schemas.Event, topic string, then func(*kgo.Record, error)) func(*kgo.Record, error) {
	if !t.On() || !oteltrace.SpanFromContext(ctx).IsRecording() {
		return then
	}
	_, span := t.Start(ctx, "send "+topic, oteltrace.WithSpanKind(oteltrace.SpanKindProducer), oteltrace.WithAttributes(
		attribute.String("messaging.system", "kafka"), attribute.String("messaging.operation.type", "send"), attribute.String("messaging.destination.name", topic),
		attribute.String("hookline.vendor", e.Vendor), attribute.String("cloudevents.event_id", e.ID), attribute.String("cloudevents.event_type", e.Type)))
	e.TraceParent = trace.Text(span)
	return func(r *kgo.Record, err error) {
		if err != nil {
			span.SetStatus(codes.Error, err.Error())
		} else {
			span.SetAttributes(attribute.Int("messaging.destination.partition.id", int(r.Partition)), attribute.Int64("messaging.kafka.offset", r.Offset))
		}
		span.End()
		then(r, err)
	}
}
