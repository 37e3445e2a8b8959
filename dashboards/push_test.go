package dashboards

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"github.com/hookline-io/hookline/dashboards/grafana/grafanatest"
)

// grafanaAt returns the options for a server, with its token in a file and a webhook in the environment.
func grafanaAt(t *testing.T, server *grafanatest.Server) GrafanaOptions {
	t.Helper()
	path := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(path, []byte(grafanatest.Token+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("CHAT_URL", "http://chat.example/T0/s3cret")
	parser, err := kong.New(new(PushCommand), kong.DefaultEnvars("HOOKLINE"), kong.Writers(io.Discard, io.Discard))
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("HOOKLINE_GRAFANA_URL", server.URL)
	parsed, err := parser.Parse([]string{"--grafana-token=file:" + path, "--alert-webhook=env:CHAT_URL"})
	if err != nil {
		t.Fatal(err)
	}
	return parsed.Model.Target.Interface().(PushCommand).GrafanaOptions
}

func exitCode(err error) int {
	var exit kong.ExitCoder
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.ExitCode()
	}
	return 1
}

// All boards and rules, through the commands: a dry run writes nothing, a push all, a second push nothing.
func TestPushAndDiff(t *testing.T) {
	server := grafanatest.New(t)
	options := grafanaAt(t, server)
	var printed bytes.Buffer
	diff := func() int {
		t.Helper()
		printed.Reset()
		return exitCode(DiffCommand{options}.run(t.Context(), &printed))
	}
	push := func(dry bool) string {
		t.Helper()
		var lines bytes.Buffer
		if err := (PushCommand{options, dry}).Run(t.Context(), slog.New(slog.NewTextHandler(&lines, nil))); err != nil {
			t.Fatal(err)
		}
		return lines.String()
	}

	if code := diff(); code != 1 || !strings.Contains(printed.String(), "+++ hookline: board Sales\n") {
		t.Errorf("diff with a new Grafana: status %d, %s", code, printed.String())
	}
	if said := push(true); strings.Count(said, "would be created") != len(boards())+4 || !strings.Contains(said, "no data source with the UID "+ClickHouseUID) {
		t.Errorf("the dry run says %s", said)
	}
	server.Sources[ClickHouseUID], server.Sources[PrometheusUID] = ClickHouseType, prometheusType
	if writes := server.Writes(); len(writes) > 0 {
		t.Fatalf("the dry run wrote %q", writes)
	}
	if said := push(false); strings.Contains(said, "s3cret") || strings.Contains(said, grafanatest.Token) || strings.Contains(said, "data source") {
		t.Errorf("a secret is logged, or a data source missed: %s", said)
	}
	if writes := server.Writes(); len(writes) != len(boards())+4 {
		t.Errorf("the push wrote %q", writes)
	}
	for _, uid := range UIDs() {
		if server.Boards[uid]["folderUid"] != folder {
			t.Errorf("%s is in the folder %v", uid, server.Boards[uid]["folderUid"])
		}
	}
	if rules := server.Groups[folder+"/"+ruleGroup]["rules"].([]any); len(rules) != len(alerts()) {
		t.Errorf("%d rules, want %d", len(rules), len(alerts()))
	}
	if url := server.Contacts[1]["settings"].(map[string]any)["url"]; url != "http://chat.example/T0/s3cret" {
		t.Errorf("alerts go to %v", url)
	}
	if code := diff(); code != 0 || printed.Len() > 0 {
		t.Errorf("diff after the push: status %d, %s", code, printed.String())
	}
	push(false)
	if writes := server.Writes(); len(writes) > 0 {
		t.Errorf("the second push wrote %q", writes)
	}

	server.Boards[SalesUID]["dashboard"].(map[string]any)["title"] = "Mine"
	if code := diff(); code != 1 || !strings.Contains(printed.String(), "\n-    \"title\": \"Mine\",\n+    \"title\": \"Sales\",\n") || strings.Contains(printed.String(), "Pipeline") {
		t.Errorf("diff after a change: status %d, %s", code, printed.String())
	}
	if said := push(false); strings.Count(said, "updated") != 1 {
		t.Errorf("the push says %s", said)
	}
}

func TestPushInTrouble(t *testing.T) {
	server := grafanatest.New(t)
	good := grafanaAt(t, server)
	for name, test := range map[string]struct {
		change func(*GrafanaOptions)
		want   string
	}{
		"no token":   {func(o *GrafanaOptions) { o.Token = "env:NOT_SET" }, "NOT_SET is not set"},
		"no webhook": {func(o *GrafanaOptions) { o.Webhook = "file:/not/there" }, "/not/there"},
		"no address": {func(o *GrafanaOptions) { o.URL = "grafana" }, "must be like https://"},
		"nobody":     {func(o *GrafanaOptions) { o.URL = "http://127.0.0.1:1" }, "cannot be reached"},
	} {
		options := good
		test.change(&options)
		err := DiffCommand{options}.run(t.Context(), io.Discard)
		if code := exitCode(err); code != 2 || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: diff ends with %d, %v; want %q", name, code, err, test.want)
		}
		if err := (PushCommand{options, false}).Run(t.Context(), slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: push: %v; want %q", name, err, test.want)
		}
	}
	if writes := server.Writes(); len(writes) > 0 {
		t.Errorf("wrote %q", writes)
	}
}

// A Grafana whose boards, rules or contact points come from files is refused before anything is written.
func TestPushLeavesAProvisionedGrafanaAlone(t *testing.T) {
	files, err := Generate()
	if err != nil {
		t.Fatal(err)
	}
	for name, provision := range map[string]func(*grafanatest.Server){
		"board Sales": func(server *grafanatest.Server) {
			var board grafanatest.Object
			if err := json.Unmarshal(files[SalesUID+".json"], &board); err != nil {
				t.Fatal(err)
			}
			server.Boards[SalesUID] = grafanatest.Object{"dashboard": board, "folderUid": "cfjbwj15ey874d", "provisioned": true}
		},
		"alert rules hookline": func(server *grafanatest.Server) {
			rule := grafanatest.Object{"uid": "hookline-dead-letters", "provenance": "file"}
			server.Groups["cfjbwj15ey874d/hookline"] = grafanatest.Object{"rules": []any{rule}}
		},
		"contact point hookline": func(server *grafanatest.Server) {
			server.Contacts = append(server.Contacts, grafanatest.Object{"uid": "hookline-webhook", "name": "hookline", "provenance": "file"})
		},
		"notification policy for hookline": func(server *grafanatest.Server) { server.Policies["provenance"] = "file" },
	} {
		server := grafanatest.New(t)
		provision(server)
		err := PushCommand{GrafanaOptions: grafanaAt(t, server)}.Run(t.Context(), slog.New(slog.DiscardHandler))
		if err == nil || !strings.Contains(err.Error(), "nothing was written: files of Grafana's own provisioning manage "+name+".") {
			t.Errorf("%s: %v", name, err)
		}
		if writes := server.Writes(); len(writes) > 0 {
			t.Errorf("%s: push wrote %q", name, writes)
		}
	}
}

// A version that boards are not made for is no reason to refuse them; the log says so.
func TestPushWarnsOfOtherVersions(t *testing.T) {
	for version, want := range map[string]string{
		"10.4.2": "need Grafana 12.1", "11.6.0": "need Grafana 12.1", "12.0.3": "need Grafana 12.1", "12.1.0": "", "12.3.1": "", "13.0.0": "", "13.3.0-pre": "",
		"14.0.0": "was not tried", "": "",
	} {
		server := grafanatest.New(t)
		server.Version = version
		var said bytes.Buffer
		if err := (PushCommand{GrafanaOptions: grafanaAt(t, server)}).Run(t.Context(), slog.New(slog.NewTextHandler(&said, nil))); err != nil {
			t.Fatal(err)
		}
		warned := strings.Contains(said.String(), "was not tried") || strings.Contains(said.String(), "need Grafana")
		if warned != (want != "") || !strings.Contains(said.String(), want) {
			t.Errorf("Grafana %s: %s", version, said.String())
		}
	}
}
