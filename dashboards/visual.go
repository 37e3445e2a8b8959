package dashboards

import (
	"github.com/grafana/grafana-foundation-sdk/go/barchart"
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
		AxisGridShow(true).AxisSoftMin(0).
		ColorScheme(palette()).
		Legend(below("sum")).
		Tooltip(tooltip()).
		OverrideByFieldType("string", noValue("")).OverrideByFieldType("time", noValue(""))
}

// stacked draws one bar for each row, its numbers on top of each other, from zero upwards.
func stacked() *barchart.PanelBuilder {
	return bars().Stacking(common.StackingModeNormal).
		Legend(beside())
}

// timed draws bars over time, one series for each label, on top of each other.
func timed() *timeseries.PanelBuilder {
	stacking := common.NewStackingConfigBuilder().Mode(common.StackingModeNormal).Group("A")
	return timeseries.NewPanelBuilder().
		DrawStyle(common.GraphDrawStyleBars).Stacking(stacking).
		FillOpacity(80).LineWidth(0).BarAlignment(common.BarAlignmentAfter).
		AxisSoftMin(0).ColorScheme(palette()).
		Legend(below("sum")).Tooltip(tooltip())
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

// headline shows one figure, as large as its panel allows: a sparkline behind it would leave the figure 40 % of the
// width. Its colour follows steps, which start at the lowest value; without any it is the colour of text.
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

// narrowest is the least width of a column, in pixels. Grafana's own 150 moves the last columns off a laptop's screen.
const narrowest = 80

// rows shows the rows as they are. The footer is spelt out because the SDK's own default, a reducer of null,
// is not what its types allow. A cell without a value shows a dash and not what the whole panel says when empty. Columns
// have no filter: its button takes the room that a heading needs.
func rows() *table.PanelBuilder {
	footer := common.NewTableFooterOptionsBuilder().Show(false).Reducer([]string{})
	return table.NewPanelBuilder().CellHeight(common.TableCellHeightSm).MinWidth(narrowest).Footer(footer).
		OverrideByFieldType("string", noValue("")).OverrideByFieldType("number", noValue("–")).OverrideByFieldType("time", noValue("–"))
}

// note shows Markdown.
func note(markdown string) *text.PanelBuilder {
	return text.NewPanelBuilder().Mode(text.TextModeMarkdown).Content(markdown)
}

// beside is a legend on the right: a table with the sum of each series, the largest first.
func beside() *common.VizLegendOptionsBuilder {
	return common.NewVizLegendOptionsBuilder().ShowLegend(true).SortBy("Total").SortDesc(true).
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
