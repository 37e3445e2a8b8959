package processor

import (
	"context"
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

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
		// What we send round again, retries and redrives, is no delivery. It was received before its record was written.
		if row.Event.Received.Equal(r.Timestamp) {
			s.vendors[vendor]++
		}
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
