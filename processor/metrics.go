package processor

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hookline-io/hookline/analytics"
	"github.com/hookline-io/hookline/schemas/vendors"
)

// metrics are what operators see of the processor.
type metrics struct {
	rows      prometheus.Counter
	batchRows prometheus.Histogram
	insert    prometheus.Histogram
	dead      *prometheus.CounterVec // by stage
	retried   prometheus.Counter
	lag       *prometheus.GaugeVec // by topic and partition
	retrying  prometheus.Gauge
	holding   prometheus.Gauge       // retrying, under the name that it had before
	mapped    *prometheus.CounterVec // by vendor and result
}

func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{
		rows: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "hookline_processor_events_total", Help: "Events stored in ClickHouse, redeliveries included."}),
		batchRows: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "hookline_processor_batch_rows", Help: "Rows in one insert.", Buckets: prometheus.ExponentialBuckets(1, 4, 10)}),
		insert: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "hookline_processor_insert_duration_seconds", Help: "Time to store one batch, retries included.",
			Buckets: prometheus.ExponentialBucketsRange(0.002, 60, 16)}),
		dead: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "hookline_processor_dead_letters_total", Help: "Events that cannot succeed, by the stage that said so."},
			[]string{"stage"}),
		retried: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "hookline_processor_retries_total", Help: "Events whose row ClickHouse rejected and that are scheduled for retry."}),
		lag: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "hookline_processor_lag_records", Help: "Records not yet read, by partition, as of the last fetch."},
			[]string{"topic", "partition"}),
		retrying: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "hookline_processor_retrying", Help: "1 while a store does not accept what we have and nothing is consumed."}),
		holding: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "hookline_processor_holding", Help: "Deprecated, gone in the next release: hookline_processor_retrying."}),
	}
	m.mapped = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "hookline_processor_mapped_events_total",
		Help: "Events of vendors whose configuration counts money, by what came of them: counted, no_money, unknown_type, no_type or failed.",
	}, []string{"vendor", "result"})
	reg.MustRegister(m.rows, m.batchRows, m.insert, m.dead, m.retried, m.lag, m.retrying, m.holding, m.mapped)
	return m
}

// counted records what came of an event for the figures. Of a vendor that counts no money nothing is expected.
func (m *metrics) counted(vendor *vendors.Vendor, row *analytics.Row, err error) {
	if !vendor.CountsMoney() {
		return
	}
	result := string(vendor.Counting(row.Event.Type, &row.Outcome))
	if err != nil {
		result = "failed"
	}
	m.mapped.WithLabelValues(vendor.Name, result).Inc()
}

func (m *metrics) inserted(rows int, took time.Duration) {
	m.rows.Add(float64(rows))
	m.batchRows.Observe(float64(rows))
	m.insert.Observe(took.Seconds())
}

func (m *metrics) behind(topic string, id int32, records int64) {
	m.lag.WithLabelValues(topic, strconv.Itoa(int(id))).Set(float64(records))
}

func (m *metrics) lost(topics map[string][]int32) {
	for topic, ids := range topics {
		for _, id := range ids {
			m.lag.DeleteLabelValues(topic, strconv.Itoa(int(id)))
		}
	}
}
