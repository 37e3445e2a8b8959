package checks

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// scenario is an hour or more of series, one value every 30 seconds, and which rules fire at some moments of it.
type scenario struct {
	name   string
	only   string // the rule to look at; empty: all
	series map[string]string
	firing map[string][]string // names of rules by time, such as "1h"; nil: none
}

// absent are the rules whose condition is that something is missing. Prometheus without any data has lost it.
var absent = []string{"HooklineNoIngest", "HooklineNoProcessor"}

// running is what Prometheus has of an installation in which all is well.
func running(values string) map[string]string {
	return map[string]string{
		`up{job="hookline",part="ingest",instance="i"}`:                       values,
		`up{job="hookline",part="processor",instance="p"}`:                    values,
		`hookline_processor_retrying{instance="p"}`:                           strings.ReplaceAll(values, "1x", "0x"),
		`hookline_processor_lag_records{topic="e",partition="1"}`:             strings.ReplaceAll(values, "1x", "7x"),
		`hookline_ingest_deliveries_total{status="200"}`:                      strings.ReplaceAll(values, "1x", "0+9x"),
		`ClickHouseAsyncMetrics_DiskAvailable_default{instance="c"}`:          strings.ReplaceAll(values, "1x", "90x"),
		`ClickHouseAsyncMetrics_DiskTotal_default{instance="c"}`:              strings.ReplaceAll(values, "1x", "100x"),
		`ClickHouseAsyncMetrics_MaxPartCountForPartition{instance="c"}`:       strings.ReplaceAll(values, "1x", "9x"),
		`ClickHouseMetrics_ReadonlyReplica{instance="c"}`:                     strings.ReplaceAll(values, "1x", "0x"),
		`ClickHouseAsyncMetrics_ReplicasMaxAbsoluteDelay{instance="c"}`:       strings.ReplaceAll(values, "1x", "0x"),
		`hookline_processor_mapped_events_total{vendor="v",result="counted"}`: strings.ReplaceAll(values, "1x", "0+1x"),
	}
}

// Prometheus' own rule tests evaluate rules.yml as Prometheus would, with how long each condition must last: each rule
// fires and resolves, and what is no trouble of its own leaves it quiet.
func TestRulesFireAndResolve(t *testing.T) {
	scenarios := []scenario{
		{name: "all is well", series: running("1x360"), firing: map[string][]string{"30m": nil, "3h": nil}},
		{name: "no data at all", firing: map[string][]string{"30m": absent}},
		clickHouseStops(),
		{
			name: "a vendor is new, another gone for good",
			series: with(running("1x360"), map[string]string{
				`hookline_processor_mapped_events_total{vendor="new",result="no_money"}`:  "_x200 0+1x4 4x155",
				`hookline_processor_mapped_events_total{vendor="gone",result="no_money"}`: "80x360",
			}),
			firing: map[string][]string{"2h": nil, "3h": nil},
		},
	}
	for name, series := range firing {
		scenarios = append(scenarios, scenario{
			name: name, only: name, series: inTurn(series.bad, series.good),
			firing: map[string][]string{"59m": {name}, "1h59m30s": nil},
		})
	}
	promtool(t, scenarios)
}

// clickHouseStops after an hour, and is back after two. The processor holds what it has, and a backlog grows meanwhile.
func clickHouseStops() scenario {
	stops := running("1x360")
	for name := range stops {
		if strings.HasPrefix(name, "ClickHouse") {
			value, _, _ := strings.Cut(stops[name], "x")
			stops[name] = fmt.Sprintf("%sx119 stale _x119 %[1]sx120", value)
		}
	}
	stops[`hookline_processor_retrying{instance="p"}`] = "0x119 1x119 0x121"
	stops[`hookline_processor_lag_records{topic="e",partition="1"}`] = "7x119 0+100x119 0x121"
	stops[`hookline_processor_mapped_events_total{vendor="v",result="counted"}`] = "0+1x119 120x119 120+1x121"
	return scenario{name: "ClickHouse is stopped", series: stops, firing: map[string][]string{
		"50m": nil, "1h50m": {"HooklineRetrying", "HooklineLagGrowing"}, "2h50m": nil,
	}}
}

func with(series, more map[string]string) map[string]string {
	maps.Copy(series, more)
	return series
}

// inTurn is an hour of the bad series and then the good ones, each written as "name values".
func inTurn(bad, good string) map[string]string {
	const half = "_x119"
	out := map[string]string{}
	for line := range strings.SplitSeq(bad, "\n") {
		name, values := split(line)
		out[name] = values + " stale " + half
	}
	for line := range strings.SplitSeq(good, "\n") {
		name, values := split(line)
		if before, both := out[name]; both {
			out[name] = strings.TrimSuffix(before, " stale "+half) + " " + values
		} else {
			out[name] = half + " _ " + values
		}
	}
	return out
}

func split(line string) (name, values string) {
	end := strings.LastIndex(line, "} ") + 1
	if end == 0 {
		end = strings.Index(line, " ")
	}
	return line[:end], strings.TrimSpace(line[end:])
}

// promtool evaluates the scenarios.
func promtool(t *testing.T, scenarios []scenario) {
	t.Helper()
	program, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("SKIPPED: promtool is not installed (Debian: apt-get install prometheus)")
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
	type input struct {
		Series string `json:"series"`
		Values string `json:"values"`
	}
	type test struct {
		Name     string       `json:"name"`
		Interval string       `json:"interval"`
		Input    []input      `json:"input_series"`
		Queries  []evaluation `json:"promql_expr_test"`
	}
	var tests []test
	for _, s := range scenarios {
		one := test{Name: s.name, Interval: "30s"}
		for _, name := range slices.Sorted(maps.Keys(s.series)) {
			one.Input = append(one.Input, input{name, s.series[name]})
		}
		which := ""
		if s.only != "" {
			which = `alertname="` + s.only + `",`
		}
		for at, names := range s.firing {
			asked := evaluation{Expr: `group by (alertname) (ALERTS{` + which + `alertstate="firing"})`, At: at}
			for _, name := range names {
				asked.Samples = append(asked.Samples, sample{`{alertname="` + name + `"}`, 1})
			}
			one.Queries = append(one.Queries, asked)
		}
		tests = append(tests, one)
	}
	rules, err := filepath.Abs(root + "/compose/prometheus/rules.yml")
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(map[string]any{"rule_files": []string{rules}, "evaluation_interval": "30s", "tests": tests}) // JSON is YAML
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "test.yml")
	if err := os.WriteFile(file, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(program, "test", "rules", file).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
