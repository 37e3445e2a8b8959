package ingest

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hookline-io/hookline/schemas"
)

const (
	rejectionEvery   = time.Minute
	rejectionTimeout = 10 * time.Second
	rejectionBacklog = 60 // minutes kept apart while Kafka does not take them
)

// rejections counts refused deliveries and puts the counts on Kafka once a minute: a flood of forged requests
// adds a record for each vendor and reason it meets, however long it lasts, and nothing else.
//
// What is kept is bounded by configured vendors x reasons x rejectionBacklog (invariant 9). Where Kafka is away
// for longer, the minutes that do not fit are counted under the last one that does. A process that dies loses what
// Kafka has not yet acknowledged: with Kafka there, a minute's counts; one that is stopped loses nothing.
type rejections struct {
	produce  func(ctx context.Context, records []*kgo.Record) error // nil: all of them are acknowledged by all in-sync replicas
	topic    string
	instance string
	log      *slog.Logger

	mu    sync.Mutex
	tally tally   // of the current minute
	past  []tally // oldest first; only the first is ever being sent
}

// tally is what was refused in one minute.
type tally struct {
	minute time.Time
	counts map[refusal]uint64
}

type refusal struct{ vendor, reason string }

// newRejections counts for this run of ingest, under a name of its own.
func newRejections(client *kgo.Client, topic string, log *slog.Logger) *rejections {
	return &rejections{
		topic: topic, instance: uuid.NewString(), log: log,
		produce: func(ctx context.Context, records []*kgo.Record) error {
			return client.ProduceSync(ctx, records...).FirstErr()
		},
	}
}

// add counts one refusal.
func (r *rejections) add(vendor, reason string, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.turn(now)
	r.tally.counts[refusal{vendor, reason}]++
}

// turn begins a new minute if it is time. A clock that goes back does not: a minute that is counted twice would be
// stored as one record in place of the other.
func (r *rejections) turn(now time.Time) {
	minute := now.UTC().Truncate(time.Minute)
	if r.tally.counts != nil && !minute.After(r.tally.minute) {
		return
	}
	r.close()
	r.tally = tally{minute, make(map[refusal]uint64)}
}

// close puts the current minute among the past ones.
func (r *rejections) close() {
	switch {
	case len(r.tally.counts) == 0:
	case len(r.past) < rejectionBacklog:
		r.past = append(r.past, r.tally)
	default:
		// Not the first: it may be on its way to Kafka now, without what is added to it.
		last := r.past[len(r.past)-1].counts
		for what, n := range r.tally.counts {
			last[what] += n
		}
	}
	r.tally = tally{minute: r.tally.minute}
}

// run sends each minute's counts after its end until ctx is done.
func (r *rejections) run(ctx context.Context) error {
	tick := time.NewTicker(rejectionEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-tick.C:
			r.mu.Lock()
			r.turn(now)
			r.mu.Unlock()
			if err := r.flush(ctx); err != nil && ctx.Err() == nil {
				r.log.Warn("rejection counts not sent: they are kept and sent later", "err", err)
			}
		}
	}
}

// stop sends what is left.
func (r *rejections) stop(ctx context.Context) {
	r.mu.Lock()
	r.close()
	r.mu.Unlock()
	if err := r.flush(ctx); err != nil {
		r.log.Error("rejection counts lost: Kafka did not take them before the end", "err", err, "refusals", r.waiting())
	}
}

// flush sends the past minutes, each as a whole, and forgets those that were acknowledged. A minute that is sent
// twice is stored once. It must not run twice at a time.
func (r *rejections) flush(ctx context.Context) error {
	for {
		oldest, ok := r.oldest()
		if !ok {
			return nil
		}
		if err := r.send(ctx, oldest); err != nil {
			return fmt.Errorf("send the rejections of %s: %w", oldest.minute.Format(time.RFC3339), err)
		}
		r.mu.Lock()
		r.past = slices.Delete(r.past, 0, 1)
		r.mu.Unlock()
	}
}

func (r *rejections) oldest() (tally, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.past) == 0 {
		return tally{}, false
	}
	return r.past[0], true
}

func (r *rejections) send(ctx context.Context, t tally) error {
	records := make([]*kgo.Record, 0, len(t.counts))
	for what, n := range t.counts {
		record, err := schemas.Rejection{
			Vendor: what.vendor, Reason: what.reason, Minute: t.minute, Instance: r.instance, Count: n,
		}.Record(r.topic)
		if err != nil {
			return err
		}
		records = append(records, record)
	}
	ctx, cancel := context.WithTimeout(ctx, rejectionTimeout)
	defer cancel()
	return r.produce(ctx, records)
}

// waiting is how many refusals are not on Kafka yet.
func (r *rejections) waiting() (n uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, t := range append(slices.Clone(r.past), r.tally) {
		for _, count := range t.counts {
			n += count
		}
	}
	return n
}
