package trace_test

import (
	"context"
	"log/slog"
	"testing"

	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/hookline-io/hookline/internal/trace"
)

func TestOffUnlessACollectorIsNamed(t *testing.T) {
	for _, test := range []struct {
		name    string
		env     map[string]string
		on, bad bool
	}{
		{"nothing", nil, false, false},
		{"endpoint", map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}, true, false},
		{"endpoint of traces", map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:1/v1/traces"}, true, false},
		{"disabled", map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_SDK_DISABLED": "true"}, false, false},
		{"no traces", map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_TRACES_EXPORTER": "none"}, false, false},
		{"another protocol", map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, false, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			for name, value := range test.env {
				t.Setenv(name, value)
			}
			tracer, err := trace.FromEnv(t.Context(), slog.New(slog.DiscardHandler), "test")
			if tracer.On() != test.on || (err != nil) != test.bad {
				t.Errorf("on: %v, error: %v", tracer.On(), err)
			}
			if err := tracer.Close(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestTextAndParent(t *testing.T) {
	tracer, err := trace.To("test", tracetest.NewInMemoryExporter())
	if err != nil {
		t.Fatal(err)
	}
	_, span := tracer.Start(t.Context(), "s")
	text := trace.Text(span)
	if back := trace.Parent(text); !back.IsSampled() || back.SpanID() != span.SpanContext().SpanID() || back.TraceID() != span.SpanContext().TraceID() {
		t.Errorf("%q came back as %+v", text, back)
	}
	t.Setenv("OTEL_TRACES_SAMPLER", "always_off")
	if tracer, err = trace.To("test", tracetest.NewInMemoryExporter()); err != nil {
		t.Fatal(err)
	}
	if _, span = tracer.Start(t.Context(), "s"); trace.Text(span) != "" {
		t.Errorf("what is not recorded is carried on: %q", trace.Text(span))
	}
}

func FuzzParent(f *testing.F) {
	for _, text := range []string{"", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "00-00000000000000000000000000000000-0000000000000000-00", "ff-x"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if c := trace.Parent(text); c.IsValid() && len(text) < 55 {
			t.Errorf("%q is taken for %+v", text, c)
		}
	})
}
