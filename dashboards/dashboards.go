// Package dashboards writes the Grafana boards that show what hookline has stored. One file per board says
// what the board asks; panel.go says how all of them look; the JSON that Grafana reads is generated from
// them and committed in generated/.
//
// The boards need Grafana 12.1 or later (the unit currency:financial and the variable format
// customqueryparam) and the official ClickHouse plugin.
package dashboards

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// ClickHouseUID is the UID that the provisioned ClickHouse data source must have: every query names it.
const ClickHouseUID = "hookline-clickhouse"

// PrometheusUID is the UID that the provisioned Prometheus data source must have.
const PrometheusUID = "hookline-prometheus"

// prometheusType is the ID of Grafana's plugin for Prometheus.
const prometheusType = "prometheus"

// The UIDs of the boards.
const (
	SalesUID    = "hookline-sales"
	VendorsUID  = "hookline-vendors"
	VendorUID   = "hookline-vendor"
	PipelineUID = "hookline-pipeline"
	JournalUID  = "hookline-journal"
)

// tag marks all of hookline's boards; the links from board to board follow it.
const tag = "hookline"

// board is what one board says; the rest is the same for all of them.
type board struct {
	uid, title, description string
	from                    string // start of the default time range; it ends now
	refresh                 string
	ranges                  bool // offers the ranges that people review sales by
	variables               []cog.Builder[dashboard.VariableModel]
	panels                  []panel
}

// boards lists all boards, the one that people open first at the front.
func boards() []board {
	return []board{sales(), vendors(), vendor(), pipeline(), journal()}
}

// UIDs lists the boards in the order in which people should find them.
func UIDs() []string {
	uids := make([]string, 0, len(boards()))
	for _, b := range boards() {
		uids = append(uids, b.uid)
	}
	return uids
}

// Generate returns the JSON of every board under its file name, "<uid>.json".
func Generate() (map[string][]byte, error) {
	files := make(map[string][]byte)
	for _, b := range boards() {
		model, err := b.build()
		if err != nil {
			return nil, fmt.Errorf("board %s: %w", b.uid, err)
		}
		raw, err := json.MarshalIndent(model, "", "  ")
		if err != nil {
			return nil, fmt.Errorf("board %s: %w", b.uid, err)
		}
		files[b.uid+".json"] = append(raw, '\n')
	}
	return files, nil
}

// usualMonths is the start of a range that ends now and has twelve months, the current one included.
const usualMonths = "now-11M/M"

// quickRanges are the ranges that people review sales by.
func quickRanges() []dashboard.TimeOption {
	return []dashboard.TimeOption{
		{Display: "This month and 11 before", From: usualMonths, To: "now"},
		{Display: "This month and 24 before", From: "now-24M/M", To: "now"},
		{Display: "This month", From: "now/M", To: "now"},
		{Display: "Last month", From: "now-1M/M", To: "now-1M/M"},
		{Display: "This quarter", From: "now/Q", To: "now"},
		{Display: "Last quarter", From: "now-1Q/Q", To: "now-1Q/Q"},
		{Display: "Year to date", From: "now/y", To: "now"},
		{Display: "Last year", From: "now-1y/y", To: "now-1y/y"},
		{Display: "Last 7 days", From: "now-6d/d", To: "now"},
		{Display: "Last 30 days", From: "now-29d/d", To: "now"},
	}
}

// linkedRanges are those of quickRanges that a board links to, one click away.
var linkedRanges = []string{"This quarter", "Last quarter", "Year to date"}

// rangeLinks lead to the board itself with another range, and keep what else was chosen.
func (b board) rangeLinks() []cog.Builder[dashboard.DashboardLink] {
	links := []cog.Builder[dashboard.DashboardLink]{}
	for _, r := range quickRanges() {
		if slices.Contains(linkedRanges, r.Display) {
			address := "/d/" + b.uid + "?" + url.Values{"from": {r.From}, "to": {r.To}}.Encode()
			links = append(links, dashboard.NewDashboardLinkBuilder(r.Display).
				Type(dashboard.DashboardLinkTypeLink).Url(address).Tooltip("Shows "+strings.ToLower(r.Display)+".").Icon("clock-nine").IncludeVars(true))
		}
	}
	return links
}

// build puts the board together. Its time zone is UTC because the panels read the chosen range as calendar
// days: see lastDay.
func (b board) build() (dashboard.Dashboard, error) {
	toOthers := dashboard.NewDashboardLinkBuilder("Boards").
		Type(dashboard.DashboardLinkTypeDashboards).Tags([]string{tag}).IncludeVars(true).KeepTime(true)
	links, picker := []cog.Builder[dashboard.DashboardLink]{toOthers}, dashboard.NewTimePickerBuilder()
	if b.ranges {
		links = append(links, b.rangeLinks()...)
		options := []cog.Builder[dashboard.TimeOption]{}
		for _, r := range quickRanges() {
			options = append(options, dashboard.NewTimeOptionBuilder().Display(r.Display).From(r.From).To(r.To))
		}
		picker.QuickRanges(options)
	}
	model, err := dashboard.NewDashboardBuilder(b.title).
		Uid(b.uid).Description(b.description).Tags([]string{tag}).
		Timezone("utc").Time(b.from, "now").Refresh(b.refresh).WeekStart("monday").
		Tooltip(dashboard.DashboardCursorSyncCrosshair).
		Readonly().Timepicker(picker).Links(links).Variables(b.variables).Build()
	if err != nil {
		return dashboard.Dashboard{}, err
	}
	for i := range model.Links {
		model.Links[i].Placement = nil // the SDK's own choice would hide the links in a menu
	}
	for _, p := range b.panels {
		if p.draw == nil {
			model.Panels = append(model.Panels, dashboard.PanelOrRowPanel{RowPanel: p.row()})
			continue
		}
		built, err := p.build()
		if err != nil {
			return dashboard.Dashboard{}, fmt.Errorf("panel %d, %s: %w", p.id, p.title, err)
		}
		model.Panels = append(model.Panels, dashboard.PanelOrRowPanel{Panel: &built})
	}
	return model, nil
}

func prometheusSource() common.DataSourceRef {
	return common.DataSourceRef{Type: cog.ToPtr(prometheusType), Uid: cog.ToPtr(PrometheusUID)}
}

func clickhouse() common.DataSourceRef {
	return common.DataSourceRef{Type: cog.ToPtr(ClickHouseType), Uid: cog.ToPtr(ClickHouseUID)}
}
