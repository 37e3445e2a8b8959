package dashboards

import (
	"encoding/json"
	"fmt"

	"github.com/grafana/grafana-foundation-sdk/go/alerting"
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/cog/variants"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/expr"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
)

// AlertingFile is the name of the file that Alerting's content goes into.
const AlertingFile = "hookline.json"

// The names of what Grafana keeps the alert rules in and whom it tells.
const (
	alertFolder   = "hookline"
	contactPoint  = "hookline"
	expressionUID = "__expr__" // Grafana's name for its own expressions as a data source
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
			summary: "Records in Kafka are missing from the ledger: run `hookline audit`. Nothing is lost while Kafka still holds them.",
			sql:     `SELECT toFloat64(sum(offsets)) AS value FROM hookline.unaccounted`,
		},
		{
			uid: "hookline-dead-letters", title: "Dead letters", severity: critical, wait: "0s",
			summary: "Events of {{ .Labels.vendor }} could not be stored or acted on: see the board Pipeline, mend the cause, then run `hookline dlq redrive`.",
			sql:     `SELECT vendor, toFloat64(count()) AS value FROM hookline.dead_letters FINAL WHERE state = 'dead' GROUP BY vendor`,
		},
		{
			uid: "hookline-holding", title: "Processor holds", severity: critical, wait: "5m",
			summary: "A store does not take what the processor has, so nothing is dequeued and the charts stand still: look at ClickHouse and at the processor's log.",
			prom:    `max(hookline_processor_holding)`,
		},
		{
			uid: "hookline-lag-growing", title: "Backlog grows", severity: warning, wait: "15m", above: backlog,
			summary: "More comes in than is stored: the backlog of {{ .Labels.topic }} has grown for a quarter of an hour. Add a processor, or look at ClickHouse.",
			prom:    `sum by (topic) (hookline_processor_lag_records) and deriv(sum by (topic) (hookline_processor_lag_records)[15m:1m]) > 0`,
		},
		{
			uid: "hookline-rollup-stale", title: "Figures are stale", severity: warning, wait: "5m", above: 60,
			summary: "Sales are stored that the charts do not show for more than a minute: look at the refresh of sales_rollup in system.view_refreshes.",
			sql:     `SELECT toFloat64(behind) AS value FROM hookline.rollup_state`,
		},
		{
			uid: "hookline-vendor-silent", title: "Vendor is silent", severity: warning, wait: "0s", above: 1,
			summary: "Nothing came from {{ .Labels.vendor }} for more than twice its usual longest pause: ask whether they still send, and look at refused deliveries.",
			sql:     vendorSilent,
		},
		{
			uid: "hookline-refusals", title: "Many refused deliveries", severity: warning, wait: "0s", above: 1,
			summary: "Deliveries of {{ .Labels.vendor }} are refused ({{ .Labels.reason }}) far more often than usual: a rotated secret, a changed format, or someone who tries the door.",
			sql:     refusalSpike,
		},
		{
			uid: "hookline-refunds", title: "Many refunds", severity: warning, wait: "0s", above: 1,
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

// provisioning is the file that Grafana's provisioning of alerting reads.
type provisioning struct {
	APIVersion    int            `json:"apiVersion"`
	Groups        []ruleGroup    `json:"groups"`
	ContactPoints []contacts     `json:"contactPoints"`
	Policies      []alertsPolicy `json:"policies"`
}

type ruleGroup struct {
	OrgID    int64           `json:"orgId"`
	Name     string          `json:"name"`
	Folder   string          `json:"folder"`
	Interval string          `json:"interval"`
	Rules    []alerting.Rule `json:"rules"`
}

type contacts struct {
	OrgID     int64      `json:"orgId"`
	Name      string     `json:"name"`
	Receivers []receiver `json:"receivers"`
}

type receiver struct {
	UID      string            `json:"uid"`
	Type     string            `json:"type"`
	Settings map[string]string `json:"settings"`
}

type alertsPolicy struct {
	OrgID    int64    `json:"orgId"`
	Receiver string   `json:"receiver"`
	GroupBy  []string `json:"group_by"`
	Repeat   string   `json:"repeat_interval"`
}

// Alerting returns the file that provisions Grafana's alert rules, whom they tell and how often. The address
// is HOOKLINE_ALERT_EMAIL in Grafana's environment.
func Alerting() ([]byte, error) {
	const org = 1
	file := provisioning{
		APIVersion: 1,
		Groups:     []ruleGroup{{OrgID: org, Name: "hookline", Folder: alertFolder, Interval: "1m"}},
		ContactPoints: []contacts{{OrgID: org, Name: contactPoint, Receivers: []receiver{
			{UID: "hookline-email", Type: "email", Settings: map[string]string{"addresses": "$HOOKLINE_ALERT_EMAIL"}},
		}}},
		Policies: []alertsPolicy{{OrgID: org, Receiver: contactPoint, GroupBy: []string{"alertname", "vendor"}, Repeat: "4h"}},
	}
	for _, a := range alerts() {
		rule, err := a.rule(org)
		if err != nil {
			return nil, fmt.Errorf("alert rule %s: %w", a.uid, err)
		}
		file.Groups[0].Rules = append(file.Groups[0].Rules, rule)
	}
	raw, err := json.MarshalIndent(file, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("alert rules: %w", err)
	}
	return append(raw, '\n'), nil
}

// rule asks the question as A and compares its answers with the threshold as B.
func (a alert) rule(org int64) (alerting.Rule, error) {
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
	return alerting.NewRuleBuilder(a.title).Uid(a.uid).OrgID(org).FolderUID(alertFolder).RuleGroup("hookline").
		WithQuery(question).
		WithQuery(alerting.NewQueryBuilder("B").RelativeTimeRange(600, 0).DatasourceUid(expressionUID).Model(built{threshold})).
		Condition("B").For(a.wait).
		NoDataState(alerting.RuleNoDataStateOK).ExecErrState(alerting.RuleExecErrStateError).
		Annotations(map[string]string{"summary": a.summary}).
		Labels(map[string]string{"severity": a.severity, "service": "hookline"}).
		Build()
}

// built is a query that needs no building.
type built struct{ query variants.Dataquery }

// Build implements cog.Builder.
func (b built) Build() (variants.Dataquery, error) { return b.query, nil }
