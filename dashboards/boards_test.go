package dashboards

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/grafana/grafana-foundation-sdk/go/barchart"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
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

func TestEveryPanelSaysWhatItShows(t *testing.T) {
	for name, model := range decoded(t) {
		ids := map[uint32]bool{}
		for _, entry := range model.Panels {
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
			if p.Datasource == nil || *p.Datasource.Uid != ClickHouseUID || *p.Datasource.Type != ClickHouseType {
				problem("data source is %+v", p.Datasource)
			}
			if defaults := p.FieldConfig.Defaults; defaults.Unit == nil || *defaults.Unit == "" || defaults.NoValue == nil {
				problem("no unit or no text for an empty range")
			}
			if len(p.Targets) == 0 {
				problem("no query")
			}
			for _, query := range p.Targets {
				target, ok := query.(Target)
				if !ok || *target.Datasource.Uid != ClickHouseUID {
					problem("query %+v is no query for %s", query, ClickHouseUID)
				}
			}
			if options, ok := p.Options.(*barchart.Options); ok && options.XTickLabelMaxLength == 0 {
				problem("every label would show as \"…\"")
			}
		}
	}
}

func TestPanelsDoNotOverlap(t *testing.T) {
	const columns = 24
	for name, model := range decoded(t) {
		taken := map[[2]uint32]string{}
		for _, entry := range model.Panels {
			p := *entry.Panel
			for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
				for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
					if other := taken[[2]uint32{x, y}]; other != "" || x >= columns {
						t.Fatalf("%s: %q at column %d, row %d leaves the grid or covers %q", name, *p.Title, x, y, other)
					}
					taken[[2]uint32{x, y}] = *p.Title
				}
			}
		}
	}
}

func TestLinksLeadToBoards(t *testing.T) {
	models := decoded(t)
	for name, model := range models {
		for _, link := range model.Links {
			if link.Type != dashboard.DashboardLinkTypeDashboards || len(link.Tags) == 0 {
				t.Errorf("%s: link %q does not follow a tag", name, link.Title)
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
		for _, entry := range model.Panels {
			for _, query := range entry.Panel.Targets {
				sql := query.(Target).RawSQL
				for _, match := range reference.FindAllStringSubmatch(sql, -1) {
					if !known[match[1]] {
						t.Errorf("%s, %s: no variable %q", name, *entry.Panel.Title, match[1])
					}
				}
				if rest := encoded.ReplaceAllString(sql, ""); strings.Contains(rest, "${") {
					t.Errorf("%s, %s: a variable reaches SQL unencoded: %s", name, *entry.Panel.Title, rest)
				}
			}
		}
	}
}

func TestDecimalsOfCurrencies(t *testing.T) {
	query := currencyUnit(true)
	for _, want := range []string{"'BHD', 'IQD', 'JOD', 'KWD'", "'JPY'", "2) AS decimals"} {
		if !strings.Contains(query, want) {
			t.Errorf("the unit query lacks %s:\n%s", want, query)
		}
	}
	if strings.Contains(query, "'EUR'") {
		t.Error("the unit query lists a currency of two decimals")
	}
}
