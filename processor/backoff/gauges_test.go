package backoff_test

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/hookline-io/hookline/processor/backoff"
)

// TestGauges: a metric and its former name show the same.
func TestGauges(t *testing.T) {
	name, former := prometheus.NewGauge(prometheus.GaugeOpts{Name: "a"}), prometheus.NewGauge(prometheus.GaugeOpts{Name: "b"})
	set := backoff.Gauges(name, former)
	for _, on := range []bool{true, true, false} {
		want := 0.0
		if on {
			want = 1
		}
		set(on)
		if a, b := value(t, name), value(t, former); a != want || b != want {
			t.Errorf("repeating = %t: %v and %v, want %v", on, a, b, want)
		}
	}
}

func value(t *testing.T, g prometheus.Gauge) float64 {
	t.Helper()
	var m dto.Metric
	if err := g.Write(&m); err != nil {
		t.Fatal(err)
	}
	return m.GetGauge().GetValue()
}
