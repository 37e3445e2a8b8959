package lint

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var (
	boardsDir    = flag.String("boards", "../generated", "folder with the JSON of boards to check")
	alertingFile = flag.String("alerting", "../../compose/grafana/provisioning/alerting/hookline.json", "file with alert rules to check")
)

// read reads the boards to check.
func read(t *testing.T) map[string][]byte {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(*boardsDir, "*.json"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no boards in %s: %v", *boardsDir, err)
	}
	files := map[string][]byte{}
	for _, path := range paths {
		if files[filepath.Base(path)], err = os.ReadFile(path); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

func TestGenerated(t *testing.T) {
	faults, err := Boards(read(t))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(*alertingFile)
	if err != nil {
		t.Fatal(err)
	}
	more, err := Alerting(raw)
	if err != nil {
		t.Fatal(err)
	}
	for _, fault := range append(faults, more...) {
		t.Error(fault)
	}
}

// sound is a panel of a kind without a fault.
func sound(kind, more string) string {
	return fmt.Sprintf(`{"type": %q, "title": "Sales", "description": "What was sold.", "gridPos": {"w": 12, "h": 8}, "targets": [{"expr": "up"}], %s}`, kind, more)
}

// Each rule finds its fault, and does not find it where it is fixed.
func TestEachRuleFindsItsFault(t *testing.T) {
	const (
		bars  = `"options": {"xTickLabelMaxLength": 12}, "fieldConfig": {"defaults": {"unit": "none", "noValue": "No sales", "custom": {"axisSoftMax": 1}}, "overrides": [%s]}`
		blank = `{"matcher": {"id": "byType", "options": "string"}, "properties": [{"id": "noValue", "value": ""}]}, {"matcher": {"id": "byType", "options": "time"}, "properties": [{"id": "noValue", "value": ""}]}`
		table = `"targets": [{"rawSql": "SELECT a AS \"%s\", b AS \"Month\""}], "fieldConfig": {"defaults": {"unit": %q, "custom": {"minWidth": %d}}, "overrides": [%s]}`
		query = `"targets": [{%s}], "fieldConfig": {"defaults": {"unit": "none", "custom": {"axisSoftMax": 1, "drawStyle": "bars"}}}, "options": {"xTickLabelMaxLength": 12, "xField": "Day"}`
		stat  = `"options": {"graphMode": %q}, "fieldConfig": {"defaults": {"unit": "none", "color": {"mode": "thresholds"}, "thresholds": {"steps": [{"value": null, "color": %q}]}}}`
		wrap  = `{"matcher": {"id": "byName", "options": "Error"}, "properties": [{"id": "custom.cellOptions", "value": {"wrapText": true}}, {"id": "custom.inspect", "value": true}]}`
	)
	series := func(order, limit string) string {
		return sound("barchart", fmt.Sprintf(`"transformations": [{"id": "groupingToMatrix", "options": {"columnField": "Vendor"}}], `+query,
			`"rawSql": "WITH shown AS (SELECT vendor FROM s GROUP BY vendor ORDER BY sum(net) DESC LIMIT `+limit+`) SELECT 1 ORDER BY at, `+order+`"`))
	}
	for _, test := range []struct {
		rule          string
		broken, fixed string // a panel, or what a board has beside its panels
	}{
		{"description", strings.Replace(sound("text", `"options": {}`), "What was sold.", "", 1), sound("text", `"options": {}`)},
		{"unit", sound("stat", `"options": {"graphMode": "none"}`), sound("stat", fmt.Sprintf(stat, "none", "green"))},
		{"query", strings.Replace(sound("stat", fmt.Sprintf(stat, "none", "green")), `{"expr": "up"}`, "", 1), sound("stat", fmt.Sprintf(stat, "none", "green"))},
		{"rate interval", sound("timeseries", fmt.Sprintf(query, `"expr": "rate(a_total[5m])"`)), sound("timeseries", fmt.Sprintf(query, `"expr": "rate(a_total[$__rate_interval])"`))},
		{"counter", sound("timeseries", fmt.Sprintf(query, `"expr": "sum(a_total)"`)), sound("timeseries", fmt.Sprintf(query, `"expr": "sum(rate(a_total[$__rate_interval]))"`))},
		{"title width", strings.Replace(sound("text", `"gridPos": {"w": 4, "h": 4}`), `"Sales"`, `"Growth on last month"`, 1), sound("text", `"gridPos": {"w": 4, "h": 4}`)},
		{"tick labels", sound("barchart", fmt.Sprintf(bars, "")), sound("barchart", fmt.Sprintf(bars, blank))},
		{"column widths", sound("table", fmt.Sprintf(table, "Vendor", "none", 300, "")), sound("table", fmt.Sprintf(table, "Vendor", "none", 90, ""))},
		{"long texts", sound("table", fmt.Sprintf(table, "Error", "none", 90, "")), sound("table", fmt.Sprintf(table, "Error", "none", 90, wrap))},
		{"sparkline", sound("stat", fmt.Sprintf(stat, "area", "green")), sound("stat", fmt.Sprintf(stat, "none", "green"))},
		{"bar gauge", sound("bargauge", `"fieldConfig": {"defaults": {"unit": "none"}}`), sound("bargauge", `"fieldConfig": {"defaults": {"unit": "none"}}, "options": {"text": {"titleSize": 14}}`)},
		{"empty cells", sound("table", strings.Replace(fmt.Sprintf(table, "Vendor", "none", 90, blank), `"unit"`, `"noValue": "Nothing", "unit"`, 1)), sound("table", fmt.Sprintf(table, "Vendor", "none", 90, ""))},
		{"empty colour", sound("stat", fmt.Sprintf(stat, "none", "red")), sound("stat", fmt.Sprintf(stat, "none", "text"))},
		{"empty trend", sound("trend", fmt.Sprintf(query, `"rawSql": "SELECT 1"`)), sound("trend", fmt.Sprintf(query, `"rawSql": "SELECT 1 UNION ALL SELECT 0"`))},
		{"zero axis", sound("timeseries", `"fieldConfig": {"defaults": {"unit": "none"}}`), sound("timeseries", fmt.Sprintf(query, ""))},
		{"cut bars", sound("timeseries", fmt.Sprintf(query, `"rawSql": "SELECT toMonday(day)"`)), sound("timeseries", fmt.Sprintf(query, `"rawSql": "SELECT day"`))},
		{"equal periods", sound("barchart", fmt.Sprintf(query, `"rawSql": "SELECT ', the year before'"`)), sound("barchart", fmt.Sprintf(query, `"rawSql": "SELECT ', the year before', addYears(last_day, -1)"`))},
		{"exported numbers", sound("table", fmt.Sprintf(table, "Vendor", "locale", 90, "")), sound("table", fmt.Sprintf(table, "Vendor", "none", 90, ""))},
		{"vendor order", series("place", "3"), series("name", "3")},
		{"vendor order", series("name", "3") + ", " + series("name", "4"), series("name", "3") + ", " + series("name", "3")},
		{"screenful", strings.Repeat(sound("text", `"gridPos": {"w": 12, "h": 4}`)+", ", 10) + sound("text", `"gridPos": {"w": 12, "h": 4}`), sound("text", `"gridPos": {"w": 12, "h": 4}`)},
		{"editable", `"editable": true`, `"editable": false`},
		{"variables", `"templating": {"list": [{"name": "a", "type": "query", "refresh": 1}]}`, `"templating": {"list": [{"name": "a", "type": "query", "refresh": 2}]}`},
		{"range", `"time": {"from": "now-12M/M", "to": "now"}`, `"time": {"from": "now-12M/M", "to": "now"}, "timepicker": {"quick_ranges": [{"display": "This month and 12 before", "from": "now-12M/M", "to": "now"}]}`},
		{"links", `"links": [{"url": "/d/a?from=2026-01-01&to=now"}]`, `"links": [{"url": "/d/a?from=1767225600000&to=now%2FM"}]`},
	} {
		for text, want := range map[string][]string{test.broken: {test.rule}, test.fixed: nil} {
			if strings.HasPrefix(text, "{") {
				text = `"panels": [` + text + `]`
			}
			faults, err := Boards(map[string][]byte{"a.json": []byte(`{"title": "A", ` + text + `}`)})
			if err != nil {
				t.Fatalf("%s: %v\n%s", test.rule, err, text)
			}
			var found []string
			for _, fault := range faults {
				found = append(found, fault.Rule)
			}
			if !slices.Equal(found, want) {
				t.Errorf("found %v, want %q in %s", faults, want, text)
			}
		}
	}
}

// A rule about data and the rule about its data source are sound; each fault is found.
func TestEachFaultOfAnAlertRuleIsFound(t *testing.T) {
	const (
		source = `{"uid": "s", "for": "5m", "noDataState": "Alerting", "execErrState": "Alerting", "annotations": {"summary": "No answer.", "runbook_url": "r#s", "__dashboardUid__": "b", "__panelId__": "1"}, "data": [{"datasourceUid": "c"}]}`
		rule   = `{"uid": "r", "for": "1m", "noDataState": "OK", "execErrState": "KeepLast", "annotations": {"summary": "Events{{ if .Labels.vendor }} of {{ .Labels.vendor }}{{ end }} failed.", "runbook_url": "r#r", "__dashboardUid__": "b", "__panelId__": "1"}, "data": [{"datasourceUid": "c"}]}`
	)
	check := func(rules string) []Fault {
		t.Helper()
		faults, err := Alerting([]byte(`{"groups": [{"rules": [` + rules + `]}]}`))
		if err != nil {
			t.Fatal(err)
		}
		return faults
	}
	if faults := check(rule + ", " + source); len(faults) > 0 {
		t.Errorf("sound rules: %v", faults)
	}
	for _, change := range [][2]string{
		{`"for": "1m"`, `"for": "0s"`}, {`"OK"`, `"NoData"`}, {`"KeepLast"`, `"Error"`}, {`"r#r"`, `""`}, {`"__panelId__": "1"`, `"__panelId__": ""`},
		{`{{ if .Labels.vendor }} of {{ .Labels.vendor }}{{ end }}`, ` of {{ .Labels.vendor }}`},
	} {
		if faults := check(strings.Replace(rule, change[0], change[1], 1) + ", " + source); len(faults) != 1 {
			t.Errorf("with %s: %v", change[1], faults)
		}
	}
	if faults := check(rule); len(faults) != 1 {
		t.Errorf("without a rule about the data source: %v", faults)
	}
}
