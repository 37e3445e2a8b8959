package dashboards

import (
	"fmt"
	"strconv"

	"github.com/grafana/grafana-foundation-sdk/go/alerting"
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/cog/variants"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/expr"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
)

const (
	ruleGroup     = "hookline"
	expressionUID = "__expr__" // Grafana's name for its own expressions as a data source

	// The label that all of hookline's alerts have, by which their notification policy finds them.
	serviceLabel, service = "service", "hookline"
)

// How urgent an alert is.
const (
	critical = "critical" // data or money is at stake now
	warning  = "warning"  // look at it today
)

// runbook is where operators read what an alert means and what to do; the alert's UID is the anchor.
const runbook = "https://github.com/hookline-io/hookline/blob/main/docs/operating.md#"

// alert is one rule: the query answers one number for each thing that it watches, distinguished by the query's
// text columns or labels, and fires for each number above the threshold.
//
// Grafana replaces $NAME in provisioning files by the environment, so neither queries nor texts hold a $.
type alert struct {
	uid, title string
	summary    string // what happened and what to do; a Go template over .Labels, which may be missing
	severity   string
	sql, prom  string // one of them
	above      float64
	wait       string // how long it must last
	board      string // where to look: the UID of a board and the ID of one of its panels
	panel      uint32
	source     bool // watches the data source itself: an error or no answer raises it
}

// Bounds of the rules.
const (
	usualRefusals   = 10   // in a quarter of an hour: fewer are no spike, whatever is usual
	usualRefundRate = 0.05 // likewise, of sales
	fewSales        = 20   // a day: below, a rate says nothing
	fewEvents       = 5    // that count for nothing: fewer may be pings and tests
	backlog         = 1000 // records not read yet that are worth a look when they grow
)

func alerts() []alert { return append(dataAlerts(), sourceAlerts()...) }

// RuleUIDs lists the UIDs of all alert rules.
func RuleUIDs() []string {
	all := alerts()
	uids := make([]string, 0, len(all))
	for _, a := range all {
		uids = append(uids, a.uid)
	}
	return uids
}

// dataAlerts watch what the data says. Where the data source fails, each of them stays as it was: one of
// sourceAlerts reports the failure.
func dataAlerts() []alert {
	return []alert{
		{
			uid: "hookline-unaccounted", title: "Records unaccounted for", severity: critical, wait: "10m",
			board: PipelineUID, panel: 1,
			summary: "Records in Kafka are missing from the ledger: run `hookline audit`. Nothing is lost while Kafka still holds them.",
			sql:     `SELECT toFloat64(sum(offsets)) AS value FROM hookline.unaccounted`,
		},
		{
			uid: "hookline-dead-letters", title: "Dead letters", severity: critical, wait: "1m",
			board: PipelineUID, panel: 16,
			summary: `{{ if .Labels.vendor }}Events of {{ .Labels.vendor }}{{ else }}Events{{ end }} could not be stored or acted on. ` +
				"See the list on the board Pipeline, fix the cause, then run `hookline dlq redrive`.",
			sql: `SELECT vendor, toFloat64(count()) AS value FROM hookline.dead_letters FINAL WHERE state = 'dead' GROUP BY vendor`,
		},
		{
			uid: "hookline-retrying", title: "Processor is retrying", severity: critical, wait: "5m",
			board: PipelineUID, panel: 13,
			summary: "A store does not accept what the processor has, so nothing is consumed and the charts stand still. Look at ClickHouse and at the processor's log.",
			prom:    `max(hookline_processor_retrying or hookline_actions_retrying)`,
		},
		{
			uid: "hookline-lag-growing", title: "Backlog grows", severity: warning, wait: "15m", above: backlog,
			board: PipelineUID, panel: 10,
			summary: "More arrives than is stored: the backlog{{ if .Labels.topic }} of {{ .Labels.topic }}{{ end }} has grown for a quarter of an hour. Add a processor, or look at ClickHouse.",
			prom:    `sum by (topic) (hookline_processor_lag_records) and deriv(sum by (topic) (hookline_processor_lag_records)[15m:1m]) > 0`,
		},
		{
			uid: "hookline-rollup-stale", title: "Figures are stale", severity: warning, wait: "5m", above: 60,
			board: PipelineUID, panel: 3,
			summary: "The charts have lacked stored sales for more than a minute. Look at the refresh of sales_rollup in system.view_refreshes.",
			sql:     `SELECT toFloat64(behind) AS value FROM hookline.rollup_state`,
		},
		{
			uid: "hookline-vendor-silent", title: "Vendor is silent", severity: warning, wait: "30m", above: 1,
			board: VendorsUID, panel: 1,
			summary: "Nothing came from {{ if .Labels.vendor }}{{ .Labels.vendor }}{{ else }}a vendor{{ end }} for more than twice its usual longest pause. " +
				"Ask whether they still send, and look at refused deliveries.",
			sql: vendorSilent,
		},
		{
			uid: "hookline-refusals", title: "Many refused deliveries", severity: warning, wait: "2m", above: 1,
			board: PipelineUID, panel: 6,
			summary: "Deliveries{{ if .Labels.vendor }} of {{ .Labels.vendor }}{{ end }} are refused{{ if .Labels.reason }} ({{ .Labels.reason }}){{ end }} far more often than usual. " +
				"Causes are a rotated secret, a changed format, or an attacker.",
			sql: refusalSpike,
		},
		{
			uid: "hookline-refunds", title: "Many refunds", severity: warning, wait: "15m", above: 1,
			board: VendorsUID, panel: 4,
			summary: "{{ if .Labels.vendor }}{{ .Labels.vendor }}{{ else }}A vendor{{ end }} refunds far more of its sales than usual. Ask the vendor why, or check how its refunds are mapped.",
			sql:     refundSpike,
		},
		{
			uid: "hookline-counts-nothing", title: "Events count for nothing", severity: warning, wait: "30m", above: fewEvents,
			board: VendorsUID, panel: 9,
			summary: "Events of {{ if .Labels.vendor }}{{ .Labels.vendor }}{{ else }}a vendor{{ end }} have come for a day and none of them counts, though its configuration counts money. " +
				"Look at their types, and at a body with `hookline vendor check`.",
			prom: `sum by (vendor) (increase(hookline_processor_mapped_events_total{result!="counted"}[1d]))` +
				` unless on (vendor) (sum by (vendor) (increase(hookline_processor_mapped_events_total{result="counted"}[1d])) > 0)`,
		},
		{
			uid: "hookline-no-type", title: "Events without a type", severity: warning, wait: "15m", above: fewEvents,
			board: VendorsUID, panel: 9,
			summary: "Events of {{ if .Labels.vendor }}{{ .Labels.vendor }}{{ else }}a vendor{{ end }} have no type where events.type looks for it, so that no rule for their money is found. " +
				"Look at a body with `hookline vendor check`.",
			prom: `sum by (vendor) (increase(hookline_processor_mapped_events_total{result="no_type"}[1h]))`,
		},
	}
}

// sourceAlerts report a data source that fails, each once for all rules that ask it. The value is always 0.
func sourceAlerts() []alert {
	return []alert{
		{
			uid: "hookline-source-clickhouse", title: "ClickHouse does not answer Grafana", severity: warning, wait: "5m", source: true,
			board: SalesUID, panel: 5,
			summary: "Grafana gets no answer from ClickHouse, so boards are empty and rules that ask it stay as they were. Run `hookline doctor` with Grafana's ClickHouse user.",
			sql:     readable,
		},
		{
			uid: "hookline-source-prometheus", title: "Prometheus does not answer Grafana", severity: warning, wait: "5m", source: true,
			board: PipelineUID, panel: 13,
			summary: "Grafana gets no answer from Prometheus, so half of the board Pipeline is empty and rules that ask it stay as they were. Look at Prometheus and at the data source's address.",
			prom:    `vector(0)`,
		},
	}
}

// readable fails unless ClickHouse answers and lets its user read all that the rules read. It reads no rows.
const readable = `SELECT toFloat64(count()) AS value
FROM (
    SELECT 1 FROM hookline.unaccounted WHERE 0
    UNION ALL SELECT 1 FROM hookline.dead_letters WHERE 0
    UNION ALL SELECT 1 FROM hookline.rollup_state WHERE 0
    UNION ALL SELECT 1 FROM hookline.events WHERE 0
    UNION ALL SELECT 1 FROM hookline.rejections WHERE 0
    UNION ALL SELECT 1 FROM hookline.sales_daily WHERE 0
    UNION ALL SELECT 1 FROM hookline.reporting_zones WHERE 0
)`

// vendorSilent measures a vendor's pause against its own rhythm of the last 30 days, in whole hours: 1 is
// twice the pause that 99 of 100 of its pauses do not exceed, and an hour. A vendor of a few hours only has
// no rhythm yet, and one that has been silent for a week longer than that is gone: people know by then.
const vendorSilent = `SELECT vendor, toFloat64(dateDiff('hour', max(hour), now())) / (2 * quantileExact(0.99)(pause) + 1) AS value
FROM (
    SELECT vendor, hour, dateDiff('hour', lagInFrame(hour, 1, hour) OVER (PARTITION BY vendor ORDER BY hour ROWS BETWEEN 1 PRECEDING AND CURRENT ROW), hour) AS pause
    FROM (
        SELECT DISTINCT vendor, toStartOfHour(received_at) AS hour
        FROM hookline.events
        WHERE received_at > now() - INTERVAL 30 DAY AND (source_month = 0 OR source_month >= toYYYYMM(now() - INTERVAL 60 DAY))
    )
)
GROUP BY vendor
HAVING count() >= 10 AND dateDiff('hour', max(hour), now()) - 2 * quantileExact(0.99)(pause) <= 7 * 24`

// refusalSpike is how often the refusals of the last quarter of an hour exceed five times the day's average.
var refusalSpike = fmt.Sprintf(`SELECT if(vendor = '', 'unknown vendors', vendor) AS vendor, reason,
    toFloat64(sumIf(count, minute > now() - INTERVAL 15 MINUTE)) / greatest(%d, 5 * sumIf(count, minute <= now() - INTERVAL 15 MINUTE) / 96) AS value
FROM hookline.rejections FINAL
WHERE minute > now() - INTERVAL 1 DAY
GROUP BY vendor, reason`, usualRefusals)

// refundSpike is how often the refund rate of the last day exceeds three times that of the month before it.
var refundSpike = fmt.Sprintf(`SELECT vendor,
    sumIf(refund_count, day >= today() - 1) / sumIf(orders, day >= today() - 1) / greatest(%g, 3 * sumIf(refund_count, day < today() - 1) / sumIf(orders, day < today() - 1)) AS value
FROM hookline.sales_daily
WHERE zone = (SELECT min(zone) FROM hookline.reporting_zones) AND NOT undated AND day >= today() - 31
GROUP BY vendor
HAVING sumIf(orders, day >= today() - 1) >= %d AND sumIf(orders, day < today() - 1) > 0`, usualRefundRate, fewSales)

// rules returns all alert rules, for a folder.
func rules(folderUID string) ([]alerting.Rule, error) {
	all := alerts()
	out := make([]alerting.Rule, 0, len(all))
	for _, a := range all {
		rule, err := a.rule(folderUID)
		if err != nil {
			return nil, fmt.Errorf("alert rule %s: %w", a.uid, err)
		}
		out = append(out, rule)
	}
	return out, nil
}

// rule asks the question as A and compares its answers with the threshold as B.
func (a alert) rule(folderUID string) (alerting.Rule, error) {
	question := alerting.NewQueryBuilder("A").RelativeTimeRange(600, 0)
	if a.sql != "" {
		question.DatasourceUid(ClickHouseUID).Model(built{NewTarget("A", TableQuery, a.sql)})
	} else {
		question.DatasourceUid(PrometheusUID).
			Model(prometheus.NewDataqueryBuilder().RefId("A").Datasource(prometheusSource()).Expr(a.prom).Instant())
	}
	over := expr.ExprTypeThresholdConditions{Evaluator: expr.ExprTypeThresholdConditionsEvaluator{
		Type: expr.ExprTypeThresholdConditionsEvaluatorTypeGt, Params: []float64{a.above},
	}}
	threshold := expr.TypeThreshold{
		Type: "threshold", RefId: cog.ToPtr("B"), Expression: "A", Conditions: []expr.ExprTypeThresholdConditions{over},
		Datasource: &common.DataSourceRef{Type: cog.ToPtr(expressionUID), Uid: cog.ToPtr(expressionUID)},
	}
	// A rule about the data does not fire for want of data: see sourceAlerts.
	noData, failed := alerting.RuleNoDataStateOK, alerting.RuleExecErrStateKeepLast
	if a.source {
		noData, failed = alerting.RuleNoDataStateAlerting, alerting.RuleExecErrStateAlerting
	}
	return alerting.NewRuleBuilder(a.title).Uid(a.uid).OrgID(mainOrg).FolderUID(folderUID).RuleGroup(ruleGroup).
		WithQuery(question).
		WithQuery(alerting.NewQueryBuilder("B").RelativeTimeRange(600, 0).DatasourceUid(expressionUID).Model(built{threshold})).
		Condition("B").For(a.wait).
		NoDataState(noData).ExecErrState(failed).
		Annotations(map[string]string{
			"summary":          a.summary,
			"runbook_url":      runbook + a.uid,
			"__dashboardUid__": a.board, "__panelId__": strconv.Itoa(int(a.panel)), // Grafana's names for where to look
		}).
		Labels(map[string]string{"severity": a.severity, serviceLabel: service}).
		Build()
}

// built is a query that needs no building.
type built struct{ query variants.Dataquery }

// Build implements cog.Builder.
func (b built) Build() (variants.Dataquery, error) { return b.query, nil }
