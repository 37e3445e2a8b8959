package dashboards

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/grafana/grafana-foundation-sdk/go/alerting"
)

func TestAlertRules(t *testing.T) {
	raw, err := Alerting()
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Groups []struct{ Rules []json.RawMessage }
	}
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	register()
	uids := map[string]bool{}
	for _, text := range file.Groups[0].Rules {
		var rule alerting.Rule
		if err := rule.UnmarshalJSONStrict(text); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		if uids[*rule.Uid] {
			t.Errorf("two rules have the UID %s", *rule.Uid)
		}
		uids[*rule.Uid] = true
		if len(rule.Data) != 2 || rule.Condition != *rule.Data[1].RefId || len(rule.Annotations["summary"]) < len("what to do") {
			t.Errorf("%s: %d queries, condition %s, summary %q", *rule.Uid, len(rule.Data), rule.Condition, rule.Annotations["summary"])
		}
		if kind, source := rule.Data[0].Model.DataqueryType(), *rule.Data[0].DatasourceUid; (kind == ClickHouseType) != (source == ClickHouseUID) {
			t.Errorf("%s: a query of type %s for %s", *rule.Uid, kind, source)
		}
		if rule.Labels["severity"] != critical && rule.Labels["severity"] != warning {
			t.Errorf("%s: severity %q", *rule.Uid, rule.Labels["severity"])
		}
		if strings.Contains(string(text), "$") {
			t.Errorf("%s: Grafana would replace what follows the $ in %s", *rule.Uid, text)
		}
	}
	if len(uids) != len(alerts()) {
		t.Errorf("%d rules, want %d", len(uids), len(alerts()))
	}
}

// A summary may only name labels that the rule's query answers.
func TestAlertSummariesNameLabelsThatExist(t *testing.T) {
	label := regexp.MustCompile(`\.Labels\.(\w+)`)
	for _, a := range alerts() {
		for _, match := range label.FindAllStringSubmatch(a.summary, -1) {
			answered := strings.Contains(a.prom, "by ("+match[1]+")") || regexp.MustCompile(`(?s)^SELECT [^;]*\b`+match[1]+`\b.*FROM`).MatchString(a.sql)
			if !answered {
				t.Errorf("%s: no label %s", a.uid, match[1])
			}
		}
	}
}

// The rule about ClickHouse fails where any of the other rules would.
func TestTheSourceRuleReadsWhatRulesRead(t *testing.T) {
	relation := regexp.MustCompile(`hookline\.(\w+)`)
	for _, a := range dataAlerts() {
		for _, match := range relation.FindAllStringSubmatch(a.sql, -1) {
			if !strings.Contains(readable, "FROM "+match[0]+" ") {
				t.Errorf("%s reads %s, which the rule about ClickHouse does not", a.uid, match[0])
			}
		}
	}
}
