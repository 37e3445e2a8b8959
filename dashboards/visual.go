package dashboards

import (
	"github.com/grafana/grafana-foundation-sdk/go/barchart"
	"github.com/grafana/grafana-foundation-sdk/go/bargauge"
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/table"
	"github.com/grafana/grafana-foundation-sdk/go/text"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
	"github.com/grafana/grafana-foundation-sdk/go/trend"
)

// bars draws one group of bars for each row, its first column naming the group. The maximum length of labels
// must be set: the SDK writes 0 for none, and Grafana then shows every label as "…". Where ticks have too little
// room, Grafana writes the skipped ones as null, and null as the panel's noValue: "No sales in this range" under a
// bar. So the column that names the bars has an empty noValue.
func bars() *barchart.PanelBuilder {
	return barchart.NewPanelBuilder().
		Orientation(common.VizOrientationVertical).
		XTickLabelMaxLength(12).XTickLabelSpacing(70).
		ShowValue(common.VisibilityModeNever).
		Stacking(common.StackingModeNone).
		GroupWidth(0.7).BarWidth(0.95).BarRadius(0).
		FillOpacity(80).LineWidth(0).
		AxisGridShow(true).
		ColorScheme(palette()).
		Legend(below("sum")).
		Tooltip(tooltip()).
		OverrideByFieldType("string", silent()).OverrideByFieldType("time", silent())
}

// stacked draws one bar for each row, its numbers on top of each other, from zero upwards.
func stacked() *barchart.PanelBuilder {
	return bars().Stacking(common.StackingModeNormal).AxisSoftMin(0).
		Legend(beside())
}

// daily draws bars over time, one series for each label, on top of each other.
func daily() *timeseries.PanelBuilder {
	stacking := common.NewStackingConfigBuilder().Mode(common.StackingModeNormal).Group("A")
	return timeseries.NewPanelBuilder().
		DrawStyle(common.GraphDrawStyleBars).Stacking(stacking).
		FillOpacity(80).LineWidth(0).BarAlignment(common.BarAlignmentAfter).
		AxisSoftMin(0).ColorScheme(palette()).
		Legend(beside()).Tooltip(tooltip())
}

// lines draws one line over time for each series, above zero.
func lines() *timeseries.PanelBuilder { return overTime().AxisSoftMin(0) }

// logarithmic draws lines over time of what is seconds for one and hours for another.
func logarithmic() *timeseries.PanelBuilder {
	const decimal = 10
	return overTime().ScaleDistribution(common.NewScaleDistributionConfigBuilder().Type(common.ScaleDistributionLog).Log(decimal))
}

func overTime() *timeseries.PanelBuilder {
	return timeseries.NewPanelBuilder().
		DrawStyle(common.GraphDrawStyleLine).LineWidth(2).FillOpacity(0).
		ShowPoints(common.VisibilityModeAuto).SpanNulls(common.BoolOrFloat64{Bool: cog.ToPtr(true)}).
		ColorScheme(palette()).
		Legend(below("lastNotNull", "max")).Tooltip(tooltip())
}

// filled draws lines on top of each other, the space between them filled.
func filled() *timeseries.PanelBuilder {
	stacking := common.NewStackingConfigBuilder().Mode(common.StackingModeNormal).Group("A")
	return lines().Stacking(stacking).LineWidth(1).FillOpacity(60)
}

// race draws lines over the column of numbers named, to compare periods that begin at the same place.
func race(column string) *trend.PanelBuilder {
	return trend.NewPanelBuilder().XField(column).
		DrawStyle(common.GraphDrawStyleLine).LineWidth(2).FillOpacity(0).
		ShowPoints(common.VisibilityModeNever).AxisSoftMin(0).ColorScheme(palette()).
		Legend(below("lastNotNull")).Tooltip(tooltip())
}

// headline shows one figure. Its colour follows steps, which start at the lowest value; without any it is
// the colour of text.
func headline(steps ...dashboard.Threshold) *stat.PanelBuilder {
	builder := stat.NewPanelBuilder().
		ReduceOptions(common.NewReduceDataOptionsBuilder().Calcs([]string{"lastNotNull"})).
		GraphMode(common.BigValueGraphModeNone).ColorMode(common.BigValueColorModeNone).
		TextMode(common.BigValueTextModeAuto).JustifyMode(common.BigValueJustifyModeAuto).
		Orientation(common.VizOrientationAuto)
	if len(steps) > 0 {
		builder.ColorMode(common.BigValueColorModeValue).
			ColorScheme(dashboard.NewFieldColorBuilder().Mode(dashboard.FieldColorModeIdThresholds)).
			Thresholds(dashboard.NewThresholdsConfigBuilder().Mode(dashboard.ThresholdsModeAbsolute).Steps(steps))
	}
	return builder
}

// sparked shows one figure, reduced from a series by calc, above the series itself.
func sparked(calc string) *stat.PanelBuilder {
	return headline().GraphMode(common.BigValueGraphModeArea).ColorScheme(fixed("blue")).
		ReduceOptions(common.NewReduceDataOptionsBuilder().Calcs([]string{calc}))
}

// words writes 0 and 1 as words.
func words(zero, one string) []dashboard.ValueMapping {
	return []dashboard.ValueMapping{{ValueMap: &dashboard.ValueMap{Type: dashboard.MappingTypeValueToText, Options: map[string]dashboard.ValueMappingResult{
		"0": {Text: &zero, Index: cog.ToPtr[int32](0)}, "1": {Text: &one, Index: cog.ToPtr[int32](1)},
	}}}}
}

// step colours values from here on; nil means from minus infinity.
func step(from *float64, colour string) dashboard.Threshold {
	return dashboard.Threshold{Value: from, Color: colour}
}

// ranking draws one horizontal bar for each row of the column named.
func ranking(column string, limit float64) *bargauge.PanelBuilder {
	return bargauge.NewPanelBuilder().
		Orientation(common.VizOrientationHorizontal).
		DisplayMode(common.BarGaugeDisplayModeBasic).ValueMode(common.BarGaugeValueModeText).
		NamePlacement(common.BarGaugeNamePlacementLeft).ShowUnfilled(true).
		ReduceOptions(common.NewReduceDataOptionsBuilder().Values(true).Limit(limit).
			Calcs([]string{"lastNotNull"}).Fields("/^" + column + "$/")).
		ColorScheme(fixed("blue")).Min(0)
}

// rows shows the rows as they are. The footer is spelt out because the SDK's own default, a reducer of null,
// is not what its types allow.
func rows() *table.PanelBuilder {
	footer := common.NewTableFooterOptionsBuilder().Show(false).Reducer([]string{})
	return table.NewPanelBuilder().CellHeight(common.TableCellHeightSm).Filterable(true).Footer(footer)
}

// note shows Markdown.
func note(markdown string) *text.PanelBuilder {
	return text.NewPanelBuilder().Mode(text.TextModeMarkdown).Content(markdown)
}

// beside is a legend on the right: a table with the sum of each series.
func beside() *common.VizLegendOptionsBuilder {
	return common.NewVizLegendOptionsBuilder().ShowLegend(true).
		DisplayMode(common.LegendDisplayModeTable).Placement(common.LegendPlacementRight).Calcs([]string{"sum"})
}

// below is a legend in one line, for a few series.
func below(calcs ...string) *common.VizLegendOptionsBuilder {
	return common.NewVizLegendOptionsBuilder().ShowLegend(true).
		DisplayMode(common.LegendDisplayModeList).Placement(common.LegendPlacementBottom).Calcs(calcs)
}

func tooltip() *common.VizTooltipOptionsBuilder {
	return common.NewVizTooltipOptionsBuilder().
		Mode(common.TooltipDisplayModeMulti).Sort(common.SortOrderDescending)
}

func palette() *dashboard.FieldColorBuilder {
	return dashboard.NewFieldColorBuilder().Mode(dashboard.FieldColorModeIdPaletteClassic)
}

func fixed(colour string) *dashboard.FieldColorBuilder {
	return dashboard.NewFieldColorBuilder().Mode(dashboard.FieldColorModeIdFixed).FixedColor(colour)
}

// shades colours the series of what should not be, lest the first of them be green.
func shades(colour string) *dashboard.FieldColorBuilder {
	return dashboard.NewFieldColorBuilder().Mode(dashboard.FieldColorModeIdShades).FixedColor(colour)
}

// The properties that an override changes, for OverrideByName.

func coloured(colour string) []dashboard.DynamicConfigValue {
	return []dashboard.DynamicConfigValue{{Id: "color", Value: map[string]any{"mode": "fixed", "fixedColor": colour}}}
}

// silent writes nothing where there is no value.
func silent() []dashboard.DynamicConfigValue {
	return []dashboard.DynamicConfigValue{{Id: "noValue", Value: ""}}
}

// line draws one series of several in its own colour and width, in dashes of a length unless that is 0.
func line(colour string, width int, dash int) []dashboard.DynamicConfigValue {
	properties := append(coloured(colour), dashboard.DynamicConfigValue{Id: "custom.lineWidth", Value: width})
	if dash > 0 {
		properties = append(properties, dashboard.DynamicConfigValue{Id: "custom.lineStyle", Value: map[string]any{"fill": "dash", "dash": []int{dash, dash}}})
	}
	return properties
}

// linked makes a column's values links; address may hold ${__value.raw} and ${__data.fields["column"]}.
func linked(title, address string) []dashboard.DynamicConfigValue {
	return []dashboard.DynamicConfigValue{{Id: "links", Value: []map[string]any{{"title": title, "url": address}}}}
}

// measured draws a column's numbers as bars, beside the numbers. Zero is where the bars begin.
func measured(colour string) []dashboard.DynamicConfigValue {
	return append(coloured(colour),
		dashboard.DynamicConfigValue{Id: "min", Value: 0},
		dashboard.DynamicConfigValue{Id: "custom.cellOptions", Value: map[string]any{"type": "gauge", "mode": "basic", "valueDisplayMode": "text"}})
}

// wide sets a column's width in pixels.
func wide(pixels int, properties ...dashboard.DynamicConfigValue) []dashboard.DynamicConfigValue {
	return append(properties, dashboard.DynamicConfigValue{Id: "custom.width", Value: pixels})
}

// alarming colours a column's text from a value on.
func alarming(u unit, from float64) []dashboard.DynamicConfigValue {
	return colouredText(u, "text", from, "red")
}

// alarmingBelow colours a column's text up to a value.
func alarmingBelow(u unit, upTo float64) []dashboard.DynamicConfigValue {
	return colouredText(u, "red", upTo, "green")
}

func colouredText(u unit, low string, from float64, high string) []dashboard.DynamicConfigValue {
	return append(written(u),
		dashboard.DynamicConfigValue{Id: "custom.cellOptions", Value: map[string]any{"type": "color-text"}},
		dashboard.DynamicConfigValue{Id: "color", Value: map[string]any{"mode": "thresholds"}},
		dashboard.DynamicConfigValue{Id: "thresholds", Value: map[string]any{"mode": "absolute", "steps": []map[string]any{
			{"value": nil, "color": low}, {"value": from, "color": high},
		}}})
}

func written(u unit) []dashboard.DynamicConfigValue {
	properties := []dashboard.DynamicConfigValue{{Id: "unit", Value: u.id}}
	if u.decimals != nil {
		properties = append(properties, dashboard.DynamicConfigValue{Id: "decimals", Value: *u.decimals})
	}
	return properties
}
