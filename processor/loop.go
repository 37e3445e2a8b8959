package processor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"

	"github.com/hookline-io/hookline/analytics"
	"github.com/hookline-io/hookline/internal/kafka"
	"github.com/hookline-io/hookline/schemas/vendors"
)

// store is where rows go. Insert returns nil only when every row is stored, and may be repeated: a row that is
// there already is replaced by itself.
type store interface {
	Insert(ctx context.Context, rows *analytics.Batch) error
}

// loop consumes in two halves that overlap: fill takes records and makes rows of them, flush stores a full
// batch and then commits its offsets.
//
//	Kafka --poll--> fill --(full)--> flush --insert, dead letters, commit
//	                 ^------(free)------/
//
// Two batches go round, so that the next one is fetched and decoded while one is being inserted, and memory
// stays bounded however large the backlog. While flush holds, fill stops at one full batch and polls no more.
type loop struct {
	client     *kgo.Client
	store      store
	dlq        string
	config     *atomic.Pointer[vendors.Config]
	assignment *assignment
	metrics    *metrics
	log        *slog.Logger
	limits     Limits
}

// Limits say when a batch is full.
type Limits struct {
	MaxRows       int           `default:"50000" help:"Rows that make a batch full."`
	MaxBytes      int           `default:"33554432" help:"Bytes of events that make a batch full."`
	MaxWait       time.Duration `default:"500ms" help:"Time that the first row of a batch waits at most before it is inserted."`
	InsertTimeout time.Duration `default:"20s" help:"Time that one insert may take. Keep it below the session timeout of the consumer group."`
	DrainTimeout  time.Duration `default:"15s" help:"Time to store and commit what is in hand when stopping."`
}

// pollSlice is how many records are taken from the client at once: few enough that a rebalance never waits long.
const pollSlice = 5000

// run consumes until ctx is done, then stores and commits what it has in hand.
func (l *loop) run(ctx context.Context) error {
	full, free := make(chan *batch), make(chan *batch, 2)
	free <- newBatch()
	free <- newBatch()

	// When asked to stop, the flush under way gets a bounded time of its own.
	draining, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(l.limits.DrainTimeout, cancel) })()

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
func (l *loop) fill(ctx, draining context.Context, full chan<- *batch, free <-chan *batch) error {
	current := <-free
	for ctx.Err() == nil {
		if err := l.take(ctx, current); err != nil {
			return err
		}
		if current.empty() {
			continue
		}
		switch {
		case current.rows.Len() >= l.limits.MaxRows || current.rows.Bytes() >= l.limits.MaxBytes || len(current.dead) >= l.limits.MaxRows:
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
func (l *loop) take(ctx context.Context, b *batch) error {
	if !b.empty() {
		// flush may be busy past the batch's due time: look again soon rather than block.
		wait := max(time.Until(b.oldest.Add(l.limits.MaxWait)), 20*time.Millisecond)
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, wait)
		defer cancel()
	}
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
	fetches.EachPartition(func(p kgo.FetchTopicPartition) {
		if len(p.Records) == 0 {
			return
		}
		grant := l.assignment.grant(partition{p.Topic, p.Partition})
		for _, r := range p.Records {
			l.add(b, r, grant, config)
		}
		l.metrics.behind(p.Topic, p.Partition, p.HighWatermark-p.Records[len(p.Records)-1].Offset-1)
	})
	return nil
}

// add transforms one record into b.
func (l *loop) add(b *batch, r *kgo.Record, grant uint64, config *vendors.Config) {
	if b.oldest.IsZero() {
		b.oldest = time.Now()
	}
	row, err := transform(r, config, b.rows)
	if err != nil {
		l.log.Warn("event is dead-lettered", "event", string(r.Key), "vendor", row.Event.Vendor,
			"topic", r.Topic, "partition", r.Partition, "offset", r.Offset, "err", err)
		l.metrics.dead.WithLabelValues(stageOf(err)).Inc()
		b.dead = append(b.dead, deadLetter{r, err})
	}
	b.took(r, grant)
}

// flush stores a batch and commits its offsets, in this order (invariant 3). It returns an error only when ctx ends.
func (l *loop) flush(ctx context.Context, b *batch) error {
	start := time.Now()
	if b.rows.Len() > 0 {
		err := l.hold(ctx, "insert rows", func(ctx context.Context) error { return l.store.Insert(ctx, b.rows) })
		if err != nil {
			return err
		}
		l.metrics.inserted(b.rows.Len(), time.Since(start))
	}
	if err := l.hold(ctx, "write dead letters", func(ctx context.Context) error { return bury(ctx, l.client, l.dlq, b.dead) }); err != nil {
		return err
	}
	// A commit fails while the group rebalances or its coordinator restarts. The partitions may stay ours through
	// that, and then nobody reads their events again: so it is repeated, for as long as they are ours.
	return l.hold(ctx, "commit offsets", func(ctx context.Context) error {
		offsets := b.offsets(l.assignment)
		if len(offsets) == 0 {
			return nil
		}
		return kafka.CommitOffsets(ctx, l.client, offsets)
	})
}

// hold repeats do until it succeeds or ctx ends. Nothing is committed meanwhile, so nothing can be lost.
func (l *loop) hold(ctx context.Context, what string, do func(context.Context) error) error {
	for attempt := 0; ; attempt++ {
		bounded, cancel := context.WithTimeout(ctx, l.limits.InsertTimeout)
		err := do(bounded)
		cancel()
		if err == nil {
			if attempt > 0 {
				l.log.Info("going on", "after", what, "attempts", attempt+1)
			}
			l.metrics.holding.Set(0)
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("%s: not done before stopping; nothing is lost, the events will be read again: %w", what, err)
		}
		l.metrics.holding.Set(1)
		pause := backoff(attempt)
		l.log.Warn("holding", "step", what, "attempt", attempt+1, "again_in", pause.Round(time.Millisecond), "err", err)
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

// backoff grows from 100 ms to 10 s, half of it random so that processors do not come back in step.
func backoff(attempt int) time.Duration {
	full := min(100*time.Millisecond<<min(attempt, 10), 10*time.Second)
	return full/2 + rand.N(full/2) //nolint:gosec // nothing secret
}
