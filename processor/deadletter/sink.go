package deadletter

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hookline-io/hookline/analytics"
	"github.com/hookline-io/hookline/internal/kafka"
	"github.com/hookline-io/hookline/processor/backoff"
	"github.com/hookline-io/hookline/schemas"
)

// Store is where dead letters and rejections go: *analytics.DB. Its methods return nil only when everything is stored, and may be repeated.
type Store interface {
	InsertDeadLetters(ctx context.Context, letters []analytics.DeadLetter) error
	InsertRejections(ctx context.Context, rejections []schemas.Rejection) error
}

// Sink stores in ClickHouse what did not become an event's row: dead letters and counts of refused deliveries, so that
// people can query them beside the events.
//
//	webhooks.events.dlq ---+
//	                       +-> collect -> insert -> commit
//	webhooks.rejections ---+
//
// It is a consumer group of its own. An offset is committed only after its record is stored; what is read again is
// stored again, which changes nothing.
type Sink struct {
	Log      *slog.Logger
	Registry prometheus.Registerer
	Kafka    kafka.Options
	Group    string // consumer group
	Store    Store
	Repeater *backoff.Repeater
}

// burst is what is stored at once.
var burst = kafka.Burst{Records: 1000, Quiet: 250 * time.Millisecond}

// Run stores dead letters and rejections until ctx is done.
func (s Sink) Run(ctx context.Context) error {
	unreadable := prometheus.NewCounter(prometheus.CounterOpts{
		Name: "hookline_processor_unreadable_rejections_total", Help: "Records of the rejections topic that are no counts and were passed over."})
	s.Registry.MustRegister(unreadable)
	topics := s.Kafka.Topics()
	consumer, err := s.Kafka.NewConsumer(s.Log, kafka.Named(s.Registry, "outcomes"),
		kafka.GroupOptions{Group: s.Group, Topics: []string{topics.DLQ, topics.Rejections}}, kgo.FetchMaxBytes(8<<20))
	if err != nil {
		return err
	}
	defer consumer.Leave()
	for ctx.Err() == nil {
		r := round{topics: topics, log: s.Log}
		offsets, err := consumer.Collect(ctx, burst, r.add)
		if err != nil {
			return err
		}
		if len(offsets) == 0 {
			continue
		}
		unreadable.Add(float64(r.unreadable))
		err = s.Repeater.Do(ctx, "store dead letters and rejections", func(ctx context.Context) error {
			return errors.Join(s.Store.InsertDeadLetters(ctx, r.letters), s.Store.InsertRejections(ctx, r.rejections))
		})
		if err != nil {
			return nil // ctx is done, and nothing was committed: they are read again
		}
		err = s.Repeater.Do(ctx, "commit offsets", func(ctx context.Context) error {
			return consumer.Commit(ctx, func() kafka.Offsets { return offsets })
		})
		if err != nil {
			return nil // ctx is done: they are stored again, as the same rows
		}
	}
	return nil
}

// round is what was read in one go.
type round struct {
	topics     schemas.Topics
	letters    []analytics.DeadLetter
	rejections []schemas.Rejection
	unreadable int
	log        *slog.Logger
}

func (r *round) add(record *kgo.Record) {
	if record.Topic == r.topics.DLQ {
		r.letters = append(r.letters, decode(record))
	} else if rejection, err := schemas.DecodeRejection(record); err == nil {
		r.rejections = append(r.rejections, rejection)
	} else {
		r.unreadable++
		r.log.Warn("a record of the rejections topic is passed over", "partition", record.Partition, "offset", record.Offset, "err", err)
	}
}

// decode reads a record of the dead-letter topic. It reads all of them: what a dead letter does not say, or not
// readably, is empty.
func decode(record *kgo.Record) analytics.DeadLetter {
	letter, original := schemas.DecodeDeadLetter(record)
	event, err := schemas.DecodeEvent(original)
	if err != nil {
		event = schemas.Event{Received: original.Timestamp, Data: original.Value}
	}
	if letter.Failed.IsZero() {
		letter.Failed = original.Timestamp
	}
	return analytics.DeadLetter{
		DeadLetter: letter, Event: event, State: analytics.StateDead, Changed: letter.Failed,
		At: analytics.Origin{Topic: record.Topic, Partition: record.Partition, Offset: record.Offset},
	}
}
