package bench

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hookline-io/hookline/internal/kafka"
	"github.com/hookline-io/hookline/schemas"
)

// eventSize is the size of an event's body, in bytes, where none is said.
const eventSize = 1 << 10

// event is the n-th of a run, as ingest makes it of a delivery.
func event(run string, n int, at time.Time) schemas.Event {
	id := run + strconv.Itoa(n)
	return schemas.Event{
		ID: "evt_" + id, Vendor: vendor, Type: "charge.succeeded", Time: at, Received: at.Add(time.Second),
		ContentType: "application/json; charset=utf-8", KeyID: "0123abcd", Proof: schemas.ProofBody, Data: charge(id, at, eventSize),
	}
}

// produce puts n events on Kafka, as ingest would have put them there.
func (r *rig) produce(ctx context.Context, n int) error {
	opts := append(kafka.ProducerOptions(), kgo.ProducerLinger(5*time.Millisecond), kgo.MaxBufferedRecords(20_000))
	client, err := r.kafka.NewClient(slog.New(slog.DiscardHandler), nil, opts...)
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	topic, at := r.kafka.Topics().Events, time.Now().UTC().Truncate(time.Second)
	for i := range n {
		e := event(r.run, i, at)
		client.Produce(ctx, e.Record(topic), func(_ *kgo.Record, err error) {
			if err != nil {
				cancel(err)
			}
		})
	}
	if err := client.Flush(ctx); err != nil {
		return fmt.Errorf("fill the backlog: %w", context.Cause(ctx))
	}
	return context.Cause(ctx)
}
