package checks

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	alertmanager "github.com/prometheus/alertmanager/config"
	"github.com/prometheus/common/model"
	"github.com/prometheus/common/promslog"
	prometheus "github.com/prometheus/prometheus/config"
	_ "github.com/prometheus/prometheus/discovery/file"
	"github.com/prometheus/prometheus/discovery/targetgroup"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/promql/promqltest"
	"go.yaml.in/yaml/v2"
)

func TestPrometheusLoadsItsConfiguration(t *testing.T) {
	cfg, err := prometheus.LoadFile(root+"/compose/prometheus/prometheus.yml", false, promslog.NewNopLogger())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range cfg.RuleFiles {
		if _, err := os.Stat(name); err != nil {
			t.Error(err)
		}
	}
	for _, name := range []string{"targets.yml", "targets.ha.yml"} {
		raw, err := os.ReadFile(filepath.Join(root, "compose/prometheus", name))
		if err != nil {
			t.Fatal(err)
		}
		var groups []*targetgroup.Group
		if err := yaml.UnmarshalStrict(raw, &groups); err != nil || len(groups) < 4 {
			t.Errorf("%s: %d groups, %v", name, len(groups), err)
		}
	}
}

func TestAlertmanagerLoadsItsConfiguration(t *testing.T) {
	for _, name := range []string{"quiet.yml", "webhook.yml"} {
		cfg, err := alertmanager.LoadFile(filepath.Join(root, "compose/alertmanager", name))
		if err != nil {
			t.Error(err)
			continue
		}
		if notified := len(cfg.Receivers[0].WebhookConfigs) > 0; notified != (name == "webhook.yml") {
			t.Errorf("%s notifies a webhook: %v", name, notified)
		}
	}
}

// rules are the alert rules by name.
func rules(t *testing.T) map[string]rulefmt.Rule {
	t.Helper()
	groups, errs := rulefmt.ParseFile(root+"/compose/prometheus/rules.yml", false, model.UTF8Validation, parser.NewParser(parser.Options{}), promslog.NewNopLogger())
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	out := map[string]rulefmt.Rule{}
	for _, g := range groups.Groups {
		for _, r := range g.Rules {
			out[r.Alert] = r
		}
	}
	return out
}

// A rule over a metric that nobody has would never fire.
func TestRulesAskForMetricsThatHooklineHas(t *testing.T) {
	program, err := os.ReadFile(binary(t))
	if err != nil {
		t.Fatal(err)
	}
	for name, r := range rules(t) {
		for _, metric := range regexp.MustCompile(`hookline_\w+`).FindAllString(r.Expr, -1) {
			base := strings.TrimSuffix(metric, "_bucket")
			if own, ok := strings.CutPrefix(base, "hookline_kafka_"); ok {
				base = own // the Kafka client's, under our prefix
			}
			if !strings.Contains(string(program), base) {
				t.Errorf("%s asks for %s", name, metric)
			}
		}
	}
}

// firing is what each rule must fire for, and what it must not, as series of Prometheus' own test language; after an hour.
var firing = map[string]struct{ bad, good string }{
	"HooklineDown":               {`up{job="hookline",instance="ingest"} 1x30 0x90`, `up{job="hookline",instance="ingest"} 1x120`},
	"HooklineNoIngest":           {`up{job="hookline",part="ingest"} 0x120`, `up{job="hookline",part="ingest"} 1x120`},
	"HooklineNoProcessor":        {`up{job="hookline",part="ingest"} 1x120`, `up{job="hookline",part="processor"} 1x120`},
	"HooklineDeliveriesFail":     {"hookline_ingest_deliveries_total{status=\"500\"} 0+2x120\nhookline_ingest_deliveries_total{status=\"200\"} 0+98x120", "hookline_ingest_deliveries_total{status=\"403\"} 0+50x120\nhookline_ingest_deliveries_total{status=\"200\"} 0+50x120"},
	"HooklineEnqueueSlow":        {"hookline_ingest_enqueue_duration_seconds_bucket{le=\"1\"} 0+90x120\nhookline_ingest_enqueue_duration_seconds_bucket{le=\"2\"} 0+100x120\nhookline_ingest_enqueue_duration_seconds_bucket{le=\"+Inf\"} 0+100x120", "hookline_ingest_enqueue_duration_seconds_bucket{le=\"0.5\"} 0+100x120\nhookline_ingest_enqueue_duration_seconds_bucket{le=\"+Inf\"} 0+100x120"},
	"HooklineConnectionsRefused": {`hookline_ingest_connections_closed_total 0+1x120`, `hookline_ingest_connections_closed_total 5x120`},
	"HooklineRetrying":           {"hookline_processor_retrying{instance=\"a\"} 0x120\nhookline_processor_retrying{instance=\"b\"} 1x120", `hookline_processor_retrying 0x120`},
	"HooklineActionsStalled":     {`hookline_actions_retrying{stage="keep"} 1x120`, `hookline_actions_retrying{stage="keep"} 0x120`},
	"HooklineLagGrowing":         {`hookline_processor_lag_records{topic="e",partition="1"} 0+100x120`, `hookline_processor_lag_records{topic="e",partition="1"} 90000-100x120`},
	"HooklineCountsNothing":      {"hookline_processor_mapped_events_total{vendor=\"v\",result=\"no_money\"} 0+1x120", "hookline_processor_mapped_events_total{vendor=\"v\",result=\"no_money\"} 0+1x120\nhookline_processor_mapped_events_total{vendor=\"v\",result=\"counted\"} 0+1x120"},
	"HooklineNoType":             {`hookline_processor_mapped_events_total{vendor="v",result="no_type"} 0+1x120`, `hookline_processor_mapped_events_total{vendor="v",result="no_type"} 3x120`},
	"HooklineDeadLettersAppear":  {`hookline_processor_dead_letters_total{stage="decode"} 0x110 1x10`, `hookline_processor_dead_letters_total{stage="decode"} 7x120`},
	"HooklineActionsFail":        {"hookline_actions_attempts_total{target=\"t\",outcome=\"failed\"} 0+6x120\nhookline_actions_attempts_total{target=\"t\",outcome=\"succeeded\"} 0+4x120", "hookline_actions_attempts_total{target=\"t\",outcome=\"failed\"} 0+1x120\nhookline_actions_attempts_total{target=\"t\",outcome=\"succeeded\"} 0+9x120"},
	"HooklineAlertsUndelivered":  {`hookline_alerts_undelivered{destination="webhook"} 1x120`, `hookline_alerts_undelivered{destination="webhook"} 0x120`},
	"HooklineClickHouseDiskFull": {"ClickHouseAsyncMetrics_DiskAvailable_default 10x120\nClickHouseAsyncMetrics_DiskTotal_default 100x120", "ClickHouseAsyncMetrics_DiskAvailable_default 50x120\nClickHouseAsyncMetrics_DiskTotal_default 100x120"},
	"HooklineClickHouseParts":    {`ClickHouseAsyncMetrics_MaxPartCountForPartition 1500x120`, `ClickHouseAsyncMetrics_MaxPartCountForPartition 30x120`},
	"HooklineReplicaReadonly":    {`ClickHouseMetrics_ReadonlyReplica 3x120`, `ClickHouseMetrics_ReadonlyReplica 0x120`},
	"HooklineReplicaBehind":      {`ClickHouseAsyncMetrics_ReplicasMaxAbsoluteDelay 900x120`, `ClickHouseAsyncMetrics_ReplicasMaxAbsoluteDelay 2x120`},
	"HooklineKafkaUnreachable":   {`hookline_kafka_connect_errors_total{node_id="1"} 0+1x120`, `hookline_kafka_connect_errors_total{node_id="1"} 9x120`},
}

func TestEachRuleFiresWhenItShould(t *testing.T) {
	all := rules(t)
	for name := range all {
		if _, ok := firing[name]; !ok {
			t.Errorf("no series to try %s with", name)
		}
	}
	engine := promqltest.NewTestEngine(t, false, 0, promqltest.DefaultMaxSamplesPerQuery)
	for name, series := range firing {
		fires := func(load string) bool {
			store := promqltest.LoadedStorage(t, "load 30s\n  "+strings.ReplaceAll(load, "\n", "\n  "))
			defer store.Close()
			query, err := engine.NewInstantQuery(t.Context(), store, nil, all[name].Expr, time.Unix(3600, 0))
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			defer query.Close()
			result, err := query.Exec(t.Context()).Vector()
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			return len(result) > 0
		}
		if !fires(series.bad) {
			t.Errorf("%s does not fire for %s", name, series.bad)
		}
		if fires(series.good) {
			t.Errorf("%s fires for %s", name, series.good)
		}
	}
}

// grafanaRules are the alert rules that Grafana is provisioned with.
func grafanaRules(t *testing.T) []grafanaRule {
	t.Helper()
	files, err := filepath.Glob(root + "/compose/grafana/provisioning/alerting/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no alert rules of Grafana: %v", err)
	}
	var out []grafanaRule
	for _, name := range files {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var file struct {
			Groups []struct{ Rules []grafanaRule }
		}
		if err := json.Unmarshal(raw, &file); err != nil {
			t.Fatal(err)
		}
		for _, g := range file.Groups {
			out = append(out, g.Rules...)
		}
	}
	return out
}

type grafanaRule struct {
	UID, Title, For     string
	NoDataState         string
	Annotations, Labels map[string]string
	Data                []struct {
		Model struct {
			Expr       string
			Conditions []struct{ Evaluator struct{ Params []float64 } }
		}
	}
}

// What Grafana asks Prometheus, Prometheus asks as well, so that the alert does not depend on Grafana.
func TestPrometheusAsksWhatGrafanaAsksIt(t *testing.T) {
	parse := func(text string) string {
		expr, err := parser.NewParser(parser.Options{}).ParseExpr(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		return expr.Pretty(0)
	}
	ours := map[string]rulefmt.Rule{}
	for _, r := range rules(t) {
		ours[parse(r.Expr)] = r
	}
	mirrored := 0
	for _, g := range grafanaRules(t) {
		if g.Data[0].Model.Expr == "" || g.NoDataState == "Alerting" { // that one asks whether Prometheus answers Grafana
			continue
		}
		mirrored++
		wait, err := model.ParseDuration(g.For)
		if err != nil {
			t.Fatal(err)
		}
		above := g.Data[1].Model.Conditions[0].Evaluator.Params[0]
		candidates := []string{parse(fmt.Sprintf("%s > %g", g.Data[0].Model.Expr, above)), parse(fmt.Sprintf("(%s) > %g", g.Data[0].Model.Expr, above))}
		r, ok := ours[candidates[0]]
		if !ok {
			r, ok = ours[candidates[1]]
		}
		if !ok || r.For != wait || r.Labels["severity"] != g.Labels["severity"] {
			t.Errorf("rules.yml has no equal of %s: %s, for %s, %s; found %+v", g.UID, candidates[1], wait, g.Labels["severity"], r)
		}
	}
	if mirrored == 0 {
		t.Error("Grafana asks Prometheus nothing")
	}
}

// The binary that comes with Prometheus reads the files too, where it is installed.
func TestPromtoolAcceptsTheConfiguration(t *testing.T) {
	if _, err := exec.LookPath("promtool"); err != nil {
		t.Skip("promtool is not installed (Debian: apt-get install prometheus)")
	}
	out, err := exec.Command("promtool", "check", "config", root+"/compose/prometheus/prometheus.yml").CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
