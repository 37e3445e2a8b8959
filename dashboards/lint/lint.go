// Package lint knows what Grafana does with generated boards and alert rules that their JSON does not say: which texts
// do not fit, what it shows where there is no value, whom it wakes when a data source fails. It reads the JSON alone, so
// that any revision can be checked, and names every fault by its rule.
//
// Widths are judged on a laptop: a window of 1440 by 900 pixels with Grafana's menu docked, which leaves a board 1 108
// pixels. Rules of grafana/dashboard-linter that fit these boards are here, too: titles, descriptions, units, queries,
// rate intervals, counters, variables that follow the range, boards that only code changes.
package lint

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
)

// Fault is what one rule says of one board, panel or alert rule.
type Fault struct{ Rule, Where, What string }

func (f Fault) String() string { return fmt.Sprintf("%s: %s: %s", f.Where, f.Rule, f.What) }

// Boards checks boards, JSON under file names.
func Boards(files map[string][]byte) ([]Fault, error) {
	var faults []Fault
	for _, name := range slices.Sorted(maps.Keys(files)) {
		var b board
		if err := json.Unmarshal(files[name], &b); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		for _, rule := range boardRules {
			for _, what := range rule.check(b) {
				faults = append(faults, Fault{rule.name, b.Title, what})
			}
		}
		for _, what := range links(string(files[name])) {
			faults = append(faults, Fault{"links", b.Title, what})
		}
		for _, p := range b.panels() {
			for _, rule := range panelRules {
				if what := rule.check(p); what != "" {
					faults = append(faults, Fault{rule.name, b.Title + ", " + p.Title, what})
				}
			}
		}
	}
	return faults, nil
}

type board struct {
	Title    string
	Editable bool
	Time     timeRange
	Panels   []panel
	Links    []struct{ URL string }

	Timepicker struct {
		QuickRanges []timeRange `json:"quick_ranges"`
	}
	Templating struct {
		List []struct {
			Name, Type string
			Refresh    int
		}
	}
}

type timeRange struct{ Display, From, To string }

// panels are the board's panels, without the headings between them.
func (b board) panels() []panel {
	return slices.DeleteFunc(slices.Clone(b.Panels), func(p panel) bool { return p.Type == "row" })
}

type panel struct {
	Type, Title, Description string

	GridPos         struct{ X, Y, W, H int }
	Targets         []struct{ RawSQL, Expr string }
	Transformations []struct {
		ID      string
		Options map[string]any
	}
	FieldConfig struct {
		Defaults struct {
			Unit, NoValue, DisplayName string
			Color                      struct{ Mode string }
			Thresholds                 struct {
				Steps []struct {
					Value *float64
					Color string
				}
			}
			Custom map[string]any
		}
		Overrides []override
	}
	Options map[string]any
}

type override struct {
	Matcher struct {
		ID      string
		Options any
	}
	Properties []struct {
		ID    string
		Value any
	}
}

// sql is the first query to ClickHouse.
func (p panel) sql() string {
	for _, target := range p.Targets {
		if target.RawSQL != "" {
			return target.RawSQL
		}
	}
	return ""
}

// overridden is the value that an override sets, for fields matched so, and whether one does.
func (p panel) overridden(matcher, option, property string) (any, bool) {
	var value any
	found := false
	for _, o := range p.FieldConfig.Overrides {
		if o.Matcher.ID != matcher || o.Matcher.Options != option {
			continue
		}
		for _, set := range o.Properties {
			if set.ID == property {
				value, found = set.Value, true
			}
		}
	}
	return value, found
}

// matrix is the column whose values become series, where there is one.
func (p panel) matrix() string {
	for _, t := range p.Transformations {
		if t.ID == "groupingToMatrix" {
			column, _ := t.Options["columnField"].(string)
			return column
		}
	}
	return ""
}

// The layout of a board on a laptop, in pixels.
const (
	boardWidth = 1108
	gap        = 8  // between panels
	padding    = 16 // left and right of a panel's content
	screenful  = 19 // rows of the grid that are seen without scrolling
	columns    = 24
)

// width is how wide the panel is.
func (p panel) width() float64 {
	const column = float64(boardWidth-(columns-1)*gap) / columns
	return float64(p.GridPos.W)*column + float64(p.GridPos.W-1)*gap
}

// letters is how wide a text is in Grafana's type of 14 pixels, on average.
func letters(text string) float64 {
	const letter = 7.0
	return letter * float64(len([]rune(text)))
}

// variable is a reference to a variable in a title; a currency takes its place.
var variable = regexp.MustCompile(`\$\{[^}]*\}`)
