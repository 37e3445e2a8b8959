package ingest

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/time/rate"

	"github.com/hookline-io/hookline/ingest/signature"
	"github.com/hookline-io/hookline/schemas/vendors"
)

// broken is a verifier with a bug.
type broken struct{ signature.Verifier }

func (broken) Verify(r *signature.Request) (signature.Result, error) {
	return signature.Result{}, []error{}[len(r.Body)]
}

func newTestServer(log *slog.Logger, sources map[string]*vendorEndpoint) (*server, *rejections) {
	_, counts := newTable()
	s := &server{
		maxBody: 1 << 20, memory: &memoryLimiter{maxDeliveries: 1}, rejections: counts, metrics: newMetrics(prometheus.NewRegistry()),
		guard: newGuard(LimitOptions{}, nil, nil, log), now: time.Now, log: log, seldom: rate.Sometimes{Interval: time.Hour},
	}
	s.sources.Store(&sources)
	return s, counts
}

func TestInvariant8_PanicCostsOnlyItself(t *testing.T) {
	var log bytes.Buffer
	s, counts := newTestServer(slog.New(slog.NewTextHandler(&log, nil)),
		map[string]*vendorEndpoint{"acme": {vendor: &vendors.Vendor{Name: "acme"}, verifier: broken{}}})
	handler := s.handler(LimitOptions{})
	const deliveries = 1000
	for range deliveries {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/webhooks/acme", strings.NewReader("{}")))
		var p problem
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || w.Code != 500 || p.Reason != reasonNotEnqueued {
			t.Fatalf("got %d %s", w.Code, w.Body)
		}
		if strings.Contains(w.Body.String(), "index out of range") {
			t.Fatal("the answer shows the vendor our insides")
		}
	}
	// The room is free again, the rejections are counted, and the log is not filled (invariant 9).
	if n := s.memory.deliveries.Load(); n != 0 {
		t.Errorf("%d deliveries still hold room", n)
	}
	if n := counts.waiting(); n != deliveries {
		t.Errorf("%d rejections counted, want %d", n, deliveries)
	}
	if n := strings.Count(log.String(), "level=ERROR"); n != 1 || !strings.Contains(log.String(), "index out of range") {
		t.Errorf("%d lines logged, want 1 that names the panic: %s", n, log.String())
	}
}

// hubSources are those of one vendor, acme, who signs as GitHub does.
func hubSources(b *testing.B) map[string]*vendorEndpoint {
	b.Helper()
	config, err := vendors.Parse("vendors.yaml", []byte("vendors: {acme: {preset: hub, secrets: [env:S]}}"),
		vendors.Options{Getenv: func(string) string { return "a secret for tests" }})
	if err != nil {
		b.Fatal(err)
	}
	found, err := newSources(config, nil, newMetrics(prometheus.NewRegistry()))
	if err != nil {
		b.Fatal(err)
	}
	return found
}

// BenchmarkRefusal shows what a forgery costs beside what any request costs: the HTTP server around it is not counted.
func BenchmarkRefusal(b *testing.B) {
	sources := hubSources(b)
	s, _ := newTestServer(slog.New(slog.DiscardHandler), sources)
	handler := s.handler(LimitOptions{})
	body := strings.Repeat("x", 900)
	for name, path := range map[string]string{"unknown vendor": "/webhooks/nobody", "forged signature": "/webhooks/acme"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
				r.Header.Set("X-Hub-Signature-256", "sha256="+strings.Repeat("0a", 32))
				handler.ServeHTTP(httptest.NewRecorder(), r)
			}
		})
	}
}
