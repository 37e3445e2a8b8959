package scrape

import (
	"context"
	"slices"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/util/annotations"
)

// sample is a value at a time in milliseconds since 1970. It implements chunks.Sample; it is never a histogram.
type sample struct {
	at    int64
	value float64
}

func (s sample) T() int64                      { return s.at }
func (s sample) ST() int64                     { return 0 }
func (s sample) F() float64                    { return s.value }
func (s sample) H() *histogram.Histogram       { return nil }
func (s sample) FH() *histogram.FloatHistogram { return nil }
func (s sample) Type() chunkenc.ValueType      { return chunkenc.ValFloat }
func (s sample) Copy() chunks.Sample           { return s }

// Querier implements storage.Queryable for the engine.
func (s *Store) Querier(from, to int64) (storage.Querier, error) { return querier{s, from, to}, nil }

// querier reads the samples of a span of time, both ends included.
type querier struct {
	store    *Store
	from, to int64
}

// Select returns copies, since scraping goes on.
func (q querier) Select(_ context.Context, _ bool, _ *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
	q.store.mu.RLock()
	defer q.store.mu.RUnlock()
	var found []storage.Series
	for _, candidate := range q.store.series {
		unlike := func(m *labels.Matcher) bool { return !m.Matches(candidate.labels.Get(m.Name)) }
		if slices.ContainsFunc(matchers, unlike) {
			continue
		}
		var samples []chunks.Sample
		for _, one := range candidate.samples {
			if one.at >= q.from && one.at <= q.to {
				samples = append(samples, one)
			}
		}
		if len(samples) > 0 {
			found = append(found, storage.NewListSeries(candidate.labels, samples))
		}
	}
	slices.SortFunc(found, func(a, b storage.Series) int { return labels.Compare(a.Labels(), b.Labels()) })
	return &set{all: found, at: -1}
}

// The engine asks for no labels.

func (querier) LabelValues(context.Context, string, *storage.LabelHints, ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	return nil, nil, nil
}

func (querier) LabelNames(context.Context, *storage.LabelHints, ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	return nil, nil, nil
}

func (querier) Close() error { return nil }

// set is a list of series as the engine goes through them.
type set struct {
	all []storage.Series
	at  int
}

func (s *set) Next() bool                        { s.at++; return s.at < len(s.all) }
func (s *set) At() storage.Series                { return s.all[s.at] }
func (s *set) Err() error                        { return nil }
func (s *set) Warnings() annotations.Annotations { return nil }
