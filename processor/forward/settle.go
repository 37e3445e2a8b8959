package forward

import (
	"context"
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hookline-io/hookline/analytics"
	"github.com/hookline-io/hookline/internal/kafka"
	"github.com/hookline-io/hookline/processor/backoff"
)

// settled is an outcome whose record, if any, is safe in another topic.
type settled struct {
	ticket ticket
	result *analytics.ActionResult
}

const (
	// maxUnstored is how many results are kept while ClickHouse does not take them. So far forwarding goes on without
	// it: who waits for an event should not wait for our statistics. Then it stops, since results must not be lost
	// either, and what they are of is not committed.
	maxUnstored = 10_000
	maxPublish  = 200
	maxResults  = 5000
	keepWait    = 200 * time.Millisecond
	tryTimeout  = 20 * time.Second
)

var errDraining = errors.New("the time to stop is over; what is not finished is done again")

// publish writes what is to be retried, or is dead, and hands on what is then safe.
func (a *Actions) publish(ctx context.Context, client *kgo.Client) error {
	h := a.repeater("publish")
	for {
		batch, open := gather(ctx, a.outcomes, maxPublish, 0)
		var records []*kgo.Record
		for _, o := range batch {
			if o.next != nil {
				records = append(records, o.next)
			}
		}
		if len(records) > 0 {
			err := h.Do(ctx, "write retries and dead letters of actions", func(ctx context.Context) (err error) {
				records, err = kafka.Produce(ctx, client, records)
				return err
			})
			if err != nil {
				return err
			}
		}
		for _, o := range batch {
			select {
			case a.settled <- settled{o.ticket, o.result}:
			case <-ctx.Done():
				return errDraining
			}
		}
		if !open {
			return ctx.Err()
		}
	}
}

// keep stores results and then commits how far everything is finished.
func (a *Actions) keep(ctx context.Context, records *kafka.Consumer) error {
	h := a.repeater("keep")
	for {
		batch, open := gather(ctx, a.settled, maxResults, keepWait)
		var results []analytics.ActionResult
		tickets := make([]ticket, len(batch))
		for i, s := range batch {
			tickets[i] = s.ticket
			if s.result != nil {
				results = append(results, *s.result)
			}
		}
		if len(results) > 0 {
			err := h.Do(ctx, "store results of actions", func(ctx context.Context) error { return a.results.InsertActionResults(ctx, results) })
			if err != nil {
				return err
			}
		}
		a.tracker.finish(tickets)
		if err := h.Do(ctx, "commit offsets", func(ctx context.Context) error { return a.commit(ctx, records) }); err != nil {
			return err
		}
		if !open {
			return ctx.Err()
		}
	}
}

// commit commits how far everything is finished.
func (a *Actions) commit(ctx context.Context, records *kafka.Consumer) error {
	var offsets kafka.Offsets
	err := records.Commit(ctx, func() kafka.Offsets {
		offsets = a.tracker.offsets()
		return offsets
	})
	if err != nil {
		a.metrics.commitFailures.Inc()
		return err
	}
	a.tracker.committed(offsets)
	return nil
}

func (a *Actions) repeater(stage string) *backoff.Repeater {
	return &backoff.Repeater{
		Log: a.log, Alerts: a.alerts, Alert: "HooklineActionsRetrying", AlertAfter: a.options.AlertAfter, Try: tryTimeout,
		Retrying: backoff.Gauges(a.metrics.retrying.WithLabelValues(stage), a.metrics.oldRetrying.WithLabelValues(stage)),
	}
}

// gather returns what in has, at most that many: at least one, or, where wait is not 0, as many as come within it,
// which may be none. open is false once in is closed, or ctx done, and nothing will come.
func gather[T any](ctx context.Context, in <-chan T, most int, wait time.Duration) (batch []T, open bool) {
	var late <-chan time.Time
	if wait > 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		late = timer.C
	}
	for len(batch) < most {
		if wait == 0 && len(batch) > 0 {
			select {
			case v, ok := <-in:
				if !ok {
					return batch, false
				}
				batch = append(batch, v)
				continue
			default:
				return batch, true
			}
		}
		select {
		case v, ok := <-in:
			if !ok {
				return batch, false
			}
			batch = append(batch, v)
		case <-late:
			return batch, true
		case <-ctx.Done():
			return batch, false
		}
	}
	return batch, true
}
