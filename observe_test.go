package main

import (
	"compress/gzip"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/hookline-io/hookline/internal/testkit"
)

// order is an event that every vendor of TestStack may send.
func order(id string) string {
	return fmt.Sprintf(`{"id":%q,"type":"paid","at":%q,"amount":"12.50"}`, id, time.Now().UTC().Format(time.RFC3339))
}

// collectorOf takes spans as an OpenTelemetry collector does, by OTLP over HTTP.
type collectorOf struct {
	mu    sync.Mutex
	spans []*otlp.Span
}

// newCollector has the programs that the test starts send it their spans.
func newCollector(t *testing.T) *collectorOf {
	t.Helper()
	c := &collectorOf{}
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", server.URL)
	t.Setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
	return c
}

func (c *collectorOf) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		unzipped, err := gzip.NewReader(body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		body = unzipped
	}
	text, err := io.ReadAll(body)
	var request collector.ExportTraceServiceRequest
	if err == nil {
		err = proto.Unmarshal(text, &request)
	}
	if err != nil || r.URL.Path != "/v1/traces" {
		http.Error(w, fmt.Sprintf("%s: %v", r.URL.Path, err), http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, resource := range request.ResourceSpans {
		for _, scope := range resource.ScopeSpans {
			c.spans = append(c.spans, scope.Spans...)
		}
	}
}

func (c *collectorOf) all() []*otlp.Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.spans)
}

func attribute(s *otlp.Span, key string) string {
	for _, a := range s.Attributes {
		if a.Key == key {
			return a.Value.GetStringValue()
		}
	}
	return ""
}

// One trace goes from the vendor's POST through Kafka to the insert, across two processes.
func oneTraceFromPostToInsert(s *stack, got *collectorOf) {
	t := s.t
	const strangers = "4bf92f3577b34da6a3ce929d0e0e4736"
	s.accepted("traced", http.Header{"Traceparent": {"00-" + strangers + "-00f067aa0ba902b7-01"}}, order("evt_1"))
	var post, send, process, insert, batch *otlp.Span
	testkit.Eventually(t, 30*time.Second, func() error {
		for _, span := range got.all() {
			switch {
			case span.Name == "POST /webhooks/:vendor":
				post = span
			case span.Name == "send webhooks.events" && attribute(span, "cloudevents.event_id") == "evt_1":
				send = span
			case span.Name == "process webhooks.events" && attribute(span, "cloudevents.event_id") == "evt_1":
				process = span
			case span.Name == "insert":
				insert = span
			case span.Name == "insert batch":
				batch = span
			}
		}
		if post == nil || send == nil || process == nil || insert == nil || batch == nil {
			return fmt.Errorf("post %v, send %v, process %v, insert %v, batch %v", post, send, process, insert, batch)
		}
		return nil
	})
	for _, link := range []struct{ child, parent *otlp.Span }{{send, post}, {process, send}, {insert, process}} {
		if string(link.child.TraceId) != string(post.TraceId) || string(link.child.ParentSpanId) != string(link.parent.SpanId) {
			t.Errorf("%q is not below %q", link.child.Name, link.parent.Name)
		}
		if link.child.StartTimeUnixNano < link.parent.StartTimeUnixNano || link.child.EndTimeUnixNano < link.child.StartTimeUnixNano {
			t.Errorf("%q is not in the time after %q began", link.child.Name, link.parent.Name)
		}
	}
	if len(post.ParentSpanId) != 0 || hex.EncodeToString(post.TraceId) == strangers {
		t.Error("a stranger's trace was continued")
	}
	if len(post.Links) != 1 || hex.EncodeToString(post.Links[0].TraceId) != strangers {
		t.Errorf("the stranger's trace is not linked to: %v", post.Links)
	}
	if len(batch.Links) != 1 || string(batch.Links[0].SpanId) != string(process.SpanId) || len(insert.Links) != 1 || string(insert.Links[0].SpanId) != string(batch.SpanId) {
		t.Errorf("batch and event are not linked both ways: %v, %v", batch.Links, insert.Links)
	}
	for _, span := range got.all() {
		if text := span.String(); strings.Contains(text, "a secret for tests") || strings.Contains(text, "sha256=") {
			t.Errorf("a span shows a secret or a signature (invariant 7): %s", text)
		}
	}
}

// Names that the client library chose, and that are not as https://prometheus.io/docs/practices/naming/ has them.
var lintExceptions = map[string]string{
	"hookline_kafka_buffered_fetch_records_total":   `non-counter metrics should not have "_total" suffix`,
	"hookline_kafka_buffered_produce_records_total": `non-counter metrics should not have "_total" suffix`,
}

// Labels whose values are bounded by the configuration: vendors, topics, partitions, brokers, targets of actions.
var boundedLabels = map[string]bool{
	"vendor": true, "status": true, "reason": true, "class": true, "stage": true, "topic": true, "partition": true, "node_id": true,
	"target": true, "outcome": true, "destination": true, "action": true, "result": true, "name": true, "version": true, "quantile": true, "le": true, "client": true,
}

func metricsAreBounded(s *stack) {
	t := s.t
	for i := range 20 {
		s.accepted("counted", nil, order(fmt.Sprint("evt_", i)))
		// Strangers choose what they can: no name of theirs may become a label.
		resp, err := http.Post(fmt.Sprintf("%s/webhooks/stranger-%d?x=%d", s.ingest, i, i), fmt.Sprint("type/", i), strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	s.rows(20, 30*time.Second, "SELECT event_id FROM events FINAL WHERE vendor = 'counted'")
	for _, admin := range s.admins {
		resp, err := http.Get(admin + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		problems, err := promlint.New(strings.NewReader(string(text))).Lint()
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range problems {
			if lintExceptions[p.Metric] != p.Text {
				t.Errorf("%s: %s", p.Metric, p.Text)
			}
		}
		parser := expfmt.NewTextParser(model.UTF8Validation)
		families, err := parser.TextToMetricFamilies(strings.NewReader(string(text)))
		if err != nil {
			t.Fatal(err)
		}
		for name, family := range families {
			if !regexp.MustCompile(`^(hookline|go|process|promhttp)_`).MatchString(name) {
				t.Errorf("%s does not say that it is hookline's", name)
			}
			judgeLabels(t, family)
		}
	}
}

func judgeLabels(t *testing.T, family *dto.MetricFamily) {
	t.Helper()
	if n := len(family.Metric); n > 100 {
		t.Errorf("%s has %d series", family.GetName(), n)
	}
	for _, m := range family.Metric {
		for _, label := range m.Label {
			if !boundedLabels[label.GetName()] || strings.Contains(label.GetValue(), "stranger") {
				t.Errorf("%s has the label %s=%q", family.GetName(), label.GetName(), label.GetValue())
			}
		}
	}
}
