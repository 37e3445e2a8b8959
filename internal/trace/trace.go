// Package trace follows an event from the request that brought it to the insert that stored it, with OpenTelemetry. It
// is off unless the environment names a collector, and then costs nothing.
//
// The context travels with the event as the CloudEvents attribute traceparent; why, and what it costs, is in
// docs/adr/0004-traces.md.
package trace

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// Tracer makes spans. A nil Tracer is off: callers ask On before they gather what a span says.
type Tracer struct {
	tracer   trace.Tracer
	provider *sdk.TracerProvider
}

// FromEnv returns a Tracer that sends spans to the collector that OTEL_EXPORTER_OTLP_ENDPOINT (or
// OTEL_EXPORTER_OTLP_TRACES_ENDPOINT) names, by OTLP over HTTP, and nil where neither is set, OTEL_SDK_DISABLED is true
// or OTEL_TRACES_EXPORTER is none. The other variables of
// https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/ and
// https://opentelemetry.io/docs/specs/otel/protocol/exporter/ hold as well, OTEL_TRACES_SAMPLER among them.
func FromEnv(ctx context.Context, log *slog.Logger, service string) (*Tracer, error) {
	if !configured() {
		return nil, nil
	}
	for _, name := range []string{"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"} {
		if protocol := os.Getenv(name); protocol != "" && protocol != "http/protobuf" {
			return nil, fmt.Errorf("%s=%s: traces are sent as http/protobuf only; collectors take that on port 4318", name, protocol)
		}
	}
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, fmt.Errorf("start the traces: %w", err)
	}
	// The library has no other way to say that spans cannot be sent, and would print it past the logger.
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { log.Warn("traces", "err", err) }))
	batches := sdk.NewBatchSpanProcessor(exporter) // bounded: what the collector does not take is dropped
	return with(service, batches)
}

func configured() bool {
	if strings.EqualFold(os.Getenv("OTEL_SDK_DISABLED"), "true") || os.Getenv("OTEL_TRACES_EXPORTER") == "none" {
		return false
	}
	return os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") != "" || os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") != ""
}

// To returns a Tracer that hands each span to exporter when it ends, for tests and for programs that have hookline's
// parts as libraries.
func To(service string, exporter sdk.SpanExporter) (*Tracer, error) {
	return with(service, sdk.NewSimpleSpanProcessor(exporter))
}

func with(service string, processor sdk.SpanProcessor) (*Tracer, error) {
	// What the environment says of the service comes last, and so wins.
	res, err := resource.Merge(resource.NewSchemaless(attribute.String("service.name", service)), resource.Environment())
	if err != nil {
		return nil, fmt.Errorf("start the traces: %w", err)
	}
	provider := sdk.NewTracerProvider(sdk.WithSpanProcessor(processor), sdk.WithResource(res))
	return &Tracer{tracer: provider.Tracer("github.com/hookline-io/hookline"), provider: provider}, nil
}

// On says whether spans are made at all.
func (t *Tracer) On() bool { return t != nil }

// Start starts a span below the one that ctx holds. Call it only while On.
func (t *Tracer) Start(ctx context.Context, name string, opts ...trace.SpanStartOption) (context.Context, trace.Span) {
	return t.tracer.Start(ctx, name, opts...)
}

// Close sends what is left, for a few seconds at most.
func (t *Tracer) Close(ctx context.Context) error {
	if t == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := t.provider.Shutdown(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("send the last traces: %w", err)
	}
	return nil
}

const key = "traceparent"

// Parent returns what a W3C traceparent names; it is not valid where text is none
// (https://www.w3.org/TR/trace-context/#traceparent-header).
func Parent(text string) trace.SpanContext {
	ctx := propagation.TraceContext{}.Extract(context.Background(), propagation.MapCarrier{key: text})
	return trace.SpanContextFromContext(ctx)
}

// Text returns the W3C traceparent of a span, and nothing for one that is not recorded: nobody need follow it.
func Text(span trace.Span) string {
	if !span.IsRecording() {
		return ""
	}
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(trace.ContextWithSpan(context.Background(), span), carrier)
	return carrier[key]
}
