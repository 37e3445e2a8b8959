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

// alert is one rule: the query answers one number for each thing that it watches, told apart by the query's
// text columns or labels, and fires for each number above the threshold.
//
// Grafana replaces $NAME in provisioning files by the environment, so neither queries nor texts hold a $.
type alert struct {
	uid, title string
	summary    string // for whom it wakes: what happened and what to do; a Go template over .Labels
	severity   string
	sql, prom  string // one of them
	above      float64
	wait       string // how long it must last
	board      string // where to look: the UID of a board and the ID of one of its panels
	panel      uint32
}

// Bounds of the rules.
const (
	usualRefusals   = 10   // in a quarter of an hour: fewer are no spike, whatever is usual
	usualRefundRate = 0.05 // likewise, of sales
	fewSales        = 20   // a day: below, a rate says nothing
	backlog         = 1000 // records not read yet that are worth a look when they grow
)

func alerts() []alert {
	return []alert{
		{
			uid: "hookline-unaccounted", title: "Records unaccounted for", severity: critical, wait: "10m",
			board: PipelineUID, panel: 1,
			summary: "Records in Kafka are missing from the ledger: run `hookline audit`. Nothing is lost while Kafka still holds them.",
			sql:     `SELECT toFloat64(sum(offsets)) AS value FROM hookline.unaccounted`,
		},
		{
			uid: "hookline-dead-letters", title: "Dead letters", severity: critical, wait: "0s",
			board: PipelineUID, panel: 16,
			summary: "Events of {{ .Labels.vendor }} could not be stored or acted on: see the board Pipeline, mend the cause, then run `hookline dlq redrive`.",
			sql:     `SELECT vendor, toFloat64(count()) AS value FROM hookline.dead_letters FINAL WHERE state = 'dead' GROUP BY vendor`,
		},
		{
			uid: "hookline-holding", title: "Processor holds", severity: critical, wait: "5m",
			board: PipelineUID, panel: 13,
			summary: "A store does not take what the processor has, so nothing is dequeued and the charts stand still: look at ClickHouse and at the processor's log.",
			prom:    `max(hookline_processor_holding or hookline_actions_holding)`,
		},
		{
			uid: "hookline-lag-growing", title: "Backlog grows", severity: warning, wait: "15m", above: backlog,
			board: PipelineUID, panel: 10,
			summary: "More comes in than is stored: the backlog of {{ .Labels.topic }} has grown for a quarter of an hour. Add a processor, or look at ClickHouse.",
			prom:    `sum by (topic) (hookline_processor_lag_records) and deriv(sum by (topic) (hookline_processor_lag_records)[15m:1m]) > 0`,
		},
		{
			uid: "hookline-rollup-stale", title: "Figures are stale", severity: warning, wait: "5m", above: 60,
			board: PipelineUID, panel: 3,
			summary: "Sales are stored that the charts do not show for more than a minute: look at the refresh of sales_rollup in system.view_refreshes.",
			sql:     `SELECT toFloat64(behind) AS value FROM hookline.rollup_state`,
		},
		{
			uid: "hookline-vendor-silent", title: "Vendor is silent", severity: warning, wait: "0s", above: 1,
			board: VendorsUID, panel: 1,
			summary: "Nothing came from {{ .Labels.vendor }} for more than twice its usual longest pause: ask whether they still send, and look at refused deliveries.",
			sql:     vendorSilent,
		},
		{
			uid: "hookline-refusals", title: "Many refused deliveries", severity: warning, wait: "0s", above: 1,
			board: PipelineUID, panel: 6,
			summary: "Deliveries of {{ .Labels.vendor }} are refused ({{ .Labels.reason }}) far more often than usual: a rotated secret, a changed format, or someone who tries the door.",
			sql:     refusalSpike,
		},
		{
			uid: "hookline-refunds", title: "Many refunds", severity: warning, wait: "0s", above: 1,
			board: VendorsUID, panel: 4,
			summary: "{{ .Labels.vendor }} refunds far more of its sales than it usually does.",
			sql:     refundSpike,
		},
	}
}

// vendorSilent measures a vendor's pause against its own rhythm of the last 30 days, in whole hours: 1 is
// twice the pause that 99 of 100 of its pauses do not exceed, and an hour. A vendor of a few hours only has
// no rhythm yet.
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
HAVING count() >= 10`

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
	return alerting.NewRuleBuilder(a.title).Uid(a.uid).OrgID(mainOrg).FolderUID(folderUID).RuleGroup(ruleGroup).
		WithQuery(question).
		WithQuery(alerting.NewQueryBuilder("B").RelativeTimeRange(600, 0).DatasourceUid(expressionUID).Model(built{threshold})).
		Condition("B").For(a.wait).
		NoDataState(alerting.RuleNoDataStateOK).ExecErrState(alerting.RuleExecErrStateError).
		Annotations(map[string]string{
			"summary":          a.summary,
			"__dashboardUid__": a.board, "__panelId__": strconv.Itoa(int(a.panel)), // Grafana's names for where to look
		}).
		Labels(map[string]string{"severity": a.severity, serviceLabel: service}).
		Build()
}

// built is a query that needs no building.
type built struct{ query variants.Dataquery }

// Build implements cog.Builder.
func (b built) Build() (variants.Dataquery, error) { return b.query, nil }
