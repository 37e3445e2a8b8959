package dashboards

import (
	"github.com/grafana/grafana-foundation-sdk/go/barchart"
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
)

// noSales stands in a panel that has nothing to show, so that it does not look broken.
const noSales = "No sales in this range"

// panel is what every panel says, whatever draws it.
type panel struct {
	id                 uint32 // never reused: links to a panel carry it
	title, description string
	at                 dashboard.GridPos
	draw               cog.Builder[dashboard.Panel] // nil: a heading above the panels that follow
	unit               unit
	shape              QueryType
	sql                string    // what ClickHouse is asked
	prom               []series  // what Prometheus is asked instead
	noValue            string    // noSales where empty
	matrix             [3]string // columns of the query that become rows, columns and values, if any
}

// series is one query to Prometheus and the name of what it answers, which may hold {{label}}.
type series struct{ name, expr string }

// unit says how a panel's figures are written. Grafana takes no variable for a unit, so the unit of money,
// whose currency is chosen on the board, comes with the data: a second query answers it and the
// transformation "config from query results" puts it on the figures.
type unit struct {
	id       string
	decimals *float64
	query    string  // answers the columns unit and decimals, for money
	least    float64 // what an axis shows at least, lest it run to 100 where all is zero
}

func whole() unit     { return unit{id: "locale", decimals: cog.ToPtr(0.0), least: 1} }
func percent() unit   { return unit{id: "percentunit", decimals: cog.ToPtr(1.0), least: 0.01} }
func seconds() unit   { return unit{id: "s", decimals: cog.ToPtr(1.0), least: 0.001} }
func rate() unit      { return unit{id: "reqps", least: 0.01} }
func eventRate() unit { return unit{id: "eps", least: 0.01} }

// count is a number in a table. A table is exported as it is written, and "1,202" is no number to a spreadsheet.
func count() unit { return unit{id: "none", decimals: cog.ToPtr(0.0)} }

// amount is money in a table, as a plain number with the currency's decimals: "1234.50". The panel's title names the
// currency.
func amount() unit { return unit{id: "none", query: currencyUnit(false, true)} }

// ago is a time, shown as how long ago it was.
func ago() unit { return unit{id: "dateTimeFromNow"} }

// money is an exact amount: "EUR 1,234.50", "JPY 1,235", "KWD 1.234".
func money() unit { return unit{id: "locale", query: currencyUnit(true, true)} }

// wholeMoney is an amount in a chart, whose axis takes the same decimals as its legend: "EUR 100,000.00" at
// every line would only be noise. Panels with exact amounts stand beside each chart.
func wholeMoney() unit {
	return unit{id: "locale", decimals: cog.ToPtr(0.0), query: currencyUnit(true, false), least: 1}
}

// heading is a line with a title above the panels that follow it.
func heading(id, y uint32, title string) panel {
	return panel{id: id, title: title, at: at(0, y, columns, 1)}
}

// columns is the width of Grafana's grid.
const columns = 24

// at is a place on Grafana's grid, 24 columns wide with rows of 30 pixels.
func at(x, y, w, h uint32) dashboard.GridPos { return dashboard.GridPos{X: x, Y: y, W: w, H: h} }

// unitRef is the letter of the query that answers the unit of money.
const unitRef = "unit"

func (p panel) row() *dashboard.RowPanel {
	row := dashboard.NewRowPanel()
	row.Id, row.Title, row.GridPos = p.id, &p.title, &p.at
	return row
}

func (p panel) build() (dashboard.Panel, error) {
	out, err := p.draw.Build()
	if err != nil {
		return dashboard.Panel{}, err
	}
	out.Id, out.Title, out.Description, out.GridPos = &p.id, &p.title, &p.description, &p.at
	switch {
	case p.sql != "":
		out.Datasource = cog.ToPtr(clickhouse())
		out.Targets = append(out.Targets, NewTarget("A", p.shape, p.sql))
	case len(p.prom) > 0:
		out.Datasource = cog.ToPtr(prometheusSource())
		for i, query := range p.prom {
			target, err := prometheus.NewDataqueryBuilder().RefId(string(rune('A' + i))).Datasource(prometheusSource()).
				Expr(query.expr).LegendFormat(query.name).Range().Build()
			if err != nil {
				return dashboard.Panel{}, err
			}
			out.Targets = append(out.Targets, target)
		}
	default:
		return out, nil // a text panel asks nothing
	}
	if p.unit.query != "" {
		out.Targets = append(out.Targets, NewTarget(unitRef, TableQuery, p.unit.query))
		out.Transformations = append(out.Transformations, unitFromQuery())
	}
	if p.matrix[0] != "" {
		out.Transformations = append(out.Transformations, matrix(p.matrix[0], p.matrix[1], p.matrix[2]))
	}
	if out.FieldConfig == nil {
		out.FieldConfig = dashboard.NewFieldConfigSource()
	}
	if p.matrix[0] != "" { // the transformation calls the column of rows "Month\Vendor"
		out.FieldConfig.Overrides = append(out.FieldConfig.Overrides, dashboard.DashboardFieldConfigSourceOverrides{
			Matcher:    dashboard.MatcherConfig{Id: "byName", Options: p.matrix[0] + `\` + p.matrix[1]},
			Properties: []dashboard.DynamicConfigValue{{Id: "displayName", Value: p.matrix[0]}},
		})
	}
	defaults := &out.FieldConfig.Defaults
	defaults.Unit, defaults.Decimals = &p.unit.id, p.unit.decimals
	defaults.NoValue = cog.ToPtr(noSales)
	if p.noValue != "" {
		defaults.NoValue = &p.noValue
	}
	p.bound(defaults)
	return out, nil
}

// bound makes an axis that starts at zero end above it even where all values are zero.
func (p panel) bound(defaults *dashboard.FieldConfig) {
	switch custom := defaults.Custom.(type) {
	case *barchart.FieldConfig:
		if custom.AxisSoftMin != nil {
			custom.AxisSoftMax = &p.unit.least
		}
	case *common.GraphFieldConfig: // over time, and trends
		if custom.AxisSoftMin != nil {
			custom.AxisSoftMax = &p.unit.least
		}
	}
}

// unitFromQuery moves the answer of the unit query onto every number of the other query. A column that is
// no amount says so in an override.
func unitFromQuery() dashboard.DataTransformerConfig {
	return dashboard.DataTransformerConfig{Id: "configFromData", Options: map[string]any{
		"configRefId": unitRef,
		"mappings": []map[string]any{
			{"fieldName": "unit", "handlerKey": "unit", "reducerId": "lastNotNull"},
			{"fieldName": "decimals", "handlerKey": "decimals", "reducerId": "lastNotNull"},
		},
	}}
}

// matrix turns rows of (row, column, value) into one row for each row and one column for each column. Left
// empty, emptyValue would be a text.
func matrix(row, column, value string) dashboard.DataTransformerConfig {
	return dashboard.DataTransformerConfig{Id: "groupingToMatrix", Options: map[string]any{
		"rowField": row, "columnField": column, "valueField": value, "emptyValue": "null",
	}}
}
