package ingest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hookline-io/hookline/schemas"
)

// enqueuer puts events on Kafka and waits until they are safe there. Its client gives a record up after timeout, too
// (kgo.RecordDeliveryTimeout), so that what nobody waits for any more makes room.
type enqueuer struct {
	client  *kgo.Client
	topic   string
	timeout time.Duration

	waiting             share // of all vendors
	maxEvents, maxBytes int64 // that may wait; 0: no limit
	metrics             *metrics
	tracer              tracer
	waiters             sync.Pool // of *ackWaiter that nobody settles any more, whose records Kafka has
}

// enqueue returns nil once all in-sync replicas have every one of the events (invariant 1), whose memory nobody holds any
// more then. After an error some of them may be there, or land later: the vendor sends all of them again, and they are
// stored once.
func (q *enqueuer) enqueue(ctx context.Context, events []schemas.Event) error {
	if len(events) == 0 {
		return nil
	}
	start := time.Now()
	waiter := q.newAckWaiter(len(events))
	for i := range events {
		settle := q.tracer.enqueue(ctx, &events[i], q.topic, waiter.settle)
		// A vendor that hangs up must not tear a delivery in two, so only our own deadline ends the wait.
		q.client.TryProduce(context.Background(), waiter.envelopes[i].Record(q.topic, &events[i]), settle) //nolint:contextcheck // see above
	}
	if all := <-waiter.done; !all {
		return notEnqueued(fmt.Errorf("no acknowledgement within %s", q.timeout))
	}
	inTime := waiter.late.Stop() // else the message that it is late is on its way
	if err := waiter.err.Load(); err != nil {
		return notEnqueued(*err) // a record that was given up may still be on its way: its memory is not used again
	}
	if inTime && len(events) <= keptEnvelopes {
		for i := range events {
			waiter.envelopes[i].Clear()
		}
		q.waiters.Put(waiter)
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

// keptEnvelopes is how many events a delivery may have for its memory to be kept: most have one.
const keptEnvelopes = 16

// ackWaiter counts down the acknowledgements of one delivery, and is the memory of its records. When all are there in time,
// and good, it may be used again.
type ackWaiter struct {
	left      atomic.Int64
	err       atomic.Pointer[error]    // the first failure
	done      chan bool                // true: all are there; false: time is up. It is buffered for both
	late      *time.Timer              // sends the false
	settle    func(*kgo.Record, error) // note, as kgo calls it
	envelopes []schemas.Envelope
}

// newAckWaiter returns one that waits for n acknowledgements, at least 1, from now on.
func (q *enqueuer) newAckWaiter(n int) *ackWaiter {
	a, used := q.waiters.Get().(*ackWaiter)
	if used {
		a.late.Reset(q.timeout)
	} else {
		a = &ackWaiter{done: make(chan bool, 2)}
		a.late = time.AfterFunc(q.timeout, func() { a.done <- false })
		a.settle = a.note
	}
	a.left.Store(int64(n))
	if n > len(a.envelopes) {
		a.envelopes = make([]schemas.Envelope, n)
	}
	return a
}

func (a *ackWaiter) note(_ *kgo.Record, err error) {
	if err != nil {
		failure := err // so that err itself stays off the heap
		a.err.CompareAndSwap(nil, &failure)
	}
	if a.left.Add(-1) == 0 {
		a.done <- true
	}
}
