package audit

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hookline-io/hookline/analytics"
	"github.com/hookline-io/hookline/internal/kafka"
	"github.com/hookline-io/hookline/schemas"
)

// lookUp is how many records are looked up at once.
const lookUp = 10_000

// place is where Kafka holds a record.
type place struct {
	topic     string
	partition int32
	offset    int64
}

// records looks up in ClickHouse what Kafka got lately and what is committed. What is not there must be a dead
// letter, or wait in the retry topic.
func (a *audit) records(ctx context.Context) error {
	if a.Records <= 0 {
		return nil
	}
	topics := a.Kafka.Topics()
	since := time.Now().Add(-a.Records)
	first, err := kadm.NewClient(a.client).ListOffsetsAfterMilli(ctx, since.UnixMilli(), topics.Events, topics.Retry, topics.DLQ)
	if err != nil {
		return fmt.Errorf("look for the records of the last %s: %w", a.Records, err)
	}
	recent := func(topic string, to func(p Partition) int64) (out []kafka.Range) {
		for _, p := range a.report.Partitions {
			if from, ok := first.Lookup(topic, p.Partition); ok && from.Err == nil && p.Topic == topic {
				out = append(out, kafka.Range{Topic: topic, Partition: p.Partition, From: max(from.Offset, p.Start), To: to(p)})
			}
		}
		return out
	}

	missing := map[place]original{}
	events, places := map[analytics.EventID]time.Time{}, map[analytics.EventID][]place{}
	settle := func() error {
		stored, err := a.db.Stored(ctx, events)
		if err != nil {
			return err
		}
		for id, at := range events {
			if !stored[id] {
				for _, where := range places[id] {
					missing[where] = original{id, at}
				}
			}
		}
		clear(events)
		clear(places)
		return nil
	}
	committed := recent(topics.Events, func(p Partition) int64 { return p.Committed })
	err = a.Kafka.Scan(ctx, a.log, committed, func(r *kgo.Record) error {
		a.report.Totals.LookedUp++
		where := place{r.Topic, r.Partition, r.Offset}
		id, ok := decode(r)
		if !ok {
			missing[where] = original{} // it must be a dead letter
			return nil
		}
		events[id.EventID] = id.at
		places[id.EventID] = append(places[id.EventID], where)
		if len(events) < lookUp {
			return nil
		}
		return settle()
	})
	if err != nil {
		return err
	}
	if err := settle(); err != nil {
		return err
	}
	return a.excuse(ctx, first, missing)
}

// excuse takes those out of missing that are dead letters or wait to be stored, and reports the rest.
func (a *audit) excuse(ctx context.Context, first kadm.ListedOffsets, missing map[place]original) error {
	if len(missing) == 0 {
		return nil
	}
	topics := a.Kafka.Topics()
	held, err := kafka.Held(ctx, a.client, topics.DLQ, topics.Retry)
	if err != nil {
		return err
	}
	for i, h := range held {
		if from, ok := first.Lookup(h.Topic, h.Partition); ok && from.Err == nil {
			held[i].From = max(h.From, from.Offset)
		}
	}
	waiting := map[analytics.EventID]bool{}
	err = a.Kafka.Scan(ctx, a.log, held, func(r *kgo.Record) error {
		if r.Topic == topics.DLQ {
			letter, body := schemas.DecodeDeadLetter(r)
			delete(missing, place{letter.Topic, letter.Partition, letter.Offset})
			r = body // what was retried in vain is dead under the place of its last retry
		}
		if id, ok := decode(r); ok {
			waiting[id.EventID] = true
		}
		return nil
	})
	if err != nil {
		return err
	}
	for where, id := range missing {
		if id.ID != "" && waiting[id.EventID] {
			continue
		}
		a.report.Totals.Missing++
		if len(a.report.Missing) < maxNamed {
			a.report.Missing = append(a.report.Missing, Missing{where.topic, where.partition, where.offset, id.Vendor, id.ID})
		}
	}
	return nil
}
