package alert

import "github.com/prometheus/client_golang/prometheus"

// metrics are what operators see of the alerts themselves.
type metrics struct {
	failures *prometheus.CounterVec // by destination
	dropped  prometheus.Counter
}

func newMetrics(reg prometheus.Registerer, n *Notifier) *metrics {
	m := &metrics{
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "hookline_alerts_delivery_failures_total", Help: "Failed tries to deliver alerts, by destination."}, []string{"destination"}),
		dropped: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "hookline_alerts_dropped_total", Help: "Alerts that were only logged, because there were too many different ones at once."}),
	}
	reg.MustRegister(m.failures, m.dropped, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "hookline_alerts_firing", Help: "Alerts that last."}, func() float64 { return float64(n.firing()) }))
	for i, d := range n.destinations {
		reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "hookline_alerts_undelivered", Help: "Alerts, and ends of alerts, that have yet to arrive, by destination.",
			ConstLabels: prometheus.Labels{"destination": d.name}}, func() float64 { return float64(n.undelivered(i)) }))
	}
	return m
}
