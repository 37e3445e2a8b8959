package bench

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hookline-io/hookline/lab/bench/load"
)

// probes is how many events per second are watched on their way, beside the load.
const probes = 20

// benchPath measures from the POST to the row that a query finds, and to the view behind the chart.
func (b *bench) benchPath(ctx context.Context) (err error) {
	r, err := b.newRig()
	if err != nil {
		return err
	}
	defer func() { r.close(err != nil) }()
	s, err := r.startStack(ctx)
	if err != nil {
		return err
	}
	during := b.seconds(15)
	for _, rate := range []int{1000, 10_000} {
		if err := b.pathAt(ctx, s, rate, during); err != nil {
			return fmt.Errorf("path at %d/s: %w", rate, err)
		}
	}
	return b.outage(ctx, s)
}

// pathAt watches probes go through while load flows at a rate.
func (b *bench) pathAt(ctx context.Context, s *stack, rate int, during time.Duration) error {
	if err := s.settle(ctx); err != nil {
		return err
	}
	run := fmt.Sprintf("%s_%d_", s.run, rate)
	watched := int(probes * during.Seconds())
	background, err := s.deliveries(s.address, vendor, run, eventSize, int(float64(rate)*during.Seconds()))
	if err != nil {
		return err
	}
	probing, err := s.deliveries(s.address, probe, run, eventSize, watched)
	if err != nil {
		return err
	}
	var posted load.Result
	var rows, view []time.Duration
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		posted, err = load.Run(ctx, load.Plan{Address: s.address, Requests: background, Connections: connections, Rate: float64(rate), For: during})
		if err == nil && posted.Failed > 0 {
			err = fmt.Errorf("%d deliveries failed, the first: %w", posted.Failed, posted.Failure)
		}
		return err
	})
	began := time.Now()
	group.Go(func() error {
		_, err := load.Run(ctx, load.Plan{Address: s.address, Requests: probing, Connections: 4, Rate: probes, For: during})
		return err
	})
	watch := func(into *[]time.Duration, query string) func() error {
		return func() (err error) {
			*into, err = s.watch(ctx, query, began, watched)
			return err
		}
	}
	before, err := s.ask(ctx, countProbes)
	if err != nil {
		return err
	}
	group.Go(watch(&rows, fmt.Sprintf("SELECT (%s) - %s", countProbes, before)))
	group.Go(watch(&view, fmt.Sprintf("SELECT (%s) - %s", countShown, before)))
	if err := group.Wait(); err != nil {
		return err
	}
	at := fmt.Sprintf("%d/s posted", rate)
	b.report.addGoal("path", at+": answered", "deliveries/s", only(posted.PerSecond()), atLeast(0.95*float64(rate)))
	b.report.add("path", at+": POST to answer, p50", "ms", only(millis(posted.Quantile(0.5))))
	b.report.add("path", at+": POST to answer, p99", "ms", only(millis(posted.Quantile(0.99))))
	for _, seen := range []struct {
		what      string
		latencies []time.Duration
	}{{"POST to row in a query", rows}, {"POST to the view of sales per month", view}} {
		found := load.Result{Latencies: seen.latencies}
		b.report.add("path", at+": "+seen.what+", p50", "ms", only(millis(found.Quantile(0.5))))
		b.report.add("path", at+": "+seen.what+", p99", "ms", only(millis(found.Quantile(0.99))))
	}
	return nil
}

// What a reader asks. Probes are never sent twice, so that counting rows counts events.
const (
	countProbes = "SELECT toInt64(count()) FROM events WHERE vendor = '" + probe + "'"
	countShown  = "SELECT toInt64(sum(orders)) FROM sales_per_month WHERE zone = 'UTC' AND vendor = '" + probe + "'"
)

// watch returns how long each of n probes took until query, which counts them, found it, in ascending order. The i-th
// was due i/probes seconds after began. It asks again as soon as there is an answer, so that the time of one query is
// counted in.
func (s *stack) watch(ctx context.Context, query string, began time.Time, n int) ([]time.Duration, error) {
	found := make([]time.Duration, 0, n)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for grown := time.Now(); len(found) < n; {
		text, err := s.ask(ctx, query)
		if err != nil {
			return nil, err
		}
		count, err := strconv.Atoi(text)
		if err != nil {
			return nil, fmt.Errorf("count probes: %w", err)
		}
		now := time.Now()
		for len(found) < min(count, n) {
			due := began.Add(time.Duration(len(found)) * time.Second / probes)
			found = append(found, now.Sub(due))
			grown = now
		}
		if time.Since(grown) > patience {
			return nil, fmt.Errorf("only %d of %d probes came", len(found), n)
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-tick.C:
		}
	}
	slices.Sort(found)
	return found, nil
}

// outage kills ClickHouse while load flows, brings it back later and measures how long it takes until nothing waits.
func (b *bench) outage(ctx context.Context, s *stack) error {
	if err := s.settle(ctx); err != nil {
		return err
	}
	rate, down := float64(b.Rate), b.Outage
	loading, stop := context.WithCancel(ctx)
	defer stop()
	var sent posted
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		sent, err = s.flow(loading, s.run+"_outage_", rate)
		return err
	})
	var caughtUp time.Duration
	group.Go(func() error {
		defer stop()
		s.engine.kill()
		b.log.Info("bench: ClickHouse is down", "for", down)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(down):
		}
		var err error
		if s.engine, err = s.startEngine(ctx); err != nil {
			return err
		}
		began := time.Now()
		err = s.current(ctx)
		caughtUp = time.Since(began)
		return err
	})
	if err := group.Wait(); err != nil {
		return err
	}
	what := fmt.Sprintf("ClickHouse down for %s at %.0f/s", down, rate)
	b.report.addGoal("path", what+": deliveries refused", "", only(float64(sent.refused)), atMost(0))
	b.report.add("path", what+": caught up after", "s", only(caughtUp.Seconds()))
	return nil
}
