package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/hookline-io/hookline/dashboards"
)

// grafana asks Grafana's HTTP API (https://grafana.com/docs/grafana/latest/developer-resources/api-reference/http-api/).
type grafana struct {
	base  *url.URL
	token string
}

func lookAtGrafana(ctx context.Context, _ *slog.Logger, o Options) []Finding {
	const check = "grafana"
	if o.Grafana.URL == "" {
		return nil
	}
	base, err := url.Parse(o.Grafana.URL)
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return []Finding{failed(check, "--grafana-url is no address", "Give http://host or https://host, with port and path where needed.")}
	}
	g := grafana{base: base}
	var health struct{ Version, Database string }
	if _, err := g.get(ctx, &health, "api", "health"); err != nil {
		return []Finding{failed(check, err.Error(), "Check --grafana-url, and that Grafana runs.")}
	}
	if health.Database != "ok" {
		return []Finding{failed(check, fmt.Sprintf("Grafana's own database is %q", health.Database), "See what Grafana logs.")}
	}
	findings := []Finding{ok(check, "Grafana "+health.Version)}
	if o.Grafana.Token == "" {
		return append(findings, unknown(check, "no --grafana-token: data source and boards are not looked at"))
	}
	token, err := o.Grafana.Token.Read()
	if err != nil {
		return append(findings, failed(check, err.Error(), "Put the token where --grafana-token says."))
	}
	g.token = string(token.Reveal())
	source := g.source(ctx)
	findings = append(findings, source)
	if source.Status == Failed && strings.Contains(source.Fix, "--grafana-token") {
		return findings
	}
	return append(findings, g.boards(ctx), g.rules(ctx), g.contact(ctx))
}

// source looks at the data source that every board names, and has Grafana try it.
func (g grafana) source(ctx context.Context) Finding {
	const check = "grafana's data source"
	var source struct{ Type string }
	status, err := g.get(ctx, &source, "api", "datasources", "uid", dashboards.ClickHouseUID)
	switch {
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return failed(check, "Grafana does not accept the token",
			"Make a service account with the role Viewer and put its token where --grafana-token says.")
	case status == http.StatusNotFound:
		return failed(check, "there is no data source with the UID "+dashboards.ClickHouseUID,
			"Provision it from compose/grafana, or give the ClickHouse data source this UID.")
	case err != nil:
		return failed(check, err.Error(), "See what Grafana logs.")
	case source.Type != dashboards.ClickHouseType:
		return failed(check, fmt.Sprintf("it is of the type %s, not %s", source.Type, dashboards.ClickHouseType),
			"Install the plugin "+dashboards.ClickHouseType+" and provision the data source again.")
	}
	var health struct{ Status, Message string }
	if _, err := g.get(ctx, &health, "api", "datasources", "uid", dashboards.ClickHouseUID, "health"); err != nil {
		return failed(check, err.Error(), "Check address, user and password of the data source: Grafana cannot query ClickHouse with them.")
	}
	if health.Status != "" && !strings.EqualFold(health.Status, "ok") {
		return failed(check, health.Message, "Check address, user and password of the data source: Grafana cannot query ClickHouse with them.")
	}
	return ok(check, "Grafana can query ClickHouse")
}

func (g grafana) boards(ctx context.Context) Finding {
	const check = "grafana's boards"
	var missing []string
	for _, uid := range dashboards.UIDs() {
		var board struct{}
		status, err := g.get(ctx, &board, "api", "dashboards", "uid", uid)
		if status == http.StatusNotFound {
			missing = append(missing, uid)
		} else if err != nil {
			return failed(check, err.Error(), "See what Grafana logs.")
		}
	}
	if len(missing) > 0 {
		return failed(check, "missing: "+strings.Join(missing, ", "),
			"Run: "+pushes+". Or have Grafana provision the files of dashboards/generated.")
	}
	return ok(check, fmt.Sprintf("all %d are there", len(dashboards.UIDs())))
}

// pushes is the command that brings a Grafana what it lacks.
const pushes = "hookline dashboards push --grafana-url=… --grafana-token=…"

// rules looks for the alert rules. A token that may not read them is no fault.
func (g grafana) rules(ctx context.Context) Finding {
	const check = "grafana's alert rules"
	var found []struct{ UID string }
	status, err := g.get(ctx, &found, "api", "v1", "provisioning", "alert-rules")
	switch {
	case status == http.StatusForbidden:
		return unknown(check, "the token may not read alert rules: give its service account the role Admin")
	case err != nil:
		return failed(check, err.Error(), "See what Grafana logs.")
	}
	var missing []string
	for _, uid := range dashboards.RuleUIDs() {
		if !slices.ContainsFunc(found, func(rule struct{ UID string }) bool { return rule.UID == uid }) {
			missing = append(missing, uid)
		}
	}
	if len(missing) > 0 {
		return failed(check, "missing: "+strings.Join(missing, ", "),
			"Run: "+pushes+". Or have Grafana provision compose/grafana/provisioning/alerting.")
	}
	return ok(check, fmt.Sprintf("all %d are there", len(dashboards.RuleUIDs())))
}

// contact looks for the contact point. Without it, alerts go where Grafana's own policies say, which is a choice.
func (g grafana) contact(ctx context.Context) Finding {
	const check = "grafana's contact point"
	var found []struct{ Name string }
	status, err := g.get(ctx, &found, "api", "v1", "provisioning", "contact-points")
	switch {
	case status == http.StatusForbidden:
		return unknown(check, "the token may not read contact points: give its service account the role Admin")
	case err != nil:
		return failed(check, err.Error(), "See what Grafana logs.")
	}
	for _, point := range found {
		if point.Name == dashboards.ContactPoint {
			return ok(check, "alerts notify "+dashboards.ContactPoint)
		}
	}
	return unknown(check, "there is none named "+dashboards.ContactPoint+": alerts notify whom Grafana's own policies say. To add one: "+pushes+" --alert-webhook=…")
}

// get reads the answer at path into out. The status is 0 where there was no answer.
func (g grafana) get(ctx context.Context, out any, path ...string) (status int, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, g.base.JoinPath(path...).String(), nil)
	if err != nil {
		return 0, err
	}
	if g.token != "" {
		req.Header.Set("Authorization", "Bearer "+g.token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 8<<20))
	if err != nil {
		return resp.StatusCode, err
	}
	if resp.StatusCode != http.StatusOK {
		return resp.StatusCode, fmt.Errorf("%s answers %s: %.200s", strings.Join(path, "/"), resp.Status, body)
	}
	if err := json.Unmarshal(body, out); err != nil {
		return resp.StatusCode, errors.Join(fmt.Errorf("%s is not Grafana's answer", strings.Join(path, "/")), err)
	}
	return resp.StatusCode, nil
}
