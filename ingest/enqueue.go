package ingest

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hookline-io/hookline/schemas"
)

// enqueuer puts events on Kafka and waits until they are safe there.
type enqueuer struct {
	client  *kgo.Client
	topic   string
	timeout time.Duration
	metrics *metrics
	tracer  tracer
}

// enqueue returns nil once all in-sync replicas have every one of the events (invariant 1). After an error some
// of them may be there, or land later: the vendor sends all of them again, and they are stored once.
func (q *enqueuer) enqueue(ctx context.Context, events []schemas.Event) error {
	// A vendor that hangs up must not tear a delivery in two, so only our own deadline ends the wait.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), q.timeout)
	defer cancel()
	start := time.Now()
	acks := newAcks(len(events))
	for i := range events {
		settle := q.tracer.enqueue(ctx, &events[i], q.topic, acks.settle)
		q.client.TryProduce(ctx, events[i].Record(q.topic), settle)
	}
	select {
	case <-acks.done:
	case <-ctx.Done():
		return notEnqueued(fmt.Errorf("no acknowledgement within %s", q.timeout))
	}
	if err := acks.err.Load(); err != nil {
		return notEnqueued(*err)
	}
	q.metrics.enqueue.Observe(time.Since(start).Seconds())
	return nil
}

func notEnqueued(cause error) error {
	if errors.Is(cause, kgo.ErrMaxBuffered) {
		return busy(cause)
	}
	return newProblem(reasonNotEnqueued,
		"The delivery was not accepted: our queue did not confirm it. This is our fault. Send it again.", cause)
}

// acks counts down the acknowledgements of one delivery.
type acks struct {
	left atomic.Int64
	err  atomic.Pointer[error] // the first failure
	done chan struct{}
}

func newAcks(n int) *acks {
	a := &acks{done: make(chan struct{})}
	a.left.Store(int64(n))
	if n == 0 {
		close(a.done)
	}
	return a
}

func (a *acks) settle(_ *kgo.Record, err error) {
	if err != nil {
		a.err.CompareAndSwap(nil, &err)
	}
	if a.left.Add(-1) == 0 {
		close(a.done)
	}
}
