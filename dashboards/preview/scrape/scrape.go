// Package scrape is a small Prometheus in memory, for a stack on one machine that has none: it reads the metrics of a few
// processes at regular times, keeps them for some hours, and answers PromQL with Prometheus' own engine.
package scrape

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"net/url"
	"sync"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
)

// Bounds of a store.
const (
	kept       = 6 * time.Hour // what board Pipeline shows at first
	mostSeries = 20_000
	mostBytes  = 16 << 20 // of one process' metrics
	mostLoaded = 20_000_000
)

// Store holds the samples of its targets. It is safe for concurrent use.
type Store struct {
	targets []string
	every   time.Duration
	client  *http.Client
	engine  *promql.Engine
	log     *slog.Logger

	mu     sync.RWMutex
	series map[uint64]*line // by the hash of their labels
}

// line is one series. Its samples are in order of time.
type line struct {
	labels  labels.Labels
	samples []sample
}

// New returns a store that reads the metrics at targets, addresses such as http://127.0.0.1:8081/metrics, in that rhythm.
func New(targets []string, every time.Duration, log *slog.Logger) (*Store, error) {
	for _, target := range targets {
		if address, err := url.Parse(target); err != nil || address.Host == "" {
			return nil, fmt.Errorf("%q is no address of metrics such as http://127.0.0.1:8081/metrics", target)
		}
	}
	const patience = 30 * time.Second // for one query
	return &Store{
		targets: targets, every: every, client: &http.Client{Timeout: every}, log: log, series: map[uint64]*line{},
		engine: promql.NewEngine(promql.EngineOpts{
			Logger: log, MaxSamples: mostLoaded, Timeout: patience, EnableAtModifier: true, EnableNegativeOffset: true,
			Parser:                   parser.NewParser(parser.Options{}),
			NoStepSubqueryIntervalFn: func(int64) int64 { return every.Milliseconds() },
		}),
	}, nil
}

// Run reads all targets in the store's rhythm until ctx ends. A target that does not answer twice is logged once, until it does.
func (s *Store) Run(ctx context.Context) {
	ticker := time.NewTicker(s.every)
	defer ticker.Stop()
	missed := map[string]int{} // in a row, by target
	for {
		now := time.Now()
		for _, target := range s.targets {
			err := s.scrape(ctx, target, now)
			if err == nil {
				missed[target] = 0
				continue
			}
			if missed[target]++; missed[target] == 2 && ctx.Err() == nil { // the first may be that it starts
				s.log.Warn("metrics not read", "target", target, "err", err)
			}
		}
		s.forget(now.Add(-kept))
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// scrape reads one target. Its series have the label instance, as in Prometheus.
func (s *Store) scrape(ctx context.Context, target string, now time.Time) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return fmt.Errorf("read metrics: %w", err)
	}
	response, err := s.client.Do(request)
	if err != nil {
		return fmt.Errorf("read metrics: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("read metrics: %s answers %s", target, response.Status)
	}
	text := expfmt.NewTextParser(model.UTF8Validation)
	families, err := text.TextToMetricFamilies(http.MaxBytesReader(nil, response.Body, mostBytes))
	if err != nil {
		return fmt.Errorf("read metrics: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, family := range families {
		for _, metric := range family.GetMetric() {
			for suffix, value := range flattened(metric) {
				s.add(labelled(name, suffix, metric, request.URL.Host), now.UnixMilli(), value)
			}
		}
	}
	return nil
}

// add appends a sample. A store that is full takes no new series.
func (s *Store) add(of labels.Labels, at int64, value float64) {
	key := of.Hash()
	found := s.series[key]
	if found == nil {
		if len(s.series) >= mostSeries {
			return
		}
		found = &line{labels: of}
		s.series[key] = found
	}
	found.samples = append(found.samples, sample{at, value})
}

// forget drops what is older than since, and series that have nothing else.
func (s *Store) forget(since time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, found := range s.series {
		old := 0
		for old < len(found.samples) && found.samples[old].at < since.UnixMilli() {
			old++
		}
		if found.samples = found.samples[old:]; len(found.samples) == 0 {
			delete(s.series, key)
		}
	}
}

// part tells the series of one metric apart: the end of its name, and a label of its own.
type part struct{ suffix, label, value string }

// flattened are the values of a metric: one, or those of a histogram or summary.
func flattened(metric *dto.Metric) map[part]float64 {
	out := map[part]float64{}
	switch {
	case metric.Counter != nil:
		out[part{}] = metric.Counter.GetValue()
	case metric.Gauge != nil:
		out[part{}] = metric.Gauge.GetValue()
	case metric.Untyped != nil:
		out[part{}] = metric.Untyped.GetValue()
	case metric.Histogram != nil:
		for _, bucket := range metric.Histogram.GetBucket() {
			out[part{"_bucket", model.BucketLabel, number(bucket.GetUpperBound())}] = float64(bucket.GetCumulativeCount())
		}
		out[part{"_bucket", model.BucketLabel, number(math.Inf(1))}] = float64(metric.Histogram.GetSampleCount())
		out[part{suffix: "_sum"}] = metric.Histogram.GetSampleSum()
		out[part{suffix: "_count"}] = float64(metric.Histogram.GetSampleCount())
	case metric.Summary != nil:
		for _, quantile := range metric.Summary.GetQuantile() {
			out[part{"", model.QuantileLabel, number(quantile.GetQuantile())}] = quantile.GetValue()
		}
		out[part{suffix: "_sum"}] = metric.Summary.GetSampleSum()
		out[part{suffix: "_count"}] = float64(metric.Summary.GetSampleCount())
	}
	return out
}

func number(value float64) string { return model.SampleValue(value).String() }

func labelled(name string, of part, metric *dto.Metric, instance string) labels.Labels {
	builder := labels.NewBuilder(labels.EmptyLabels())
	for _, pair := range metric.GetLabel() {
		builder.Set(pair.GetName(), pair.GetValue())
	}
	if of.label != "" {
		builder.Set(of.label, of.value)
	}
	return builder.Set(model.MetricNameLabel, name+of.suffix).Set(model.InstanceLabel, instance).Labels()
}

// Series is one line of an answer; its times are milliseconds since 1970.
type Series struct {
	Labels map[string]string
	Times  []int64
	Values []float64
}

// errAnswer says that an expression is none whose answer is lines over time.
var errAnswer = errors.New("the answer is not a matrix")

// Range evaluates an expression of PromQL at every step from start to end.
func (s *Store) Range(ctx context.Context, expr string, start, end time.Time, step time.Duration) ([]Series, error) {
	query, err := s.engine.NewRangeQuery(ctx, s, nil, expr, start, end, step)
	if err != nil {
		return nil, fmt.Errorf("query metrics: %w", err)
	}
	defer query.Close()
	result := query.Exec(ctx)
	matrix, err := result.Matrix()
	if err != nil {
		return nil, fmt.Errorf("query metrics: %w", errors.Join(err, result.Err))
	}
	out := make([]Series, 0, len(matrix))
	for _, found := range matrix {
		if len(found.Histograms) > 0 {
			return nil, fmt.Errorf("query metrics: %w", errAnswer)
		}
		one := Series{Labels: found.Metric.Map()}
		for _, point := range found.Floats {
			one.Times, one.Values = append(one.Times, point.T), append(one.Values, point.F)
		}
		out = append(out, one)
	}
	return out, nil
}
