package dashboards

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"testing"

	"go.yaml.in/yaml/v4"
)

// provisioned is where compose's Grafana finds what it starts with.
const provisioned = "../compose/grafana/provisioning"

// readYAML decodes a file of compose's Grafana; a field that out does not have is an error.
func readYAML(t *testing.T, path string, out any) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(provisioned, path))
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Load(raw, out, yaml.WithKnownFields()); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// The data sources that boards and rules name are those that Grafana is started with, of the same types.
func TestProvisionedDataSourcesAreThoseOfTheBoards(t *testing.T) {
	var file struct {
		APIVersion  int `yaml:"apiVersion"`
		DataSources []struct {
			Name, UID, Type, Access, URL string
			IsDefault                    bool `yaml:"isDefault"`
			Editable                     bool
			JSONData                     map[string]any    `yaml:"jsonData"`
			SecureJSONData               map[string]string `yaml:"secureJsonData"`
		} `yaml:"datasources"`
	}
	readYAML(t, "datasources/hookline.yaml", &file)
	got := map[string]string{}
	for _, source := range file.DataSources {
		got[source.UID] = source.Type
	}
	used := map[string]string{}
	for _, model := range decoded(t) {
		for _, variable := range model.Templating.List {
			if variable.Datasource != nil {
				used[*variable.Datasource.Uid] = *variable.Datasource.Type
			}
		}
		for _, panel := range panelsOf(model) {
			if panel.Datasource != nil {
				used[*panel.Datasource.Uid] = *panel.Datasource.Type
			}
		}
	}
	if len(used) != 2 {
		t.Errorf("the boards use %v", used)
	}
	for uid, kind := range used {
		if got[uid] != kind {
			t.Errorf("the boards name the data source %s of type %s, provisioned is %q", uid, kind, got[uid])
		}
	}
	for _, rule := range committedRules(t) {
		for _, query := range rule.Data {
			if uid := query.DatasourceUID; uid != expressionUID && got[uid] == "" {
				t.Errorf("the rule %s names the data source %s, which is not provisioned", rule.UID, uid)
			}
		}
	}
}

// committedRules are the rules in the file that Grafana reads.
func committedRules(t *testing.T) []committedRule {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(committedAlerting, AlertingFile))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Groups []struct{ Rules []committedRule }
	}
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	return file.Groups[0].Rules
}

type committedRule struct {
	UID         string
	Annotations map[string]string
	Data        []struct{ DatasourceUID string }
}

// Boards and rules are in one folder: Grafana finds that of the rules by its title.
func TestProvisionedFolders(t *testing.T) {
	var file struct {
		APIVersion int `yaml:"apiVersion"`
		Providers  []struct {
			Name, Type, Folder    string
			DisableDeletion       bool `yaml:"disableDeletion"`
			AllowUIUpdates        bool `yaml:"allowUiUpdates"`
			UpdateIntervalSeconds int  `yaml:"updateIntervalSeconds"`
			Options               struct{ Path string }
		}
	}
	readYAML(t, "dashboards/hookline.yaml", &file)
	if len(file.Providers) != 1 || file.Providers[0].Folder != folder || file.Providers[0].Type != "file" {
		t.Errorf("%+v, want one provider for the folder %s", file.Providers, folder)
	}
}

// Compose must set what the files take from Grafana's environment: these names and no others.
func TestProvisioningTakesKnownNamesFromTheEnvironment(t *testing.T) {
	name := regexp.MustCompile(`\$\{?([A-Z][A-Z_]+)`)
	found := map[string]bool{}
	for _, path := range []string{"datasources/hookline.yaml", "dashboards/hookline.yaml", "alerting/hookline.json"} {
		raw, err := os.ReadFile(filepath.Join(provisioned, path))
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range name.FindAllStringSubmatch(string(raw), -1) {
			found[match[1]] = true
		}
	}
	want := []string{"ALERT_WEBHOOK_URL", "GF_CLICKHOUSE_HOST", "GF_CLICKHOUSE_PASSWORD", "PROMETHEUS_URL"}
	for _, wanted := range want {
		if !found[wanted] {
			t.Errorf("nothing takes %s", wanted)
		}
		delete(found, wanted)
	}
	if len(found) > 0 {
		t.Errorf("compose does not set %v", found)
	}
}

// An alert's message links to the panel that shows what is wrong.
func TestRulesLeadToPanels(t *testing.T) {
	panels := map[string][]string{}
	for name, model := range decoded(t) {
		for _, panel := range panelsOf(model) {
			panels[name] = append(panels[name], strconv.Itoa(int(*panel.Id)))
		}
	}
	for _, rule := range committedRules(t) {
		board, panel := rule.Annotations["__dashboardUid__"], rule.Annotations["__panelId__"]
		if !slices.Contains(panels[board+".json"], panel) {
			t.Errorf("%s: no panel %q on a board %q", rule.UID, panel, board)
		}
	}
}
