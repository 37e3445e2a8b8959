package dashboards

import (
	"bytes"
	"encoding/json"
	"fmt"
	"sync"

	"github.com/grafana/grafana-foundation-sdk/go/barchart"
	"github.com/grafana/grafana-foundation-sdk/go/bargauge"
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/cog/variants"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/table"
	"github.com/grafana/grafana-foundation-sdk/go/text"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
	"github.com/grafana/grafana-foundation-sdk/go/trend"
)

// ClickHouseType is the ID of the official ClickHouse plugin, github.com/grafana/clickhouse-datasource.
const ClickHouseType = "grafana-clickhouse-datasource"

// pluginVersion is the version of the ClickHouse plugin whose query model Target follows (its src/types/sql.ts).
const pluginVersion = "4.14.1"

// QueryType is the shape in which the ClickHouse plugin returns the rows of a query.
type QueryType string

const (
	// TableQuery returns the rows as they are.
	TableQuery QueryType = "table"
	// TimeSeriesQuery wants a column "time" and turns text columns into labels, one series for each combination.
	TimeSeriesQuery QueryType = "timeseries"
)

// Target is one query for the ClickHouse plugin, which the SDK has no type for. It implements
// variants.Dataquery.
type Target struct {
	RefID         string               `json:"refId"`
	Datasource    common.DataSourceRef `json:"datasource"`
	EditorType    string               `json:"editorType"` // always "sql": the query is written, not put together in the editor
	QueryType     QueryType            `json:"queryType"`
	Format        int                  `json:"format"` // QueryType as the plugin's backend knows it: 0 time series, 1 table
	RawSQL        string               `json:"rawSql"` // with Grafana's variables and the plugin's macros
	PluginVersion string               `json:"pluginVersion"`
}

var _ variants.Dataquery = Target{}

// NewTarget returns the query sql under the letter refID, answered in the shape that kind names.
func NewTarget(refID string, kind QueryType, sql string) Target {
	target := Target{
		RefID: refID, Datasource: clickhouse(), EditorType: "sql",
		QueryType: kind, RawSQL: sql, PluginVersion: pluginVersion,
	}
	if kind == TableQuery {
		target.Format = 1
	}
	return target
}

// ImplementsDataqueryVariant implements variants.Dataquery.
func (Target) ImplementsDataqueryVariant() {}

// DataqueryType implements variants.Dataquery.
func (Target) DataqueryType() string { return ClickHouseType }

// Equals implements variants.Dataquery.
func (t Target) Equals(other variants.Dataquery) bool {
	o, ok := other.(Target)
	if !ok || !t.Datasource.Equals(o.Datasource) {
		return false
	}
	t.Datasource, o.Datasource = common.DataSourceRef{}, common.DataSourceRef{}
	return t == o
}

// Validate implements variants.Dataquery: the shape is known and said alike in both of its fields.
func (t Target) Validate() error {
	want := NewTarget(t.RefID, t.QueryType, t.RawSQL)
	switch {
	case t.QueryType != TableQuery && t.QueryType != TimeSeriesQuery:
		return fmt.Errorf("query %s: queryType is %q, not %q or %q", t.RefID, t.QueryType, TableQuery, TimeSeriesQuery)
	case t.Format != want.Format:
		return fmt.Errorf("query %s: format is %d, but queryType %q is %d", t.RefID, t.Format, t.QueryType, want.Format)
	case t.EditorType != want.EditorType:
		return fmt.Errorf("query %s: editorType is %q, not %q", t.RefID, t.EditorType, want.EditorType)
	case t.RawSQL == "":
		return fmt.Errorf("query %s: rawSql is empty", t.RefID)
	}
	return nil
}

// Decode reads a dashboard strictly: a field that the SDK's types do not have is an error, at any depth, and
// so are a kind of panel or query that register does not name, and a target of the ClickHouse plugin that is not a
// Target.
func Decode(raw []byte) (dashboard.Dashboard, error) {
	register()
	var board dashboard.Dashboard
	if err := board.UnmarshalJSONStrict(raw); err != nil {
		return dashboard.Dashboard{}, fmt.Errorf("decode dashboard: %w", err)
	}
	if err := board.Validate(); err != nil {
		return dashboard.Dashboard{}, fmt.Errorf("decode dashboard: %w", err)
	}
	for _, entry := range board.Panels {
		var panels []dashboard.Panel
		if entry.Panel != nil {
			panels = append(panels, *entry.Panel)
		}
		if entry.RowPanel != nil {
			panels = append(panels, entry.RowPanel.Panels...)
		}
		for _, panel := range panels {
			if err := known(panel); err != nil {
				return dashboard.Dashboard{}, fmt.Errorf("decode dashboard: %w", err)
			}
		}
	}
	return board, nil
}

// known returns an error where the SDK's runtime took a panel or a query as it came, for want of its type.
func known(panel dashboard.Panel) error {
	if _, ok := cog.ConfigForPanelcfgVariant(panel.Type); !ok {
		return fmt.Errorf("panel of type %q: not registered", panel.Type)
	}
	for _, query := range panel.Targets {
		if _, unknown := query.(variants.UnknownDataquery); unknown {
			return fmt.Errorf("panel of type %q: a query of a data source that is not registered", panel.Type)
		}
	}
	return nil
}

// register tells the SDK's runtime, which is one per process, how to decode the panels and queries that boards are made
// of. Its RegisterDefaultPlugins knows dozens more, which would all be compiled and linked.
var register = sync.OnceFunc(func() {
	runtime := cog.NewRuntime()
	for _, panel := range []variants.PanelcfgConfig{
		barchart.VariantConfig(), bargauge.VariantConfig(), stat.VariantConfig(), table.VariantConfig(), text.VariantConfig(), timeseries.VariantConfig(), trend.VariantConfig(),
	} {
		runtime.RegisterPanelcfgVariant(panel)
	}
	runtime.RegisterDataqueryVariant(prometheus.VariantConfig())
	runtime.RegisterDataqueryVariant(variants.DataqueryConfig{
		Identifier:                 ClickHouseType,
		DataqueryUnmarshaler:       func(raw []byte) (variants.Dataquery, error) { return decodeTarget(raw, false) },
		StrictDataqueryUnmarshaler: func(raw []byte) (variants.Dataquery, error) { return decodeTarget(raw, true) },
		GoConverter:                func(target any) string { return cog.Dump(target) },
	})
})

func decodeTarget(raw []byte, strict bool) (variants.Dataquery, error) {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	if strict {
		decoder.DisallowUnknownFields()
	}
	var target Target
	if err := decoder.Decode(&target); err != nil {
		return nil, fmt.Errorf("query of %s: %w", ClickHouseType, err)
	}
	if strict {
		return target, target.Validate()
	}
	return target, nil
}
