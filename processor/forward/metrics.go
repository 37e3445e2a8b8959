package forward

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hookline-io/hookline/analytics"
)

// metrics are what operators see of the actions. Targets are those of the configuration.
type metrics struct {
	attempts       *prometheus.CounterVec   // by target and outcome
	duration       *prometheus.HistogramVec // by target
	deferred       *prometheus.CounterVec   // by target
	lag            *prometheus.GaugeVec     // by topic and partition
	retrying       *prometheus.GaugeVec     // by stage
	oldRetrying    *prometheus.GaugeVec     // the same under the name that it had before
	commitFailures prometheus.Counter
}

func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{
		attempts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "hookline_actions_attempts_total", Help: "Attempts at actions, by target and by outcome: succeeded, failed (it will be tried again), gave_up."},
			[]string{"target", "outcome"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "hookline_actions_attempt_duration_seconds", Help: "Time that an attempt took, by target.",
			Buckets: prometheus.ExponentialBucketsRange(0.002, 60, 12)}, []string{"target"}),
		deferred: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "hookline_actions_deferred_total", Help: "Actions put off without an attempt, because too many waited for the target already."}, []string{"target"}),
		lag: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "hookline_actions_lag_records", Help: "Records not yet read for actions, by partition, as of the last fetch."},
			[]string{"topic", "partition"}),
		retrying: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "hookline_actions_retrying", Help: "1 while a stage waits for a store: publish for Kafka, keep for ClickHouse."},
			[]string{"stage"}),
		oldRetrying: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "hookline_actions_holding", Help: "Deprecated, gone in the next release: hookline_actions_retrying."}, []string{"stage"}),
		commitFailures: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "hookline_actions_commit_failures_total", Help: "Offset commits that failed; their actions may be run again."}),
	}
	reg.MustRegister(m.attempts, m.duration, m.deferred, m.lag, m.retrying, m.oldRetrying, m.commitFailures)
	return m
}

func (m *metrics) attempted(target string, result *analytics.ActionResult) {
	m.attempts.WithLabelValues(target, string(result.Outcome)).Inc()
	m.duration.WithLabelValues(target).Observe(result.Duration.Seconds())
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
