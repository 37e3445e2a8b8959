package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hookline-io/hookline/lab/bench/load"
)

const (
	connections = 128      // of the load generator; a vendor holds fewer, many vendors hold more
	prepared    = 16 << 20 // bytes of distinct deliveries, sent round and round
)

// benchIngest measures ingest with bodies of several sizes, in alternation with the floor.
func (b *bench) benchIngest(ctx context.Context) error {
	sizes := b.Sizes
	if b.Quick {
		sizes = sizes[:1]
	}
	for _, size := range sizes {
		if err := b.ingestSize(ctx, size); err != nil {
			return fmt.Errorf("ingest, %d bytes: %w", size, err)
		}
	}
	return nil
}

// server is one of the two that are compared.
type server struct {
	*process
	address  string
	requests [][]byte
}

func (b *bench) ingestSize(ctx context.Context, size int) (err error) {
	r, err := b.newRig()
	if err != nil {
		return err
	}
	defer func() { r.close(err != nil) }()
	if err := r.startBroker(ctx); err != nil {
		return err
	}
	var ingest, floor server
	if ingest.process, ingest.address, err = r.startIngest(ctx); err != nil {
		return err
	}
	if floor.process, floor.address, err = r.startFloor(ctx); err != nil {
		return err
	}
	for _, s := range []*server{&ingest, &floor} {
		if s.requests, err = r.deliveries(s.address, vendor, r.run, size, max(256, min(8192, prepared/size))); err != nil {
			return err
		}
	}
	what := fmt.Sprintf("%s bodies", bytesText(size))
	primary := size == 1<<10 // the goals are set for it
	repetitions := b.repetitions()
	if !primary {
		repetitions = 2
	}

	// The most that goes, with every connection always busy.
	var perSecond, cpu, allocs, busy compared
	for n := range repetitions {
		for _, s := range []*server{&floor, &ingest} {
			if _, err := s.post(ctx, 0, b.seconds(0.5)); err != nil {
				return err
			}
			profiled := b.profile(s.process, b.seconds(2), fmt.Sprintf("%s-%d-%d", s.name, size, n))
			m, err := s.post(ctx, 0, b.seconds(2))
			if err = errors.Join(err, profiled()); err != nil {
				return err
			}
			perSecond.add(s == &floor, m.PerSecond())
			cpu.add(s == &floor, m.cpuEach())
			allocs.add(s == &floor, m.allocsEach())
			busy.add(s == &floor, m.busy())
		}
	}
	b.report.add("ingest", what+", most", "deliveries/s", perSecond)
	limit := goal{}
	if primary {
		limit = atMostRatio(1.4)
	}
	b.report.addGoal("ingest", what+", CPU each", "µs", cpu, limit)
	b.report.add("ingest", what+", allocations each", "", allocs)
	b.report.add("ingest", what+", core in use at most", "%", busy)

	// Open arrivals, at half of that and close to it.
	most := perSecond.hookline.median()
	for _, share := range []float64{0.5, 0.9} {
		var p50, p99, p999, cpu compared
		for range repetitions {
			for _, s := range []*server{&floor, &ingest} {
				m, err := s.post(ctx, most*share, b.seconds(3))
				if err != nil {
					return err
				}
				p50.add(s == &floor, millis(m.Quantile(0.5)))
				p99.add(s == &floor, millis(m.Quantile(0.99)))
				p999.add(s == &floor, millis(m.Quantile(0.999)))
				cpu.add(s == &floor, m.cpuEach())
			}
		}
		at := fmt.Sprintf("%s, %.0f %% of it", what, share*100)
		b.report.add("ingest", at+", posted", "deliveries/s", only(most*share))
		b.report.add("ingest", at+", p50", "ms", p50)
		limit := goal{}
		if primary && share == 0.5 {
			limit = atMost(10)
		}
		b.report.addGoal("ingest", at+", p99", "ms", p99, limit)
		b.report.add("ingest", at+", p99.9", "ms", p999)
		b.report.add("ingest", at+", CPU each", "µs", cpu)
	}
	var memory compared
	for _, s := range []*server{&floor, &ingest} {
		peak, err := s.peak()
		if err != nil {
			return err
		}
		memory.add(s == &floor, peak/1e6)
	}
	b.report.addGoal("ingest", what+", memory at most", "MB", memory, atMost(100))
	return nil
}

// measured is one load and what the server used for it.
type measured struct {
	load.Result
	used usage
	took time.Duration
}

// post sends the server's requests at a rate, 0 for as many as go. All must be answered with 200.
func (s *server) post(ctx context.Context, rate float64, during time.Duration) (m measured, err error) {
	m.used, m.took, err = s.during(ctx, func() (err error) {
		m.Result, err = load.Run(ctx, load.Plan{Address: s.address, Requests: s.requests, Connections: connections, Rate: rate, For: during})
		return err
	})
	if err == nil && m.Failed > 0 {
		err = fmt.Errorf("%s: %d of %d requests failed, the first: %w", s.name, m.Failed, m.Failed+len(m.Latencies), m.Failure)
	}
	return m, err
}

// cpuEach is the processor time of one delivery, in microseconds.
func (m *measured) cpuEach() float64 {
	return float64(m.used.cpu.Nanoseconds()) / 1e3 / float64(len(m.Latencies))
}

func (m *measured) allocsEach() float64 { return m.used.mallocs / float64(len(m.Latencies)) }

// busy is how much of a core was in use, in percent.
func (m *measured) busy() float64 { return 100 * m.used.cpu.Seconds() / m.took.Seconds() }

func millis(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e6 }

func bytesText(n int) string {
	if n >= 1<<10 {
		return fmt.Sprintf("%d KB", n>>10)
	}
	return fmt.Sprintf("%d B", n)
}
