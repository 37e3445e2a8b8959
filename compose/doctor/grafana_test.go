package doctor_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/hookline-io/hookline/compose/doctor"
	"github.com/hookline-io/hookline/dashboards"
	"github.com/hookline-io/hookline/internal/secret"
)

// grafana stands in for Grafana, with the answers of 12.3 to these questions.
func grafana(t *testing.T, answers map[string]string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/api/health" && r.Header.Get("Authorization") != "Bearer right" {
			http.Error(w, `{"message":"Invalid API key"}`, http.StatusUnauthorized)
			return
		}
		answer, ok := answers[strings.TrimPrefix(r.URL.Path, "/api/")]
		switch {
		case !ok:
			http.Error(w, `{"message":"not found"}`, http.StatusNotFound)
		case answer == "403":
			http.Error(w, `{"message":"Permissions needed"}`, http.StatusForbidden)
		case strings.HasPrefix(answer, "!"):
			http.Error(w, answer[1:], http.StatusBadRequest)
		default:
			fmt.Fprint(w, answer)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestGrafana(t *testing.T) {
	t.Setenv("HOOKLINE_TEST_TOKEN", "right")
	t.Setenv("HOOKLINE_TEST_WRONG", "wrong")
	source := "datasources/uid/" + dashboards.ClickHouseUID
	good := func(change map[string]string) map[string]string {
		answers := map[string]string{
			"health":           `{"database":"ok","version":"12.3.3"}`,
			source:             `{"type":"` + dashboards.ClickHouseType + `"}`,
			source + "/health": `{"status":"OK","message":"Data source is working"}`,
		}
		for _, uid := range dashboards.UIDs() {
			answers["dashboards/uid/"+uid] = `{"dashboard":{}}`
		}
		var rules []string
		for _, uid := range dashboards.RuleUIDs() {
			rules = append(rules, fmt.Sprintf(`{"uid":%q}`, uid))
		}
		answers["v1/provisioning/alert-rules"] = "[" + strings.Join(rules, ",") + "]"
		answers["v1/provisioning/contact-points"] = `[{"name":"hookline"}]`
		for path, answer := range change {
			if answers[path] = answer; answer == "" {
				delete(answers, path)
			}
		}
		return answers
	}
	for _, test := range []struct {
		name  string
		url   string
		token secret.Ref
		want  []want
	}{
		{"nothing", grafana(t, good(nil)), "env:HOOKLINE_TEST_TOKEN", nil},
		{"no token", grafana(t, good(nil)), "", nil},
		{"no Grafana", "http://127.0.0.1:1", "", []want{{"grafana", doctor.Failed, "refused", "--grafana-url"}}},
		{"no address", "grafana:3000", "", []want{{"grafana", doctor.Failed, "no address", "http://host"}}},
		{"not Grafana", grafana(t, map[string]string{"health": "<html>"}), "", []want{{"grafana", doctor.Failed, "not Grafana's answer", "--grafana-url"}}},
		{"its database", grafana(t, good(map[string]string{"health": `{"database":"failing"}`})), "", []want{{"grafana", doctor.Failed, "failing", "logs"}}},
		{"wrong token", grafana(t, good(nil)), "env:HOOKLINE_TEST_WRONG", []want{{"grafana's data source", doctor.Failed, "token", "--grafana-token"}}},
		{"token not there", grafana(t, good(nil)), "env:HOOKLINE_TEST_NOT_SET", []want{{"grafana", doctor.Failed, "is not set", "--grafana-token"}}},
		{"no data source", grafana(t, good(map[string]string{source: ""})), "env:HOOKLINE_TEST_TOKEN",
			[]want{{"grafana's data source", doctor.Failed, dashboards.ClickHouseUID, "Provision"}}},
		{"another plugin", grafana(t, good(map[string]string{source: `{"type":"vertamedia-clickhouse-datasource"}`})), "env:HOOKLINE_TEST_TOKEN",
			[]want{{"grafana's data source", doctor.Failed, "vertamedia", "Install the plugin"}}},
		{"a data source that fails", grafana(t, good(map[string]string{source + "/health": `!{"message":"dial tcp: connection refused"}`})), "env:HOOKLINE_TEST_TOKEN",
			[]want{{"grafana's data source", doctor.Failed, "connection refused", "password of the data source"}}},
		{"no board", grafana(t, good(map[string]string{"dashboards/uid/" + dashboards.SalesUID: ""})), "env:HOOKLINE_TEST_TOKEN",
			[]want{{"grafana's boards", doctor.Failed, dashboards.SalesUID, "hookline dashboards push"}}},
		{"no rules", grafana(t, good(map[string]string{"v1/provisioning/alert-rules": "[]"})), "env:HOOKLINE_TEST_TOKEN",
			[]want{{"grafana's alert rules", doctor.Failed, "hookline-dead-letters", "hookline dashboards push"}}},
		{"a Viewer's token", grafana(t, good(map[string]string{"v1/provisioning/alert-rules": "403", "v1/provisioning/contact-points": "403"})), "env:HOOKLINE_TEST_TOKEN", nil},
		{"no contact point", grafana(t, good(map[string]string{"v1/provisioning/contact-points": "[]"})), "env:HOOKLINE_TEST_TOKEN", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			report := doctor.Run(t.Context(), discard(), doctor.Options{
				Skip: []string{"kafka", "clickhouse", "vendors"}, Timeout: 5 * time.Second,
				Grafana: doctor.GrafanaOptions{URL: test.url, Token: test.token},
			})
			judge(t, report, test.want)
		})
	}
}
