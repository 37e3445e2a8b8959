package backoff

import "github.com/prometheus/client_golang/prometheus"

// Gauges returns what a Repeater calls as Retrying: it sets each gauge to 1 while a step is repeated, and to 0 after it.
func Gauges(gauges ...prometheus.Gauge) func(on bool) {
	return func(on bool) {
		value := 0.0
		if on {
			value = 1
		}
		for _, g := range gauges {
			g.Set(value)
		}
	}
}
