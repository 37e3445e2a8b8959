package preview

import (
	"context"
	"errors"
	"fmt"

	"github.com/grafana/grafana-foundation-sdk/go/prometheus"

	"github.com/hookline-io/hookline/dashboards"
)

// errNoPanel says that a board has no panel of that ID.
var errNoPanel = errors.New("no such panel")

// figures answers a request for a panel: its queries' frames, transformed and configured as Grafana would.
func (r request) figures(ctx context.Context, engine Engine, metrics *Metrics, id uint32) ([]Frame, error) {
	panel, ok := r.board.panel(id)
	if !ok {
		return nil, fmt.Errorf("%w: %d", errNoPanel, id)
	}
	_, choices, err := r.variables(ctx, engine, false)
	if err != nil {
		return nil, err
	}
	var frames []Frame
	for _, query := range panel.Targets {
		var frame Frame
		switch target := query.(type) {
		case dashboards.Target:
			frame, err = r.run(ctx, engine, target, choices)
		case *prometheus.Dataquery:
			frame, err = r.measure(ctx, metrics, target)
		default:
			err = fmt.Errorf("the preview has no data source of type %q", query.DataqueryType())
		}
		if err != nil {
			return nil, err
		}
		frames = append(frames, frame)
	}
	if asks(panel, prometheusType) {
		frames = []Frame{merged(frames)}
	}
	if frames, err = transform(frames, panel.Transformations); err != nil {
		return nil, err
	}
	return frames, configure(frames, panel.FieldConfig, choices)
}

func (r request) run(ctx context.Context, engine Engine, target dashboards.Target, choices Choices) (Frame, error) {
	if text(target.Datasource.Uid) != dashboards.ClickHouseUID {
		return Frame{}, fmt.Errorf("query %s asks the data source %q, which the preview does not have", target.RefID, text(target.Datasource.Uid))
	}
	sql, err := r.sql(target.RawSQL, choices)
	if err != nil {
		return Frame{}, fmt.Errorf("query %s: %w", target.RefID, err)
	}
	frame, err := engine.Query(ctx, sql)
	if err != nil {
		return Frame{}, fmt.Errorf("query %s: %w", target.RefID, err)
	}
	frame.RefID = target.RefID
	if target.QueryType == dashboards.TimeSeriesQuery {
		return widen(frame)
	}
	return frame, nil
}

// sql replaces variables, then macros, as Grafana and the plugin do.
func (r request) sql(raw string, choices Choices) (string, error) {
	sql, err := choices.Interpolate(raw)
	if err != nil {
		return "", err
	}
	const points = 1000
	return ExpandMacros(sql, r.shown, interval(r.shown, points))
}

// prometheusType is the ID of Grafana's plugin for Prometheus.
const prometheusType = "prometheus"

func (r request) measure(ctx context.Context, metrics *Metrics, query *prometheus.Dataquery) (Frame, error) {
	if metrics == nil {
		return Frame{}, fmt.Errorf("%w: the preview has none configured", errMetrics)
	}
	const points = 500
	return metrics.Query(ctx, query, r.shown, max(interval(r.shown, points), scrapeInterval))
}
