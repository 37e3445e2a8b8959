package processor

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hookline-io/hookline/internal/kafka"
	"github.com/hookline-io/hookline/processor/mapping"
	"github.com/hookline-io/hookline/schemas"
	"github.com/hookline-io/hookline/schemas/vendors"
)

// pollSlice is how many records are taken from the client at once: few enough that a batch never grows far beyond its
// limits, and that a rebalance never waits long.
const pollSlice = 1000

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
	var until time.Time
	if !b.empty() {
		// flush may be busy past the batch's due time: look again soon rather than block.
		until = time.Now().Add(max(time.Until(b.oldest.Add(l.limits.MaxWait)), 20*time.Millisecond))
	}
	config := l.config.Load()
	return l.consumer.Poll(ctx, pollSlice, until, func(f kafka.Fetch) {
		for _, r := range f.Records {
			l.add(b, r, f.Epoch, config)
		}
	})
}

// add maps one record into b.
func (l *Loop) add(b *batch, r *kgo.Record, epoch uint64, config *vendors.Config) {
	if b.oldest.IsZero() {
		b.oldest = time.Now()
	}
	s := b.record(r, epoch)
	var retry schemas.Retry
	if r.Topic == l.topics.Retry {
		var err error
		if retry, err = schemas.DecodeRetry(r); retry.Action != "" {
			s.skipped++ // for the group that runs actions
			return
		} else if err != nil {
			l.deadLetter(b, s, r, schemas.DeadLetter{Stage: string(mapping.StageDecode), Error: err.Error()})
			return
		}
	}
	row, appended, err := mapping.Append(r, config, b.rows)
	b.traces.record(r, &row.Event)
	if appended {
		b.sources = append(b.sources, rowOrigin{record: r, offsets: s, attempts: retry.Attempts, dead: err != nil})
	} else {
		b.bytes += len(r.Value)
	}
	if id := row.Event.ID; id != "" {
		vendor := row.Event.Vendor
		if configured, known := config.Vendors[vendor]; known {
			l.metrics.counted(configured, &row, err)
		} else {
			vendor = schemas.UnknownVendor
		}
		// What we send round again, retries and redrives, is no delivery. It was received before its record was written.
		if row.Event.Received.Equal(r.Timestamp) {
			s.vendors[vendor]++
		}
		if b.seen(l.seed, row.Event.Vendor, id) && err == nil {
			s.duplicates++
		}
	}
	if err != nil {
		if appended && row.Event.Again {
			r = identified(r, &row.Event)
		}
		l.deadLetter(b, s, r, schemas.DeadLetter{Stage: string(mapping.StageOf(err)), Error: err.Error(), Attempts: retry.Attempts})
		return
	}
	s.stored++
}

// identified is the record of an event that was identified again, at the place where r is: a dead letter has the names of its
// event's row. The key stays, by which the event's records follow each other.
func identified(r *kgo.Record, e *schemas.Event) *kgo.Record {
	again := e.Record(r.Topic)
	again.Key, again.Partition, again.Offset, again.LeaderEpoch = r.Key, r.Partition, r.Offset, r.LeaderEpoch
	return again
}

// maxLogged is how many dead letters of one batch are logged each by itself.
const maxLogged = 10

// deadLetter makes a dead letter of r.
func (l *Loop) deadLetter(b *batch, s *offsetRange, r *kgo.Record, letter schemas.DeadLetter) {
	s.dead++
	b.moves = append(b.moves, letter.Record(l.topics.DLQ, r))
	b.traces.outcome(r, "dead letter", letter.Error)
	l.metrics.dead.WithLabelValues(letter.Stage).Inc()
	if b.deadLettered++; b.deadLettered > maxLogged {
		return
	}
	l.log.Warn("event is dead-lettered", "event", string(r.Key), "topic", r.Topic, "partition", r.Partition, "offset", r.Offset,
		"stage", letter.Stage, "attempts", letter.Attempts, "err", letter.Error)
}
