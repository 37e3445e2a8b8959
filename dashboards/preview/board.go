package preview

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/grafana/grafana-foundation-sdk/go/cog/variants"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"

	"github.com/hookline-io/hookline/dashboards"
)

// board is one generated dashboard.
type board struct {
	uid   string
	model dashboard.Dashboard
	zone  *time.Location
}

// load decodes dashboards, given by file name.
func load(files map[string][]byte) ([]board, error) {
	var boards []board
	for _, name := range slices.Sorted(maps.Keys(files)) {
		model, err := dashboards.Decode(files[name])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if model.Uid == nil || model.Title == nil || model.Time == nil {
			return nil, fmt.Errorf("%s: a board needs a UID, a title and a time range", name)
		}
		zone := time.UTC
		if model.Timezone != nil && *model.Timezone != "utc" && *model.Timezone != "browser" {
			if zone, err = time.LoadLocation(*model.Timezone); err != nil {
				return nil, fmt.Errorf("%s: time zone: %w", name, err)
			}
		}
		boards = append(boards, board{uid: *model.Uid, model: model, zone: zone})
	}
	if len(boards) == 0 {
		return nil, fmt.Errorf("there are no boards to show")
	}
	return boards, nil
}

// panel returns the panel with that ID, wherever it is.
func (b board) panel(id uint32) (dashboard.Panel, bool) {
	for _, panel := range b.panels() {
		if panel.Id != nil && *panel.Id == id {
			return panel, true
		}
	}
	return dashboard.Panel{}, false
}

// panels lists the board's panels, those in rows too.
func (b board) panels() []dashboard.Panel {
	var out []dashboard.Panel
	for _, entry := range b.model.Panels {
		if entry.Panel != nil {
			out = append(out, *entry.Panel)
		}
		if entry.RowPanel != nil {
			out = append(out, entry.RowPanel.Panels...)
		}
	}
	return out
}

// asks says whether a panel asks a data source of that type.
func asks(panel dashboard.Panel, kind string) bool {
	return slices.ContainsFunc(panel.Targets, func(query variants.Dataquery) bool { return query.DataqueryType() == kind })
}

// interval is how much of a range one point stands for in a chart of at most points points, in steps that
// people count in.
func interval(shown Range, points int64) time.Duration {
	exact := shown.To.Sub(shown.From) / time.Duration(max(points, 1))
	for _, step := range []time.Duration{
		time.Second, 5 * time.Second, 10 * time.Second, 30 * time.Second,
		time.Minute, 5 * time.Minute, 10 * time.Minute, 30 * time.Minute,
		time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour,
	} {
		if exact <= step {
			return step
		}
	}
	const day = 24 * time.Hour
	return (exact + day - 1) / day * day
}
