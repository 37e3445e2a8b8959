package lint

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// panelRules each say what is wrong with a panel, or nothing.
var panelRules = []struct {
	name  string
	check func(panel) string
}{
	{"description", described},
	{"unit", unit},
	{"query", queried},
	{"rate interval", rateInterval},
	{"counter", counter},
	{"title width", titleWidth},
	{"tick labels", tickLabels},
	{"column widths", columnWidths},
	{"long texts", longTexts},
	{"sparkline", sparkline},
	{"bar gauge", barGauge},
	{"empty cells", emptyCells},
	{"empty colour", emptyColour},
	{"empty trend", emptyTrend},
	{"zero axis", zeroAxis},
	{"cut bars", cutBars},
	{"equal periods", equalPeriods},
	{"exported numbers", exportedNumbers},
}

func described(p panel) string {
	if p.Title == "" || p.Description == "" {
		return "a panel needs a title and a description"
	}
	return ""
}

func unit(p panel) string {
	if p.Type != "text" && p.FieldConfig.Defaults.Unit == "" {
		return "no unit"
	}
	return ""
}

func queried(p panel) string {
	if p.Type != "text" && len(p.Targets) == 0 {
		return "no query"
	}
	return ""
}

var (
	window = regexp.MustCompile(`(?:rate|increase)\([^\[]*\[([^\]]*)\]`)
	total  = regexp.MustCompile(`\w+_total\b`)
)

func rateInterval(p panel) string {
	for _, target := range p.Targets {
		for _, match := range window.FindAllStringSubmatch(target.Expr, -1) {
			if match[1] != "$__rate_interval" {
				return "a rate over " + match[1] + " misses samples at some zoom levels: use $__rate_interval"
			}
		}
	}
	return ""
}

func counter(p panel) string {
	for _, target := range p.Targets {
		if len(total.FindAllString(target.Expr, -1)) > len(window.FindAllString(target.Expr, -1)) {
			return "a counter without a rate falls to 0 when its process restarts"
		}
	}
	return ""
}

// titleWidth leaves room for the description's icon and the menu's button.
func titleWidth(p panel) string {
	const buttons = 78
	title := variable.ReplaceAllString(p.Title, "USD")
	if room := p.width() - buttons; letters(title) > room {
		return fmt.Sprintf("the title takes some %.0f pixels of %.0f", letters(title), room)
	}
	return ""
}

// tickLabels: Grafana formats ticks that it skips as null, and null as noValue; a longest length of 0 leaves "…".
func tickLabels(p panel) string {
	if p.Type != "barchart" {
		return ""
	}
	if length, _ := p.Options["xTickLabelMaxLength"].(float64); length == 0 {
		return `every label would show as "…"`
	}
	for _, kind := range []string{"string", "time"} {
		if text, set := p.overridden("byType", kind, "noValue"); p.FieldConfig.Defaults.NoValue != "" && (!set || text != "") {
			return fmt.Sprintf("skipped ticks of type %s show %q", kind, p.FieldConfig.Defaults.NoValue)
		}
	}
	return ""
}

var column = regexp.MustCompile(`AS "([^"]+)"`)

// columnsOf are the columns of a table, as its query names them.
func columnsOf(p panel) []string {
	var names []string
	for _, match := range column.FindAllStringSubmatch(p.sql(), -1) {
		if !slices.Contains(names, match[1]) {
			names = append(names, match[1])
		}
	}
	return names
}

// columnWidths: a table scrolls sideways where its columns are wider than its panel, and few readers notice.
func columnWidths(p panel) string {
	if p.Type != "table" {
		return ""
	}
	least := 150.0 // Grafana's own
	if set, ok := p.FieldConfig.Defaults.Custom["minWidth"].(float64); ok {
		least = set
	}
	const cell = 24 // padding of a heading
	sum, flexible, widths := 0.0, 0, map[string]float64{}
	for _, name := range columnsOf(p) {
		width := least
		if set, ok := p.overridden("byName", name, "custom.minWidth"); ok {
			width, _ = set.(float64)
		}
		if set, ok := p.overridden("byName", name, "custom.width"); ok {
			width, _ = set.(float64)
			widths[name] = width
		} else {
			flexible++
		}
		sum += width
	}
	room := p.width() - padding
	if sum > room {
		return fmt.Sprintf("the columns take %.0f pixels of %.0f: the last are off the screen", sum, room)
	}
	for _, name := range columnsOf(p) {
		width, fixed := widths[name]
		if !fixed {
			width = least + (room-sum)/float64(flexible)
		}
		if letters(name)+cell > width {
			return fmt.Sprintf("the heading %q is cut at %.0f pixels", name, width)
		}
	}
	return ""
}

// longTexts are columns that hold sentences or documents.
func longTexts(p panel) string {
	if p.Type != "table" {
		return ""
	}
	for _, name := range columnsOf(p) {
		if !slices.Contains([]string{"Error", "Detail", "Payload"}, name) {
			continue
		}
		options, _ := p.overridden("byName", name, "custom.cellOptions")
		cell, _ := options.(map[string]any)
		inspect, _ := p.overridden("byName", name, "custom.inspect")
		if cell["wrapText"] != true || inspect != true {
			return fmt.Sprintf("the column %q is clipped: wrap it and let it be inspected", name)
		}
	}
	return ""
}

// sparkline: beside one, Grafana leaves the figure 40 % of the width.
func sparkline(p panel) string {
	if mode, _ := p.Options["graphMode"].(string); p.Type == "stat" && mode != "none" {
		return "the sparkline makes the figure the smallest on the board"
	}
	return ""
}

// barGauge: the names of bars are as large as their figures, and are cut where these are long.
func barGauge(p panel) string {
	text, _ := p.Options["text"].(map[string]any)
	if _, set := text["titleSize"]; p.Type == "bargauge" && !set {
		return "names are cut and bars are lines beside long figures: set the sizes of texts, or use a table with gauges"
	}
	return ""
}

// emptyCells: a cell without a value shows what the whole panel says when it is empty.
func emptyCells(p panel) string {
	if p.Type != "table" || p.FieldConfig.Defaults.NoValue == "" {
		return ""
	}
	for _, kind := range []string{"string", "number", "time"} {
		if _, set := p.overridden("byType", kind, "noValue"); !set {
			return fmt.Sprintf("a cell of type %s without a value shows %q", kind, p.FieldConfig.Defaults.NoValue)
		}
	}
	return ""
}

// emptyColour: no value takes the colour of the lowest threshold.
func emptyColour(p panel) string {
	steps := p.FieldConfig.Defaults.Thresholds.Steps
	if p.Type != "stat" || p.FieldConfig.Defaults.Color.Mode != "thresholds" || len(steps) == 0 {
		return ""
	}
	if colour := steps[0].Color; colour == "red" || colour == "orange" || colour == "yellow" {
		return fmt.Sprintf("%q is written in %s", p.FieldConfig.Defaults.NoValue, colour)
	}
	return ""
}

// emptyTrend: a trend reports an error where its query has no rows.
func emptyTrend(p panel) string {
	if p.Type == "trend" && !strings.Contains(p.sql(), "UNION ALL SELECT") {
		return fmt.Sprintf("without rows: \"Unable to find field: %v\"", p.Options["xField"])
	}
	return ""
}

// zeroAxis: an axis runs to 100 where all values are zero. A logarithmic one has no zero.
func zeroAxis(p panel) string {
	custom := p.FieldConfig.Defaults.Custom
	scale, _ := custom["scaleDistribution"].(map[string]any)
	if _, to := custom["axisSoftMax"]; !to && slices.Contains([]string{"barchart", "timeseries", "trend"}, p.Type) && scale["type"] != "log" {
		return "where all is zero, the axis runs to 100"
	}
	return ""
}

// cutBars: a bar over time that begins in the range may end beyond it.
func cutBars(p panel) string {
	custom := p.FieldConfig.Defaults.Custom
	if p.Type == "timeseries" && custom["drawStyle"] == "bars" && strings.Contains(p.sql(), "toMonday(") {
		return "the bar of the current week is cut at the end of the range"
	}
	return ""
}

var yearBefore = regexp.MustCompile(`(the year|months) before'`)

// equalPeriods: totals of a year and the one before only compare where both end on the same day.
func equalPeriods(p panel) string {
	if p.Type == "barchart" && yearBefore.MatchString(p.sql()) && !strings.Contains(p.sql(), "addYears(last_day, -1)") {
		return "a whole year is set against one that is not over"
	}
	return ""
}

var grouped = regexp.MustCompile(`^(locale|short|currency.*|SI.*)$`)

// exportedNumbers: Grafana exports a table as it is written, and a spreadsheet takes "1,202" and "USD 3.00" for texts.
func exportedNumbers(p panel) string {
	if p.Type != "table" {
		return ""
	}
	units := []string{p.FieldConfig.Defaults.Unit}
	for _, o := range p.FieldConfig.Overrides {
		for _, set := range o.Properties {
			if id, ok := set.Value.(string); ok && set.ID == "unit" {
				units = append(units, id)
			}
		}
	}
	for _, target := range p.Targets {
		if strings.Contains(target.RawSQL, "'currency:") {
			units = append(units, "currency")
		}
	}
	for _, id := range units {
		if grouped.MatchString(id) {
			return fmt.Sprintf("the unit %q exports as a text", id)
		}
	}
	return ""
}
