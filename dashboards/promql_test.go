package dashboards

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// For every rule that asks Prometheus: its condition false, then true, then false again, and without any series; a vendor
// that is new and one that is gone for good. The alert fires only once the condition has lasted. Prometheus' own tool for
// tests of rules evaluates all of it over series with the metrics' real names and labels.
func TestRulesThatAskPrometheusFireAndEnd(t *testing.T) {
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("SKIPPED: no promtool to evaluate PromQL with (Debian: apt-get install prometheus)")
	}
	type input struct {
		Series string `json:"series"`
		Values string `json:"values"` // one each minute
	}
	type sample struct {
		Labels string  `json:"labels"`
		Value  float64 `json:"value"`
	}
	type evaluation struct {
		Expr    string   `json:"expr"`
		At      string   `json:"eval_time"`
		Samples []sample `json:"exp_samples"`
	}
	type test struct {
		Interval string       `json:"interval"`
		Input    []input      `json:"input_series"`
		Queries  []evaluation `json:"promql_expr_test"`
	}
	lag := func(partition int, topic string) string {
		return fmt.Sprintf(`hookline_processor_lag_records{topic="%s",partition="%d",instance="a"}`, topic, partition)
	}
	tests := map[string]struct {
		input  []input
		fires  map[string][]sample // whether the condition holds at a time, and of what; nothing: it does not
		alerts map[string]int      // how many alerts there are at a time
	}{
		"hookline-retrying": {
			input: []input{
				{`hookline_processor_retrying{instance="a"}`, "0+0x10 1+0x10 0+0x20"},
				{`hookline_processor_retrying{instance="b"}`, "0+0x40"},
				{`hookline_actions_retrying{instance="a",stage="keep"}`, "0+0x30 1+0x5 0+0x5"},
			},
			fires:  map[string][]sample{"5m": nil, "15m": {{"{}", 1}}, "25m": nil, "33m": {{"{}", 1}}, "40m": nil},
			alerts: map[string]int{"12m": 0, "18m": 1, "25m": 0},
		},
		"hookline-lag-growing": {
			input: []input{
				{lag(0, "webhooks.events"), "10+0x30 0+100x20 2000-100x20 0+0x20"}, // grows from 31 to 51, falls until 72
				{lag(1, "webhooks.events"), "10+0x30 0+100x20 2000-100x20 0+0x20"},
				{lag(0, "webhooks.events.retry"), "5000+0x90"}, // much, but it does not grow
			},
			fires:  map[string][]sample{"20m": nil, "33m": nil, "45m": {{`{topic="webhooks.events"}`, 2800}}, "65m": nil, "85m": nil},
			alerts: map[string]int{"40m": 0, "52m": 1, "85m": 0},
		},
		"hookline-counts-nothing": {
			input: []input{
				{`hookline_processor_mapped_events_total{vendor="quiet",result="no_money",instance="a"}`, "0+1x40"},
				{`hookline_processor_mapped_events_total{vendor="good",result="unknown_type",instance="a"}`, "0+1x40"},
				{`hookline_processor_mapped_events_total{vendor="good",result="counted",instance="b"}`, "0 0 0 1 1 1 1+0x30"},
				{`hookline_processor_mapped_events_total{vendor="quiet",result="counted",instance="a"}`, "0+0x60 1+1x40"},
				{`hookline_processor_mapped_events_total{vendor="new",result="no_type",instance="a"}`, "0+1x3 3+0x40"},
				{`hookline_processor_mapped_events_total{vendor="gone",result="no_money",instance="a"}`, "90+0x100"},
			},
			fires:  map[string][]sample{"2m": nil, "30m": {{`{vendor="quiet"}`, 30}}, "65m": nil},
			alerts: map[string]int{"30m": 0, "40m": 1, "65m": 0},
		},
		"hookline-no-type": {
			input: []input{
				{`hookline_processor_mapped_events_total{vendor="headers",result="no_type",instance="a"}`, "0+1x60 60+0x100"},
				{`hookline_processor_mapped_events_total{vendor="good",result="counted",instance="a"}`, "0+1x160"},
				{`hookline_processor_mapped_events_total{vendor="new",result="no_type",instance="a"}`, "_x20 0+1x3 3+0x140"},
				{`hookline_processor_mapped_events_total{vendor="gone",result="no_type",instance="a"}`, "90+0x160"},
			},
			fires:  map[string][]sample{"2m": nil, "60m": {{`{vendor="headers"}`, 60}}, "130m": nil},
			alerts: map[string]int{"15m": 0, "60m": 1, "130m": 0},
		},
		"hookline-source-prometheus": {fires: map[string][]sample{"5m": nil}}, // only an error raises it
	}
	for _, a := range alerts() {
		if a.prom == "" {
			continue
		}
		wanted, ok := tests[a.uid]
		if !ok {
			t.Errorf("%s has no test", a.uid)
			continue
		}
		condition := fmt.Sprintf("(%s) > %v", a.prom, a.above)
		one := test{Interval: "1m", Input: wanted.input}
		nothing := test{Interval: "1m", Queries: []evaluation{{Expr: condition, At: "30m"}, {Expr: "ALERTS", At: "30m"}}} // no series at all
		for at, samples := range wanted.fires {
			one.Queries = append(one.Queries, evaluation{Expr: condition, At: at, Samples: samples})
		}
		for at, number := range wanted.alerts {
			firing := evaluation{Expr: `count(ALERTS{alertstate="firing"})`, At: at}
			if number > 0 {
				firing.Samples = []sample{{"{}", float64(number)}}
			}
			one.Queries = append(one.Queries, firing)
		}
		dir := t.TempDir()
		rules, path := filepath.Join(dir, "rules.yaml"), filepath.Join(dir, "test.yaml")
		writeJSON(t, rules, map[string]any{"groups": []any{map[string]any{"name": ruleGroup, "rules": []any{
			map[string]any{"alert": a.uid, "expr": condition, "for": a.wait},
		}}}})
		writeJSON(t, path, map[string]any{"rule_files": []string{rules}, "evaluation_interval": "1m", "tests": []test{one, nothing}})
		if out, err := exec.Command(promtool, "test", "rules", path).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", a.uid, err, out)
		}
	}
}

// writeJSON writes a file of JSON, which is YAML too.
func writeJSON(t *testing.T, path string, content any) {
	t.Helper()
	raw, err := json.Marshal(content)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, raw, 0o644); err != nil {
		t.Fatal(err)
	}
}
