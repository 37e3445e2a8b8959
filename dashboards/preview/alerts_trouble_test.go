package preview

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/grafana/grafana-foundation-sdk/go/prometheus"

	"github.com/hookline-io/hookline/dashboards"
	"github.com/hookline-io/hookline/internal/testkit"
)

// While Prometheus is away, one rule fires: that it is away. One that has nothing to say leaves all rules quiet. The
// others stay as they were, firing or not.
func TestAlertRulesWithoutPrometheus(t *testing.T) {
	t.Parallel()
	states := func(metrics *Metrics, before string) map[string]string {
		out := map[string]string{}
		for uid, rule := range rulesOf(t, dashboards.PrometheusUID) {
			now := time.Now()
			frame, err := metrics.Query(t.Context(), &prometheus.Dataquery{Expr: rule.prom}, Range{From: now, To: now}, time.Minute)
			var fires []string
			rows := 0
			for _, field := range frame.Fields {
				if field.Kind != KindNumber || len(field.Values) == 0 {
					continue
				}
				rows++
				if value, _ := field.Values[len(field.Values)-1].(float64); value > rule.above {
					fires = append(fires, field.Name)
				}
			}
			out[uid] = rule.after(before, fires, rows, err)
		}
		return out
	}
	if metrics := prometheusWatching(t, testkit.FreeAddress(t)); metrics != nil { // a part that is not there has no metrics
		for _, before := range []string{"Normal", "Alerting"} {
			for uid, state := range states(metrics, before) {
				if state != "Normal" {
					t.Errorf("%s was %s and is %s without any data", uid, before, state)
				}
			}
		}
	}
	away, err := OpenMetrics("http://" + testkit.FreeAddress(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, before := range []string{"Normal", "Alerting"} {
		found := states(away, before)
		if len(found) < 2 {
			t.Fatalf("only %d rules ask Prometheus", len(found))
		}
		for uid, state := range found {
			want := before
			if uid == "hookline-source-prometheus" {
				want = "Alerting"
			}
			if state != want {
				t.Errorf("%s was %s and is %s while Prometheus is away, want %s", uid, before, state, want)
			}
		}
	}
}

// A vendor that is new and one that is gone for good raise nothing: neither has anything usual to be measured against.
// One that has just gone silent does.
func TestAlertRulesOfVendorsThatComeAndGo(t *testing.T) {
	t.Parallel()
	server := prepared.Engine(t)
	store(t, server, nil)
	engine, err := Open(server.As(t, "grafana") + "/hookline")
	if err != nil {
		t.Fatal(err)
	}
	const (
		events = `INSERT INTO events (vendor, event_id, occurred_at, received_at, version) SELECT '%[1]s', '%[1]s ' || toString(number), now64(3) - toIntervalHour(number + %[2]d) AS at, at, 1 FROM numbers(%[3]d)`
		sales  = `INSERT INTO sales (vendor, kind, sale_key, amount, currency, occurred_at, received_at, version) SELECT '%[1]s', '%[2]s', toString(number), 1, 'EUR', now64(3) - toIntervalHour(number + %[3]d), now64(3), 1 FROM numbers(%[4]d)`
		forged = `INSERT INTO rejections SELECT toStartOfMinute(now() - toIntervalHour(%[2]d) - number), '%[1]s', 'signature', 'a', 1 FROM numbers(%[3]d)`
	)
	for _, sql := range []string{
		fmt.Sprintf(events, "new", 0, 4), fmt.Sprintf(sales, "new", "sale", 0, 4), fmt.Sprintf(sales, "new", "refund", 0, 3), fmt.Sprintf(forged, "new", 0, 5),
		fmt.Sprintf(events, "gone", 240, 480), fmt.Sprintf(sales, "gone", "sale", 240, 480), fmt.Sprintf(sales, "gone", "refund", 240, 400), fmt.Sprintf(forged, "gone", 240, 50),
		fmt.Sprintf(events, "silent", 24, 480), fmt.Sprintf(sales, "silent", "sale", 24, 480),
	} {
		ask(t, server, sql)
	}
	testkit.Eventually(t, time.Minute, func() error {
		if known := ask(t, server, `SELECT count(DISTINCT vendor) FROM sales_daily`); known != "3" {
			return fmt.Errorf("the figures have %s vendors", known)
		}
		return nil
	})
	for uid, rule := range rules(t) {
		var want []string
		if uid == "hookline-vendor-silent" {
			want = []string{"silent"}
		}
		if got := firing(t, engine, rule); !slices.Equal(got, want) {
			t.Errorf("%s fires for %q, want %q", uid, got, want)
		}
	}
}
