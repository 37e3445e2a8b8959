package dashboards

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/grafana/grafana-foundation-sdk/go/barchart"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
)

// decoded returns every generated board as Grafana would read it.
func decoded(t *testing.T) map[string]dashboard.Dashboard {
	t.Helper()
	files, err := Generate()
	if err != nil {
		t.Fatal(err)
	}
	models := make(map[string]dashboard.Dashboard)
	for name, raw := range files {
		model, err := Decode(raw)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		models[name] = model
	}
	return models
}

// panelsOf lists a board's panels, without the headings above them.
func panelsOf(model dashboard.Dashboard) []dashboard.Panel {
	var out []dashboard.Panel
	for _, entry := range model.Panels {
		if entry.Panel != nil {
			out = append(out, *entry.Panel)
		}
	}
	return out
}

func TestEveryPanelSaysWhatItShows(t *testing.T) {
	for name, model := range decoded(t) {
		ids := map[uint32]bool{}
		for _, entry := range model.Panels {
			if row := entry.RowPanel; row != nil {
				if ids[row.Id] || row.Id == 0 || row.Title == nil || row.Collapsed {
					t.Errorf("%s: a heading without ID or title, or with another's, or closed: %+v", name, row)
				}
				ids[row.Id] = true
				continue
			}
			p := entry.Panel
			if p == nil || p.Id == nil || *p.Id == 0 || p.Title == nil || *p.Title == "" {
				t.Fatalf("%s: a panel without ID or title: %+v", name, entry)
			}
			problem := func(format string, args ...any) {
				t.Helper()
				t.Errorf("%s, panel %d %q: "+format, append([]any{name, *p.Id, *p.Title}, args...)...)
			}
			if ids[*p.Id] {
				problem("another panel has its ID")
			}
			ids[*p.Id] = true
			if p.Description == nil || len(*p.Description) < len("What it means.") {
				problem("no description")
			}
			if p.Type == "text" {
				continue // has neither figures nor queries
			}
			asked := map[string]string{ClickHouseUID: ClickHouseType, PrometheusUID: "prometheus"}
			if p.Datasource == nil || asked[*p.Datasource.Uid] != *p.Datasource.Type {
				t.Fatalf("%s, panel %d: data source is %+v", name, *p.Id, p.Datasource)
			}
			if defaults := p.FieldConfig.Defaults; defaults.Unit == nil || *defaults.Unit == "" || defaults.NoValue == nil {
				problem("no unit or no text for an empty range")
			}
			if len(p.Targets) == 0 {
				problem("no query")
			}
			for _, query := range p.Targets {
				if query.DataqueryType() != *p.Datasource.Type {
					problem("a query of type %s in a panel that asks %s", query.DataqueryType(), *p.Datasource.Type)
				}
			}
			if options, ok := p.Options.(*barchart.Options); ok && options.XTickLabelMaxLength == 0 {
				problem("every label would show as \"…\"")
			}
		}
	}
}

func TestPanelsDoNotOverlap(t *testing.T) {
	for name, model := range decoded(t) {
		taken := map[[2]uint32]string{}
		for _, entry := range model.Panels {
			title, at := "", dashboard.GridPos{}
			if entry.Panel != nil {
				title, at = *entry.Panel.Title, *entry.Panel.GridPos
			} else {
				title, at = *entry.RowPanel.Title, *entry.RowPanel.GridPos
			}
			for x := at.X; x < at.X+at.W; x++ {
				for y := at.Y; y < at.Y+at.H; y++ {
					if other := taken[[2]uint32{x, y}]; other != "" || x >= columns {
						t.Fatalf("%s: %q at column %d, row %d leaves the grid or covers %q", name, title, x, y, other)
					}
					taken[[2]uint32{x, y}] = title
				}
			}
		}
	}
}

func TestLinksLeadToBoards(t *testing.T) {
	models := decoded(t)
	for name, model := range models {
		for _, link := range model.Links {
			if link.Type == dashboard.DashboardLinkTypeLink && !strings.HasPrefix(*link.Url, "/d/"+strings.TrimSuffix(name, ".json")+"?from=now") {
				t.Errorf("%s: link %q leads away, to %s", name, link.Title, *link.Url)
			}
			if link.Type == dashboard.DashboardLinkTypeDashboards && len(link.Tags) == 0 {
				t.Errorf("%s: link %q does not follow a tag", name, link.Title)
			}
			if link.Placement != nil {
				t.Errorf("%s: link %q is hidden in a menu", name, link.Title)
			}
			for other, target := range models {
				for _, tag := range link.Tags {
					if !slices.Contains(target.Tags, tag) {
						t.Errorf("%s: link %q misses %s, which has no tag %q", name, link.Title, other, tag)
					}
				}
			}
		}
	}
}

func TestQueriesUseOnlyTheirBoardsVariables(t *testing.T) {
	reference := regexp.MustCompile(`\$\{(\w+)[^}]*\}`)
	encoded := regexp.MustCompile(`'\$\{\w+:(percentencode|customqueryparam:v)\}'`)
	for name, model := range decoded(t) {
		known := map[string]bool{}
		for _, variable := range model.Templating.List {
			known[variable.Name] = true
		}
		for _, panel := range panelsOf(model) {
			for _, query := range panel.Targets {
				target, ok := query.(Target)
				if !ok {
					continue // Prometheus is asked without variables
				}
				sql := target.RawSQL
				for _, match := range reference.FindAllStringSubmatch(sql, -1) {
					if !known[match[1]] {
						t.Errorf("%s, %s: no variable %q", name, *panel.Title, match[1])
					}
				}
				if rest := encoded.ReplaceAllString(sql, ""); strings.Contains(rest, "${") {
					t.Errorf("%s, %s: a variable reaches SQL unencoded: %s", name, *panel.Title, rest)
				}
			}
		}
	}
}

// Panels that ask Prometheus name metrics that the parts have.
func TestMetricsExist(t *testing.T) {
	metric := regexp.MustCompile(`hookline_(?:ingest|processor|actions)_\w+`)
	known := map[string]bool{}
	for _, part := range []string{"ingest", "processor", "processor/forward"} {
		source, err := os.ReadFile(filepath.Join("..", part, "metrics.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range metric.FindAllString(string(source), -1) {
			known[name] = true
		}
	}
	asked := 0
	for name, model := range decoded(t) {
		for _, panel := range panelsOf(model) {
			for _, query := range panel.Targets {
				target, ok := query.(*prometheus.Dataquery)
				if !ok {
					continue
				}
				for _, used := range metric.FindAllString(target.Expr, -1) {
					asked++
					if !known[strings.TrimSuffix(used, "_bucket")] {
						t.Errorf("%s, %s: no part has the metric %s", name, *panel.Title, used)
					}
				}
			}
		}
	}
	for _, a := range alerts() {
		for _, used := range metric.FindAllString(a.prom, -1) {
			asked++
			if !known[used] {
				t.Errorf("alert %s: no part has the metric %s", a.uid, used)
			}
		}
	}
	if asked == 0 {
		t.Error("nothing asks Prometheus")
	}
}

// Links in a table lead to a board and set variables that it has.
func TestLinksInTablesSetVariables(t *testing.T) {
	models := decoded(t)
	set := regexp.MustCompile(`var-(\w+)=|\$\{(\w+):queryparam\}`)
	found := 0
	for name, model := range models {
		for _, panel := range panelsOf(model) {
			if panel.FieldConfig == nil {
				continue
			}
			for _, override := range panel.FieldConfig.Overrides {
				for _, property := range override.Properties {
					if property.Id != "links" {
						continue
					}
					for _, link := range property.Value.([]any) {
						address := link.(map[string]any)["url"].(string)
						uid, query, _ := strings.Cut(strings.TrimPrefix(address, "/d/"), "?")
						target, ok := models[uid+".json"]
						if !ok {
							t.Errorf("%s: %s leads to no board", name, address)
						}
						for _, match := range set.FindAllStringSubmatch(query, -1) {
							found++
							if !slices.ContainsFunc(target.Templating.List, func(v dashboard.VariableModel) bool { return v.Name == match[1]+match[2] }) {
								t.Errorf("%s: %s sets the variable %q, which %s does not have", name, address, match[1]+match[2], uid)
							}
						}
					}
				}
			}
		}
	}
	if found == 0 {
		t.Error("no table links to a board")
	}
}

func TestDecimalsOfCurrencies(t *testing.T) {
	query := currencyUnit(true, true)
	for _, want := range []string{"'BHD', 'IQD', 'JOD', 'KWD'", "'JPY'", "2) AS decimals"} {
		if !strings.Contains(query, want) {
			t.Errorf("the unit query lacks %s:\n%s", want, query)
		}
	}
	if strings.Contains(query, "'EUR'") {
		t.Error("the unit query lists a currency of two decimals")
	}
}
