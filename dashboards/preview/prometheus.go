package preview

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/grafana/grafana-foundation-sdk/go/prometheus"

	"github.com/hookline-io/hookline/dashboards/preview/scrape"
)

// Metrics answers PromQL: a Prometheus, or the preview itself in its place.
type Metrics struct {
	matrix func(ctx context.Context, expr string, shown Range, step time.Duration) ([]series, error)
}

// OpenMetrics returns the Prometheus at address, such as http://127.0.0.1:9090, which is asked over its HTTP API
// (https://prometheus.io/docs/prometheus/latest/querying/api/). It does not connect yet.
func OpenMetrics(address string) (*Metrics, error) {
	base, err := url.Parse(address)
	if err != nil || base.Host == "" {
		return nil, errors.New("the address of Prometheus must be like http://127.0.0.1:9090")
	}
	remote := remote{address: strings.TrimSuffix(base.String(), "/"), client: &http.Client{Timeout: queryTimeout}}
	return &Metrics{remote.matrix}, nil
}

// Scraped returns what a store of the preview's own has read of the processes themselves.
func Scraped(store *scrape.Store) *Metrics {
	return &Metrics{func(ctx context.Context, expr string, shown Range, step time.Duration) ([]series, error) {
		found, err := store.Range(ctx, expr, shown.From.Truncate(step), shown.To, step)
		if err != nil {
			return nil, err
		}
		out := make([]series, 0, len(found))
		for _, one := range found {
			line := series{Metric: one.Labels}
			for i, at := range one.Times {
				line.Values = append(line.Values, sample{float64(at) / 1000, one.Values[i]})
			}
			out = append(out, line)
		}
		return out, nil
	}}
}

// remote is a Prometheus elsewhere.
type remote struct {
	address string
	client  *http.Client
}

// errMetrics marks errors of Prometheus.
var errMetrics = errors.New("Prometheus")

// scrapeInterval is how often Prometheus asks, as in Grafana's data source (timeInterval in compose/grafana).
const scrapeInterval = 15 * time.Second

// promVariable finds Grafana's own variables in PromQL.
var promVariable = regexp.MustCompile(`\$__(\w+)`)

// expandProm replaces Grafana's own variables in PromQL as its Prometheus data source does
// (https://grafana.com/docs/grafana/latest/datasources/prometheus/template-variables/).
func expandProm(expr string, shown Range, step time.Duration) (string, error) {
	var failed error
	out := promVariable.ReplaceAllStringFunc(expr, func(match string) string {
		seconds := func(d time.Duration) string { return strconv.Itoa(int(d.Seconds())) + "s" }
		switch strings.TrimPrefix(match, "$__") {
		case "interval":
			return seconds(step)
		case "rate_interval":
			return seconds(max(step+scrapeInterval, 4*scrapeInterval))
		case "range":
			return seconds(shown.To.Sub(shown.From))
		}
		failed = fmt.Errorf("%s is no variable that the preview knows", match)
		return match
	})
	return out, failed
}

// legendLabel finds {{label}} in the name of a series.
var legendLabel = regexp.MustCompile(`\{\{\s*(\w+)\s*\}\}`)

// Query returns the answer to one query for a range as a frame: a field "time" and one for each series, named as
// the query's legend says.
func (m *Metrics) Query(ctx context.Context, query *prometheus.Dataquery, shown Range, step time.Duration) (Frame, error) {
	expr, err := expandProm(query.Expr, shown, step)
	if err != nil {
		return Frame{}, err
	}
	series, err := m.matrix(ctx, expr, shown, step)
	if err != nil {
		return Frame{}, fmt.Errorf("%w: %w", errMetrics, err)
	}
	legend := text(query.LegendFormat)
	frame := joined(series)
	for i, one := range series {
		frame.Fields[i+1].Name = legendLabel.ReplaceAllStringFunc(legend, func(match string) string {
			return one.Metric[legendLabel.FindStringSubmatch(match)[1]]
		})
	}
	frame.RefID = text(query.RefId)
	return frame, nil
}

// series is one line of a matrix.
type series struct {
	Metric map[string]string
	Values []sample
}

// sample is a value at a time in seconds since 1970.
type sample struct{ at, value float64 }

// UnmarshalJSON reads [1435781430.781, "1"]. NaN is a value too.
func (s *sample) UnmarshalJSON(raw []byte) error {
	var pair struct {
		at    float64
		value string
	}
	if err := json.Unmarshal(raw, &[]any{&pair.at, &pair.value}); err != nil {
		return err
	}
	value, err := strconv.ParseFloat(pair.value, 64)
	if err != nil {
		return err
	}
	s.at, s.value = pair.at, value
	return nil
}

func (m remote) matrix(ctx context.Context, expr string, shown Range, step time.Duration) ([]series, error) {
	form := url.Values{
		"query": {expr}, "step": {strconv.FormatFloat(step.Seconds(), 'f', -1, 64)},
		"start": {shown.From.Truncate(step).Format(time.RFC3339Nano)}, "end": {shown.To.Format(time.RFC3339Nano)},
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, m.address+"/api/v1/query_range", strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := m.client.Do(request)
	if err != nil {
		return nil, errors.New("it cannot be reached. Is it running, and is --prometheus-url right?")
	}
	defer response.Body.Close()
	var answer struct {
		Error string
		Data  struct{ Result []series }
	}
	const most = 64 << 20
	if err := json.NewDecoder(io.LimitReader(response.Body, most)).Decode(&answer); err != nil {
		return nil, fmt.Errorf("it answered %s with what is no JSON: is --prometheus-url right?", response.Status)
	}
	if answer.Error != "" {
		return nil, errors.New(answer.Error)
	}
	return answer.Data.Result, nil
}

// joined is a field of all times and one field for each series, with nothing where a series has no value.
func joined(all []series) Frame {
	places := map[float64]int{}
	for _, one := range all {
		for _, sample := range one.Values {
			places[sample.at] = 0
		}
	}
	times := make([]float64, 0, len(places))
	for at := range places {
		times = append(times, at)
	}
	slices.Sort(times)
	const milliseconds = 1000
	field := Field{Name: "time", Kind: KindTime, Values: make([]any, len(times))}
	for i, at := range times {
		places[at], field.Values[i] = i, at*milliseconds
	}
	frame := Frame{Fields: []Field{field}}
	for _, one := range all {
		values := make([]any, len(times))
		for _, sample := range one.Values {
			if !math.IsNaN(sample.value) && !math.IsInf(sample.value, 0) {
				values[places[sample.at]] = sample.value
			}
		}
		frame.Fields = append(frame.Fields, Field{Kind: KindNumber, Values: values})
	}
	return frame
}

// merged is one frame of several over time, as a panel draws the answers to several queries.
func merged(frames []Frame) Frame {
	times := map[any]bool{}
	all := []any{}
	for _, frame := range frames {
		for _, at := range frame.Fields[0].Values {
			if !times[at] {
				times[at] = true
				all = append(all, at)
			}
		}
	}
	slices.SortFunc(all, func(a, b any) int { return int(a.(float64) - b.(float64)) })
	places := make(map[any]int, len(all))
	for i, at := range all {
		places[at] = i
	}
	out := Frame{RefID: frames[0].RefID, Fields: []Field{{Name: "time", Kind: KindTime, Values: all}}}
	for _, frame := range frames {
		for _, field := range frame.Fields[1:] {
			values := make([]any, len(all))
			for row, value := range field.Values {
				values[places[frame.Fields[0].Values[row]]] = value
			}
			field.Values = values
			out.Fields = append(out.Fields, field)
		}
	}
	return out
}
