package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hookline-io/hookline/lab/bench/load"
)

// stack is everything, running.
type stack struct {
	*rig
	engine            *process
	ingest, processor *process
	address           string // of ingest
}

// startStack starts everything that events pass. Ingest and processor share the core of what is measured.
func (r *rig) startStack(ctx context.Context) (*stack, error) {
	engine, err := r.startStores(ctx)
	if err != nil {
		return nil, err
	}
	s := &stack{rig: r, engine: engine}
	if s.ingest, s.address, err = r.startIngest(ctx); err != nil {
		return nil, err
	}
	s.processor, err = r.startProcessor(ctx, "")
	return s, err
}

// posted is what came of a flow.
type posted struct{ accepted, refused int }

// chunk is how much of a flow is signed in advance: signatures are good for some minutes only.
const chunk = 10 * time.Second

// flow posts events at a rate, each once, until ctx is done.
func (s *stack) flow(ctx context.Context, run string, rate float64) (p posted, err error) {
	prepare := func(n int) ([][]byte, error) {
		return s.deliveries(s.address, vendor, fmt.Sprintf("%s%d_", run, n), eventSize, max(1, int(rate*chunk.Seconds())))
	}
	next, err := prepare(0)
	for n := 1; err == nil && ctx.Err() == nil; n++ {
		requests := next
		var result load.Result
		var group errgroup.Group
		group.Go(func() (err error) {
			result, err = load.Run(ctx, load.Plan{Address: s.address, Requests: requests, Connections: connections, Rate: rate, For: chunk})
			return err
		})
		group.Go(func() (err error) {
			next, err = prepare(n)
			return err
		})
		err = group.Wait()
		p.accepted += len(result.Latencies)
		p.refused += result.Failed
	}
	if ctx.Err() != nil {
		err = nil // that is how a flow ends
	}
	return p, err
}

// stored is the processor's count of the events that it has stored.
const stored = "hookline_processor_events_total"

// settle waits until everything accepted is stored.
func (s *stack) settle(ctx context.Context) error {
	accepted, err := s.accepted(ctx)
	if err != nil {
		return err
	}
	return s.processor.await(ctx, stored, accepted)
}

// accepted is how many events ingest has taken in since it started.
func (s *stack) accepted(ctx context.Context) (float64, error) {
	n, err := s.ingest.metric(ctx, "hookline_ingest_events_total")
	if errors.Is(err, errNoMetric) {
		return 0, nil // none yet
	}
	return n, err
}

// current waits until what is stored is what was accepted a second before.
func (s *stack) current(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		accepted, err := s.accepted(ctx)
		if err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		now, err := s.processor.metric(ctx, stored)
		if err != nil || now >= accepted {
			return err
		}
	}
}
