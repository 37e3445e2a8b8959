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
	"github.com/hookline-io/hookline/processor/hold"
	"github.com/hookline-io/hookline/processor/mapping"
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
//	        |        ^------(free)------/
//	        +-> early: read of the retry topic before it is due
//
// Two batches go round, so that the next one is fetched and decoded while one is being inserted, and memory
// stays bounded however large the backlog. While flush holds, fill stops at one full batch and polls no more.
type Loop struct {
	client     *kgo.Client
	kafka      kafka.Options
	leave      func() // leaves the group and closes client; may be called again
	store      Store
	topics     schemas.Topics
	config     *atomic.Pointer[vendors.Config]
	assignment *assignment
	early      *early
	ledger     *ledger
	holder     *hold.Holder
	alerts     *alert.Notifier
	metrics    *metrics
	tracer     *trace.Tracer
	log        *slog.Logger
	limits     Limits
	retry      RetryOptions
	seed       maphash.Seed
	refusal    atomic.Pointer[string] // why ClickHouse refuses us and what to do about it, while it does
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

// pollSlice is how many records are taken from the client at once: few enough that a batch never grows far beyond its
// limits, and that a rebalance never waits long.
const pollSlice = 1000

// NewLoop returns a Loop that has joined the group. Run is to be called, since only that leaves it.
func NewLoop(o Options, p Parts) (*Loop, error) {
	if o.Batch.InsertTimeout >= o.SessionTimeout {
		return nil, fmt.Errorf("--batch-insert-timeout (%s) must be below --session-timeout (%s): an insert must not outlive our place in the group",
			o.Batch.InsertTimeout, o.SessionTimeout)
	}
	topics := o.Kafka.Topics()
	l := &Loop{
		store: p.Store, kafka: o.Kafka, topics: topics, config: p.Config, assignment: newAssignment(), ledger: newLedger(p.Store, o.Group),
		early: newEarly(topics.Retry, o.Retry.Delay), alerts: p.Alerts, metrics: newMetrics(p.Registry),
		log: p.Log, limits: o.Batch, retry: o.Retry, seed: maphash.MakeSeed(), tracer: p.Tracer,
	}
	l.holder = &hold.Holder{
		Log: p.Log, Alerts: p.Alerts, Alert: "HooklineStoreHolding", AlertAfter: o.AlertAfter, Try: o.Batch.InsertTimeout, Holding: l.metrics.hold,
	}
	var err error
	o.Kafka.SessionTimeout = o.SessionTimeout
	options := slices.Concat(kafka.ProducerOptions(), l.groupOptions(o), p.Client)
	if l.client, l.leave, err = o.Kafka.NewMember(p.Log, kafka.Named(p.Registry, "store"), o.Group, options...); err != nil {
		return nil, err
	}
	return l, nil
}

// Admit returns an error, having left the group, if the brokers refuse us: see kafka.Options.Admit.
func (l *Loop) Admit(ctx context.Context) error {
	if err := l.kafka.Admit(ctx, l.log, l.client); err != nil {
		l.leave()
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
	return l.kafka.Ping(ctx, l.client)
}

// Run consumes until ctx is done, then stores and commits what it has in hand and leaves the group.
func (l *Loop) Run(ctx context.Context) error {
	full, free := make(chan *batch), make(chan *batch, 2)
	free <- newBatch(l.tracer)
	free <- newBatch(l.tracer)

	// When asked to stop, the flush under way gets a bounded time of its own.
	draining, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer context.AfterFunc(ctx, func() { time.AfterFunc(l.limits.DrainTimeout, cancel) })()
	// Leaving is all that ends a write to a broker that does not answer: no context does, since the broker may have it.
	left := make(chan struct{})
	context.AfterFunc(draining, func() {
		defer close(left)
		l.leave()
	})
	defer func() {
		cancel()
		<-left
	}()

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

// fill takes records until ctx is done. It hands a batch over when it is full, or when its first row has waited
// long enough and flush is idle; meanwhile it goes on filling.
func (l *Loop) fill(ctx, draining context.Context, full chan<- *batch, free <-chan *batch) error {
	current := <-free
	for ctx.Err() == nil {
		if err := l.take(ctx, current); err != nil {
			return err
		}
		if current.empty() {
			continue
		}
		switch {
		case current.full(l.limits):
			select {
			case full <- current:
				current = <-free
			case <-ctx.Done():
			}
		case time.Since(current.oldest) >= l.limits.MaxWait:
			select {
			case full <- current:
				current = <-free
			default:
			}
		}
	}
	if current.empty() {
		return nil
	}
	select {
	case full <- current:
	case <-draining.Done():
	}
	return nil
}

// take polls once and adds what came to b.
func (l *Loop) take(ctx context.Context, b *batch) error {
	until := l.early.next()
	if !b.empty() {
		// flush may be busy past the batch's due time: look again soon rather than block.
		if due := time.Now().Add(max(time.Until(b.oldest.Add(l.limits.MaxWait)), 20*time.Millisecond)); due.Before(until) {
			until = due
		}
	}
	ctx, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	fetches := l.client.PollRecords(ctx, pollSlice)
	// Until here the client keeps partitions from being taken away, so that each record is noted under the grant
	// it was read by.
	defer l.client.AllowRebalance()
	if fetches.IsClientClosed() {
		return errors.New("kafka client closed")
	}
	fetches.EachError(func(topic string, id int32, err error) {
		if !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled) {
			l.log.Warn("fetch", "topic", topic, "partition", id, "err", err)
		}
	})
	config := l.config.Load()
	l.early.due(l.client, l.assignment, func(r *kgo.Record, grant uint64) { l.add(b, r, grant, config) })
	fetches.EachPartition(func(p kgo.FetchTopicPartition) {
		if len(p.Records) == 0 {
			return
		}
		l.metrics.behind(p.Topic, p.Partition, p.HighWatermark-p.Records[len(p.Records)-1].Offset-1)
		grant := l.assignment.grant(partition{p.Topic, p.Partition})
		for _, r := range l.early.park(l.client, p.Topic, p.Partition, p.Records, grant) {
			l.add(b, r, grant, config)
		}
	})
	return nil
}

// add maps one record into b.
func (l *Loop) add(b *batch, r *kgo.Record, grant uint64, config *vendors.Config) {
	if b.oldest.IsZero() {
		b.oldest = time.Now()
	}
	s := b.took(r, grant)
	var retry schemas.Retry
	if r.Topic == l.topics.Retry {
		var err error
		if retry, err = schemas.DecodeRetry(r); retry.Action != "" {
			s.skipped++ // for the group that runs actions
			return
		} else if err != nil {
			l.bury(b, s, r, schemas.DeadLetter{Stage: string(mapping.StageDecode), Error: err.Error()})
			return
		}
	}
	row, appended, err := mapping.Append(r, config, b.rows)
	b.traces.took(r, &row.Event)
	if appended {
		b.sources = append(b.sources, source{record: r, span: s, attempts: retry.Attempts, dead: err != nil})
	} else {
		b.bytes += len(r.Value)
	}
	if id := row.Event.ID; id != "" {
		vendor := row.Event.Vendor
		if _, known := config.Vendors[vendor]; !known {
			vendor = schemas.UnknownVendor
		}
		s.vendors[vendor]++
		if b.seen(l.seed, row.Event.Vendor, id) && err == nil {
			s.duplicates++
		}
	}
	if err != nil {
		l.bury(b, s, r, schemas.DeadLetter{Stage: string(mapping.StageOf(err)), Error: err.Error(), Attempts: retry.Attempts})
		return
	}
	s.stored++
}

// maxLogged is how many dead letters of one batch are logged each by itself.
const maxLogged = 10

// bury makes a dead letter of r.
func (l *Loop) bury(b *batch, s *span, r *kgo.Record, letter schemas.DeadLetter) {
	s.dead++
	b.moves = append(b.moves, letter.Record(l.topics.DLQ, r))
	b.traces.outcome(r, "dead letter", letter.Error)
	l.metrics.dead.WithLabelValues(letter.Stage).Inc()
	if b.buried++; b.buried > maxLogged {
		return
	}
	l.log.Warn("event is dead-lettered", "event", string(r.Key), "topic", r.Topic, "partition", r.Partition, "offset", r.Offset,
		"stage", letter.Stage, "attempts", letter.Attempts, "err", letter.Error)
}
