package demo

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"

	"github.com/hookline-io/hookline/ingest/sender"
)

// Shares of the deliveries.
const (
	redelivered = 0.10 // are events that were delivered before
	forged      = 0.01 // have a bad signature
	monthsLater = 0.10 // of the redelivered: received in another month than the first time
)

// remembered is how many past events a redelivery is picked from.
const remembered = 10_000

// runner sends traffic as vendors do: several at a time, again until it is accepted.
type runner struct {
	sender  *sender.Sender
	traffic *Traffic
	ledger  *Ledger
	rng     *rand.Rand
	workers int
	live    bool          // events happen now, rather than in the history
	limit   *rate.Limiter // nil: as fast as it goes
	poison  time.Duration // how often an event that cannot be mapped; 0: never
	spread  time.Time     // when the last of those was made
	log     *slog.Logger
	faults  []Fault // still to come

	skip int             // deliveries that are made and not sent: they were before
	made func(int) error // called with the number made, if set

	past     *past // takes in what is received at another time than now
	punctual bool  // events of the history arrive soon after they happened, rather than now

	sent, accepted, rejected atomic.Int64
	known                    []Event // to deliver again
}

// job is one delivery to make.
type job struct {
	event  Event
	forged bool
	at     time.Time // when it is received; zero: now, through ingest
}

// run makes deliveries for as long as more says so of the number made.
func (r *runner) run(ctx context.Context, more func(made int) bool) error {
	jobs := make(chan job, r.workers)
	group, ctx := errgroup.WithContext(ctx)
	for range r.workers {
		group.Go(func() error {
			for j := range jobs {
				if err := r.deliver(ctx, j); err != nil {
					return err
				}
			}
			return nil
		})
	}
	group.Go(func() error {
		defer close(jobs)
		for i := 0; more(i); i++ {
			if i < r.skip {
				r.next()
				continue
			}
			if err := r.inject(i); err != nil {
				return err
			}
			if r.limit != nil {
				if err := r.limit.Wait(ctx); err != nil {
					return err
				}
			}
			select {
			case jobs <- r.next():
			case <-ctx.Done():
				return ctx.Err()
			}
			if r.made != nil {
				if err := r.made(i + 1); err != nil {
					return err
				}
			}
		}
		return nil
	})
	return group.Wait()
}

// inject does what is due before the i-th delivery.
func (r *runner) inject(i int) error {
	for len(r.faults) > 0 && r.faults[0].At <= i {
		fault := r.faults[0]
		r.faults = r.faults[1:]
		r.log.Info("demo fault", "what", fault.Name, "sent", i)
		if err := fault.Do(); err != nil {
			return fmt.Errorf("%s: %w", fault.Name, err)
		}
	}
	return nil
}

// next decides what the next delivery is. Only one goroutine calls it.
func (r *runner) next() job {
	if r.poison > 0 && time.Since(r.spread) >= r.poison {
		r.spread = time.Now()
		return job{event: r.traffic.Poison(r.spread)}
	}
	if len(r.known) > 0 && r.rng.Float64() < redelivered {
		j := job{event: r.known[r.rng.IntN(len(r.known))]}
		if !j.event.Time.IsZero() && r.rng.Float64() < monthsLater {
			// Never in the future: Kafka refuses such a record.
			if at := j.event.Time.AddDate(0, 1+r.rng.IntN(5), 0); at.Before(time.Now()) {
				j.at = at
			}
		}
		return j
	}
	j := job{event: r.event(), forged: r.rng.Float64() < forged}
	if !j.forged {
		if len(r.known) < remembered {
			r.known = append(r.known, j.event)
		} else {
			r.known[r.rng.IntN(remembered)] = j.event
		}
		if r.punctual && !j.event.Time.IsZero() {
			if at := arrival(r.rng, j.event); at.Before(time.Now()) {
				j.at = at
			}
		}
	}
	return j
}

func (r *runner) event() Event {
	if r.live {
		return r.traffic.Live(time.Now())
	}
	return r.traffic.Next()
}

// deliver makes one delivery, and like a vendor repeats it until it is accepted.
func (r *runner) deliver(ctx context.Context, j job) error {
	for attempt := 0; ; attempt++ {
		r.sent.Add(1)
		err := r.attempt(ctx, j)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if p, ok := err.(permanent); ok { //nolint:errorlint // made just below
			return p
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(min(100*time.Millisecond<<min(attempt, 4), time.Second)):
		}
	}
}

// permanent is an answer that no repetition changes.
type permanent struct{ error }

func (r *runner) attempt(ctx context.Context, j job) error {
	if !j.at.IsZero() {
		if err := r.past.receive(ctx, j.event, j.at); err != nil {
			return err
		}
		r.accepted.Add(1)
		r.ledger.Accepted(j.event)
		return nil
	}
	signed, err := r.sender.Sign(sender.Delivery{Vendor: j.event.Vendor, ID: j.event.ID, Header: j.event.Header,
		Body: j.event.Body}, time.Now())
	if err != nil {
		return permanent{err}
	}
	if j.forged {
		signed.Body = append([]byte{' '}, signed.Body...)
	}
	answer, err := r.sender.Post(ctx, signed)
	switch {
	case err != nil:
		return err
	case j.forged && answer.Status == http.StatusForbidden:
		r.rejected.Add(1)
		return nil
	case !j.forged && answer.Status == http.StatusOK:
		r.accepted.Add(1)
		r.ledger.Accepted(j.event)
		return nil
	case answer.Status >= http.StatusInternalServerError, answer.Status == http.StatusRequestTimeout,
		answer.Status == http.StatusTooManyRequests:
		return fmt.Errorf("status %d", answer.Status)
	}
	return permanent{fmt.Errorf("delivery of %s event %s (forged: %v) was answered with %d: %s",
		j.event.Vendor, j.event.ID, j.forged, answer.Status, answer.Body)}
}

// progress logs how far the deliveries are until stop is called.
func (r *runner) progress(n int) (stop func()) {
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(2 * time.Second)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				r.log.Info("demo", "sent", r.sent.Load(), "of", n, "accepted", r.accepted.Load(), "rejected", r.rejected.Load())
			}
		}
	})
	return func() { close(done); wg.Wait() }
}

// limiter returns nil for no limit.
func limiter(perSecond float64) *rate.Limiter {
	if perSecond <= 0 {
		return nil
	}
	return rate.NewLimiter(rate.Limit(perSecond), max(1, int(perSecond/20)))
}
