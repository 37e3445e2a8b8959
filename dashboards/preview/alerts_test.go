package preview

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookline-io/hookline/dashboards"
	"github.com/hookline-io/hookline/internal/testkit"
)

// watched is an alert rule: its query in SQL or PromQL, the value above which it fires, and what it does without
// rows and when its query fails.
type watched struct {
	sql, prom      string
	above          float64
	noData, failed string
}

// after is the state of a rule that was in another, by Grafana's rules of evaluation
// (https://grafana.com/docs/grafana/latest/alerting/fundamentals/alert-rule-evaluation/nodata-and-error-states/).
func (w watched) after(before string, firing []string, rows int, err error) string {
	special := ""
	switch {
	case err != nil:
		special = w.failed
	case rows == 0:
		special = w.noData
	case len(firing) > 0:
		return "Alerting"
	default:
		return "Normal"
	}
	switch special {
	case "KeepLast":
		return before
	case "OK":
		return "Normal"
	}
	return special
}

// rules reads the rules that ask ClickHouse out of the generated file.
func rules(t *testing.T) map[string]watched { return rulesOf(t, dashboards.ClickHouseUID) }

// rulesOf reads the rules that ask a data source.
func rulesOf(t *testing.T, source string) map[string]watched {
	t.Helper()
	raw, err := dashboards.Alerting()
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Groups []struct {
			Rules []struct {
				UID          string
				NoDataState  string
				ExecErrState string
				Data         []struct {
					DatasourceUID string
					Model         struct {
						RawSQL     string
						Expr       string
						Conditions []struct{ Evaluator struct{ Params []float64 } }
					}
				}
			}
		}
	}
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	out := map[string]watched{}
	for _, rule := range file.Groups[0].Rules {
		if rule.Data[0].DatasourceUID == source {
			out[rule.UID] = watched{rule.Data[0].Model.RawSQL, rule.Data[0].Model.Expr, rule.Data[1].Model.Conditions[0].Evaluator.Params[0], rule.NoDataState, rule.ExecErrState}
		}
	}
	return out
}

// firing returns the labels for which a rule fires, joined, and "" for a rule without labels.
func firing(t *testing.T, engine Engine, rule watched) []string {
	t.Helper()
	frame, err := engine.Query(t.Context(), rule.sql)
	if err != nil {
		t.Fatalf("%s: %v", rule.sql, err)
	}
	out := []string{}
	for row := range frame.rows() {
		var labels []string
		fires := false
		for _, field := range frame.Fields {
			switch value := field.Values[row].(type) {
			case string:
				labels = append(labels, value)
			case float64:
				fires = value > rule.above
			}
		}
		if fires {
			out = append(out, strings.Join(labels, " "))
		}
	}
	slices.Sort(out)
	return out
}

// For every rule that asks ClickHouse: quiet at first, firing once its condition is made true, and quiet
// again once it is false. The rules that ask Prometheus are not evaluated here: there is none.
func TestAlertRulesFireAndEnd(t *testing.T) {
	t.Parallel()
	server := prepared.Engine(t)
	store(t, server, nil)
	engine, err := Open(server.As(t, "grafana") + "/hookline")
	if err != nil {
		t.Fatal(err)
	}
	// The figures would have to be a minute late for this rule; a second shows the same.
	all := rules(t)
	stale := all["hookline-rollup-stale"]
	stale.above = 1
	all["hookline-rollup-stale"] = stale

	const (
		steady  = `INSERT INTO events (vendor, event_id, occurred_at, received_at, version) SELECT '%[1]s', '%[1]s ' || toString(number), now64(3) - toIntervalHour(number + %[2]d) AS at, at, 1 FROM numbers(240)`
		refuses = `INSERT INTO rejections SELECT toStartOfMinute(now() - number * %d), '%s', 'signature', 'a', 2 FROM numbers(%d)`
		sells   = `INSERT INTO sales (vendor, kind, sale_key, amount, currency, occurred_at, received_at, version, is_deleted) SELECT 'acme', '%s', '%s' || toString(number), 1, 'EUR', now64(3) - toIntervalHour(number * %d), now64(3), 1, 0 FROM numbers(%d)`
	)
	for _, test := range []struct {
		rule       string
		raise, end []string
		want       []string
	}{
		{
			rule:  "hookline-unaccounted",
			raise: []string{`INSERT INTO ledger (kafka_topic, kafka_partition, first_offset, end_offset, consumer_group, stored) VALUES ('t', 0, 0, 10, 'g', 10), ('t', 0, 12, 20, 'g', 8)`},
			end:   []string{`INSERT INTO ledger (kafka_topic, kafka_partition, first_offset, end_offset, consumer_group, stored) VALUES ('t', 0, 9, 13, 'g', 4)`},
			want:  []string{""},
		},
		{
			rule:  "hookline-dead-letters",
			raise: []string{`INSERT INTO dead_letters (kafka_topic, vendor, event_id, failed_at, state, changed_at) VALUES ('t', 'acme', 'a', now(), 'dead', now() - 1)`},
			end:   []string{`INSERT INTO dead_letters (kafka_topic, vendor, event_id, failed_at, state, changed_at) VALUES ('t', 'acme', 'a', now(), 'redriven', now())`},
			want:  []string{"acme"},
		},
		{
			rule:  "hookline-rollup-stale",
			raise: []string{`SYSTEM STOP VIEW sales_rollup_refresh`, fmt.Sprintf(sells, "sale", "first", 0, 1)},
			end:   []string{`SYSTEM START VIEW sales_rollup_refresh`},
			want:  []string{""},
		},
		{
			rule:  "hookline-vendor-silent",
			raise: []string{fmt.Sprintf(steady, "globex", 0), fmt.Sprintf(steady, "acme", 24), fmt.Sprintf(steady, "gone-for-good", 240)},
			end:   []string{`INSERT INTO events (vendor, event_id, occurred_at, received_at, version) VALUES ('acme', 'new', now64(3), now64(3), 1)`},
			want:  []string{"acme"},
		},
		{
			rule:  "hookline-refusals",
			raise: []string{fmt.Sprintf(refuses, 600, "globex", 144), fmt.Sprintf(refuses, 30, "acme", 20)},
			end:   []string{`TRUNCATE TABLE rejections`},
			want:  []string{"acme signature"},
		},
		{
			rule:  "hookline-refunds",
			raise: []string{fmt.Sprintf(sells, "sale", "usual", 5, 140), fmt.Sprintf(sells, "sale", "now", 0, 30), fmt.Sprintf(sells, "refund", "now", 0, 20)},
			end:   []string{fmt.Sprintf(sells, "sale", "more", 0, 900)},
			want:  []string{"acme"},
		},
	} {
		rule, ok := all[test.rule]
		if !ok {
			t.Fatalf("there is no rule %s", test.rule)
		}
		delete(all, test.rule)
		is := func(want []string) {
			t.Helper()
			testkit.Eventually(t, time.Minute, func() error {
				if got := firing(t, engine, rule); !slices.Equal(got, want) {
					return fmt.Errorf("%s fires for %q, want %q", test.rule, got, want)
				}
				return nil
			})
		}
		is([]string{})
		for _, sql := range test.raise {
			ask(t, server, sql)
		}
		is(test.want)
		for _, sql := range test.end {
			ask(t, server, sql)
		}
		is([]string{})
	}
	source := all["hookline-source-clickhouse"]
	delete(all, "hookline-source-clickhouse")
	if got := firing(t, engine, source); len(got) > 0 {
		t.Errorf("the rule about ClickHouse fires for %q while ClickHouse answers", got)
	}
	ask(t, server, `DROP VIEW rollup_state`)
	if frame, err := engine.Query(t.Context(), source.sql); err == nil {
		t.Errorf("the rule about ClickHouse does not miss a view that another rule reads: %v", frame)
	}
	if len(all) > 0 {
		t.Errorf("rules without a test: %v", all)
	}
}

// While ClickHouse is away, one rule fires: that it is away. A new database has nothing to report. The others stay as they
// were, firing or not.
func TestAlertRulesWithoutClickHouse(t *testing.T) {
	t.Parallel()
	server := prepared.Engine(t)
	store(t, server, nil)
	engine, err := Open(server.DSN + "/hookline")
	if err != nil {
		t.Fatal(err)
	}
	states := func(before string) map[string]string {
		out := map[string]string{}
		for uid, rule := range rules(t) {
			frame, err := engine.Query(t.Context(), rule.sql)
			var fires []string
			if err == nil {
				fires = firing(t, engine, rule)
			}
			out[uid] = rule.after(before, fires, frame.rows(), err)
		}
		return out
	}
	for uid, state := range states("Normal") {
		if state != "Normal" {
			t.Errorf("%s is %s in a new database", uid, state)
		}
	}
	server.Kill()
	for _, before := range []string{"Normal", "Alerting"} {
		for uid, state := range states(before) {
			want := before
			if uid == "hookline-source-clickhouse" {
				want = "Alerting"
			}
			if state != want {
				t.Errorf("%s was %s and is %s while ClickHouse is away, want %s", uid, before, state, want)
			}
		}
	}
}
