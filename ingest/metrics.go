package ingest

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hookline-io/hookline/internal/certificate"
)

// metrics are what operators see of ingest. The label vendor takes only configured names, so that forged
// requests cannot add series (invariant 9).
type metrics struct {
	deliveries  *prometheus.CounterVec   // by vendor, status and reason
	events      *prometheus.CounterVec   // by vendor
	duration    *prometheus.HistogramVec // by status class: whole request
	duration2xx prometheus.Observer      // duration's 2xx
	enqueue     prometheus.Histogram     // from produce to acknowledgement
	closed      prometheus.Counter       // connections that were too many
	evicted     prometheus.Counter       // those of strangers among them
}

func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{
		deliveries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "hookline_ingest_deliveries_total", Help: "Deliveries answered, by vendor, HTTP status and reason of refusal."},
			[]string{"vendor", "status", "reason"}),
		events: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "hookline_ingest_events_total", Help: "Events acknowledged by Kafka, by vendor."}, []string{"vendor"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "hookline_ingest_request_duration_seconds", Help: "Time from the request's header to its answer, by class of status.",
			Buckets: prometheus.ExponentialBucketsRange(0.0005, 8, 18)}, []string{"class"}),
		enqueue: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "hookline_ingest_enqueue_duration_seconds", Help: "Time until all in-sync replicas acknowledged a delivery's events.",
			Buckets: prometheus.ExponentialBucketsRange(0.0005, 8, 18)}),
		closed: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "hookline_ingest_connections_closed_total", Help: "Connections closed at once because vendors' own were too many."}),
		evicted: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "hookline_ingest_connections_evicted_total", Help: "Connections that never delivered anything verified, closed to make way for others."}),
	}
	m.duration2xx = m.duration.WithLabelValues("2xx")
	reg.MustRegister(m.deliveries, m.events, m.duration, m.enqueue, m.closed, m.evicted)
	return m
}

// watch shows what is in flight, and until when the certificate is good, if there is one.
func watch(reg prometheus.Registerer, g *guard, r *memoryLimiter, pair *certificate.Server) {
	gauge := func(name, help string, value func() float64) {
		reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value))
	}
	gauge("hookline_ingest_connections", "Connections that vendors hold.", func() float64 { return float64(g.connections()) })
	gauge("hookline_ingest_inflight_deliveries", "Deliveries in flight.", func() float64 { return float64(r.deliveries.Load()) })
	gauge("hookline_ingest_inflight_bytes", "Bytes of bodies of the deliveries in flight.",
		func() float64 { return float64(r.bytes.Load()) })
	if pair != nil {
		gauge("hookline_ingest_certificate_expiry_timestamp_seconds",
			"When the certificate that vendors see expires, in seconds since 1970.",
			func() float64 { return float64(pair.Expires().Unix()) })
	}
}

// vendorCounters are the series of one vendor that almost every delivery adds to: to find them by their labels costs more than
// to add.
type vendorCounters struct{ accepted, events prometheus.Counter }

func (m *metrics) of(vendor string) vendorCounters {
	return vendorCounters{m.deliveries.WithLabelValues(vendor, "200", ""), m.events.WithLabelValues(vendor)}
}

// accepted is answered for a delivery that got 200.
func (m *metrics) accepted(by vendorCounters, took time.Duration) {
	by.accepted.Inc()
	m.duration2xx.Observe(took.Seconds())
}

func (m *metrics) answered(vendor string, status int, reason string, took time.Duration) {
	m.deliveries.WithLabelValues(vendor, strconv.Itoa(status), reason).Inc()
	m.duration.WithLabelValues(strconv.Itoa(status/100) + "xx").Observe(took.Seconds())
}
