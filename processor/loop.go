package processor

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"

	"github.com/hookline-io/hookline/analytics"
	"github.com/hookline-io/hookline/internal/kafka"
	"github.com/hookline-io/hookline/internal/trace"
	"github.com/hookline-io/hookline/processor/alert"
	"github.com/hookline-io/hookline/processor/backoff"
	"github.com/hookline-io/hookline/schemas"
	"github.com/hookline-io/hookline/schemas/vendors"
)

// Store is where rows go, and the account of them: *analytics.DB. Its writes return nil only when everything is
// stored, and may be repeated: what is there already is replaced by itself.
type Store interface {
	Insert(ctx context.Context, rows *analytics.Batch) error
	LedgerToday(ctx context.Context, group string) ([]analytics.LedgerEntry, error)
	WriteLedger(ctx context.Context, entries []analytics.LedgerEntry) error
}

// Parts are what a Loop needs of the process it runs in.
type Parts struct {
	Log      *slog.Logger
	Registry prometheus.Registerer
	Config   *atomic.Pointer[vendors.Config] // may change at any time
	Store    Store
	Alerts   *alert.Notifier
	Tracer   *trace.Tracer // nil: nothing is traced
	Client   []kgo.Opt     // for the Kafka client, besides those of the Loop itself
}

// Loop stores events. It consumes in two halves that overlap: fill takes records and makes rows of them, flush stores a full
// batch and then commits its offsets.
//
//	Kafka --poll--> fill --(full)--> flush: insert, retries and dead letters, ledger, commit
//	                 ^------(free)------/
//
// Two batches go round, so that the next one is fetched and decoded while one is being inserted, and memory
// stays bounded however large the backlog. While flush holds, fill stops at one full batch and polls no more.
type Loop struct {
	consumer *kafka.Consumer
	kafka    kafka.Options
	store    Store
	topics   schemas.Topics
	config   *atomic.Pointer[vendors.Config]
	ledger   *ledger
	repeater *backoff.Repeater
	alerts   *alert.Notifier
	metrics  *metrics
	tracer   *trace.Tracer
	log      *slog.Logger
	limits   Limits
	retry    RetryOptions
	seed     maphash.Seed
	refusal  atomic.Pointer[string] // why ClickHouse refuses us and what to do about it, while it does
}

// Limits say when a batch is full.
type Limits struct {
	MaxRows       int           `default:"50000" help:"Rows that make a batch full."`
	MaxBytes      int           `default:"12582912" help:"Bytes of events that make a batch full."`
	MaxWait       time.Duration `default:"500ms" help:"Time that the first row of a batch waits at most before it is inserted."`
	InsertTimeout time.Duration `default:"20s" help:"Time that one insert may take. Keep it below the session timeout of the consumer group."`
	DrainTimeout  time.Duration `default:"15s" help:"Time to store and commit what is in hand when stopping."`
}

// RetryOptions say how often a row that ClickHouse rejects by itself is tried.
type RetryOptions struct {
	Attempts int           `default:"5" help:"Attempts to store an event whose row ClickHouse rejects, before it is a dead letter."`
	Delay    time.Duration `default:"1m" help:"Time from one attempt to the next; the same for all, so that none waits for another."`
}

// NewLoop returns a Loop that has joined the group. Run is to be called, since only that leaves it.
func NewLoop(o Options, p Parts) (*Loop, error) {
	if o.Batch.InsertTimeout >= o.SessionTimeout {
		return nil, fmt.Errorf("--batch-insert-timeout (%s) must be below --session-timeout (%s): an insert must not outlive our place in the group",
			o.Batch.InsertTimeout, o.SessionTimeout)
	}
	topics := o.Kafka.Topics()
	l := &Loop{
		store: p.Store, kafka: o.Kafka, topics: topics, config: p.Config, ledger: newLedger(p.Store, o.Group),
		alerts: p.Alerts, metrics: newMetrics(p.Registry),
		log: p.Log, limits: o.Batch, retry: o.Retry, seed: maphash.MakeSeed(), tracer: p.Tracer,
	}
	l.repeater = &backoff.Repeater{
		Log: p.Log, Alerts: p.Alerts, Alert: "HooklineStoreRetrying", AlertAfter: o.AlertAfter, Try: o.Batch.InsertTimeout,
		Retrying: backoff.Gauges(l.metrics.retrying, l.metrics.holding),
	}
	var err error
	o.Kafka.SessionTimeout = o.SessionTimeout
	l.consumer, err = o.Kafka.NewConsumer(p.Log, kafka.Named(p.Registry, "store"), kafka.GroupOptions{
		Group: o.Group, Instance: o.Instance, Topics: []string{topics.Events, topics.Retry},
		Delay:  kafka.Delay{Topic: topics.Retry, Longest: o.Retry.Delay, Due: storeDue},
		Behind: l.metrics.behind, Lost: l.metrics.lost,
	}, slices.Concat(kafka.ProducerOptions(), p.Client)...)
	if err != nil {
		return nil, err
	}
	return l, nil
}

// storeDue is when a record of the retry topic is to be stored again. What is for the group that runs actions, or is no
// retry, does not wait here.
func storeDue(r *kgo.Record) time.Time {
	retry, err := schemas.DecodeRetry(r)
	if err != nil || retry.Action != "" {
		return time.Time{}
	}
	return retry.NotBefore
}

// CheckAccess returns an error, having left the group, if the brokers refuse us: see kafka.Options.CheckAccess.
func (l *Loop) CheckAccess(ctx context.Context) error {
	if err := l.kafka.CheckAccess(ctx, l.log, l.consumer.Client); err != nil {
		l.consumer.Leave()
		return err
	}
	return nil
}

// Ready says whether events are being stored, or will be as soon as ClickHouse is back: an outage is no reason to
// restart us. That it refuses us is.
func (l *Loop) Ready(ctx context.Context) error {
	if why := l.refusal.Load(); why != nil {
		return errors.New(*why)
	}
	return l.kafka.Ping(ctx, l.consumer.Client)
}

// Leads says whether this is the one member of the group to do what is done once for all: the one that has the first
// partition of the events.
func (l *Loop) Leads() bool {
	return l.consumer.Epoch(kafka.Partition{Topic: l.topics.Events}) != 0
}

// Run consumes until ctx is done, then stores and commits what it has in hand and leaves the group.
func (l *Loop) Run(ctx context.Context) error {
	full, free := make(chan *batch), make(chan *batch, 2)
	free <- newBatch(l.tracer)
	free <- newBatch(l.tracer)

	// When asked to stop, the flush in flight gets a bounded time of its own.
	draining, cancel := l.consumer.Drain(ctx, l.limits.DrainTimeout)
	defer l.consumer.Leave()
	defer cancel()

	var halves errgroup.Group
	halves.Go(func() error {
		defer close(full)
		return l.fill(ctx, draining, full, free)
	})
	halves.Go(func() error {
		for b := range full {
			if err := l.flush(draining, b); err != nil {
				cancel()
				return err
			}
			b.reset()
			free <- b
		}
		return nil
	})
	return halves.Wait()
}
