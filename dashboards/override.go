package dashboards

import (
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// The properties that an override changes, for OverrideByName.

func coloured(colour string) []dashboard.DynamicConfigValue {
	return []dashboard.DynamicConfigValue{{Id: "color", Value: map[string]any{"mode": "fixed", "fixedColor": colour}}}
}

// noValue writes a text where there is no value.
func noValue(text string) []dashboard.DynamicConfigValue {
	return []dashboard.DynamicConfigValue{{Id: "noValue", Value: text}}
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

// atLeast sets the width in pixels below which a column does not shrink.
func atLeast(pixels int, properties ...dashboard.DynamicConfigValue) []dashboard.DynamicConfigValue {
	return append(properties, dashboard.DynamicConfigValue{Id: "custom.minWidth", Value: pixels})
}

// alarming colours a column's text from a value on.
func alarming(u unit, from float64) []dashboard.DynamicConfigValue {
	return colouredText(u, []dashboard.Threshold{step(nil, "text"), step(&from, "red")})
}

// growing colours a column of growth rates: red below zero, green from zero on.
func growing() []dashboard.DynamicConfigValue {
	return colouredText(percent(), growthSteps())
}

// lowest is below any figure. No value takes the colour of the first step, which therefore is that of text where a
// panel may have none, and the colour of the lowest figures begins here.
const lowest = -1e15

// growthSteps colour a growth rate.
func growthSteps() []dashboard.Threshold {
	return []dashboard.Threshold{step(nil, "text"), step(cog.ToPtr(lowest), "red"), step(cog.ToPtr(0.0), "green")}
}

func colouredText(u unit, steps []dashboard.Threshold) []dashboard.DynamicConfigValue {
	return append(written(u),
		dashboard.DynamicConfigValue{Id: "custom.cellOptions", Value: map[string]any{"type": "color-text"}},
		dashboard.DynamicConfigValue{Id: "color", Value: map[string]any{"mode": "thresholds"}},
		dashboard.DynamicConfigValue{Id: "thresholds", Value: map[string]any{"mode": "absolute", "steps": steps}})
}

// wrapped shows a long text in as many lines as it needs, and whole behind an eye.
func wrapped(pixels int) []dashboard.DynamicConfigValue {
	return atLeast(pixels,
		dashboard.DynamicConfigValue{Id: "custom.cellOptions", Value: map[string]any{"type": "auto", "wrapText": true}},
		dashboard.DynamicConfigValue{Id: "custom.inspect", Value: true})
}

// dated writes a column of times in the form named, by moment's letters.
func dated(form string) []dashboard.DynamicConfigValue {
	return []dashboard.DynamicConfigValue{{Id: "unit", Value: "time:" + form}}
}

func written(u unit) []dashboard.DynamicConfigValue {
	properties := []dashboard.DynamicConfigValue{{Id: "unit", Value: u.id}}
	if u.decimals != nil {
		properties = append(properties, dashboard.DynamicConfigValue{Id: "decimals", Value: *u.decimals})
	}
	return properties
}
