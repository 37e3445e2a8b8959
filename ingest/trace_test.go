package ingest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/hookline-io/hookline/internal/kafka"
	"github.com/hookline-io/hookline/internal/trace"
	"github.com/hookline-io/hookline/schemas"
)

func TestTracesThatAreOffCostNothing(t *testing.T) {
	var off tracer
	r := httptest.NewRequest(http.MethodPost, "/webhooks/acme", nil)
	c := echo.New().NewContext(r, httptest.NewRecorder())
	event := schemas.Event{ID: "evt_1", Vendor: "acme"}
	then := func(*kgo.Record, error) {}
	if n := testing.AllocsPerRun(100, func() {
		off.delivery(c, "acme")
		_ = off.enqueue(r.Context(), &event, "webhooks.events", then)
		off.answered(r, http.StatusOK, "")
	}); n != 0 {
		t.Errorf("%v allocations per delivery", n)
	}
	if event.TraceParent != "" || c.Request() != r {
		t.Error("something is traced")
	}
}

// BenchmarkDelivery shows what a trace adds to a delivery: from the handler to the acknowledgement of a broker in this
// process that keeps nothing.
func BenchmarkDelivery(b *testing.B) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.BlackholeProduce(), kfake.SeedTopics(12, "webhooks.events"))
	if err != nil {
		b.Fatal(err)
	}
	defer cluster.Close()
	sources := hubSources(b)
	body := `{"id":"evt_1","type":"order.paid","pad":"` + strings.Repeat("x", 800) + `"}`
	mac := hmac.New(sha256.New, []byte("a secret for tests"))
	mac.Write([]byte(body))
	signature := "sha256=" + hex.EncodeToString(mac.Sum(nil))
	for _, bench := range []struct {
		name, sampler string
	}{{"off", ""}, {"one in a hundred", "0.01"}, {"all", "1"}} {
		b.Run("traced "+bench.name, func(b *testing.B) {
			client, err := kafka.Options{Brokers: cluster.ListenAddrs()}.NewClient(slog.New(slog.DiscardHandler), nil, kafka.ProducerOptions()...)
			if err != nil {
				b.Fatal(err)
			}
			defer client.Close()
			s, _ := newTestServer(slog.New(slog.DiscardHandler), sources)
			if bench.sampler != "" {
				b.Setenv("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
				b.Setenv("OTEL_TRACES_SAMPLER_ARG", bench.sampler)
				on, err := trace.To("bench", tracetest.NewNoopExporter())
				if err != nil {
					b.Fatal(err)
				}
				defer on.Close(b.Context())
				s.tracer = tracer{on}
			}
			s.memory = &memoryLimiter{}
			s.queue = &enqueuer{client: client, topic: "webhooks.events", timeout: 10 * time.Second, metrics: s.metrics, tracer: s.tracer}
			handler := s.handler(LimitOptions{})
			b.ReportAllocs()
			b.SetParallelism(32)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					r := httptest.NewRequest(http.MethodPost, "/webhooks/acme", strings.NewReader(body))
					r.Header.Set("X-Hub-Signature-256", signature)
					w := httptest.NewRecorder()
					if handler.ServeHTTP(w, r); w.Code != http.StatusOK {
						b.Error(fmt.Sprint(w.Code, w.Body))
						return
					}
				}
			})
		})
	}
}
