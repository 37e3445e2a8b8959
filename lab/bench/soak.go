package bench

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	warmup  = 2 * time.Minute // of a soak, whose memory does not count
	sampled = 5 * time.Second // how often memory is looked at
)

// benchSoak has everything run for a long time at a moderate rate, and compares the memory of its last quarter with
// that of its first.
func (b *bench) benchSoak(ctx context.Context) (err error) {
	r, err := b.newRig()
	if err != nil {
		return err
	}
	defer func() { r.close(err != nil) }()
	s, err := r.startStack(ctx)
	if err != nil {
		return err
	}
	flowing, stop := context.WithTimeout(ctx, warmup+b.Soak)
	defer stop()
	var sent posted
	memory := map[*process][]float64{}
	group, watching := errgroup.WithContext(flowing)
	group.Go(func() (err error) {
		sent, err = s.flow(watching, r.run, float64(b.Rate))
		return err
	})
	group.Go(func() error {
		defer stop() // no flow without a watch
		return watchMemory(watching, memory, s.ingest, s.processor)
	})
	if err := group.Wait(); err != nil {
		return err
	}
	if err := s.settle(ctx); err != nil {
		return err
	}
	what := fmt.Sprintf("%s at %d/s", b.Soak, b.Rate)
	b.report.addGoal("soak", what+": deliveries refused", "", only(float64(sent.refused)), atMost(0))
	b.report.add("soak", what+": events stored", "", only(float64(sent.accepted)))
	for _, p := range []*process{s.ingest, s.processor} {
		all := memory[p]
		quarter := max(1, len(all)/4)
		first, last := sample(all[:quarter]).median(), sample(all[len(all)-quarter:]).median()
		b.report.add("soak", what+": "+p.name+", memory in the first quarter", "MB", only(first))
		b.report.addGoal("soak", what+": "+p.name+", memory in the last quarter", "MB", only(last), atMost(1.1*first))
	}
	return nil
}

// watchMemory notes the memory of each process in MB, every now and then after the warm-up, until ctx is done.
func watchMemory(ctx context.Context, into map[*process][]float64, processes ...*process) error {
	began := time.Now()
	tick := time.NewTicker(sampled)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if time.Since(began) < warmup {
			continue
		}
		for _, p := range processes {
			bytes, err := p.resident()
			if err != nil {
				return err
			}
			into[p] = append(into[p], bytes/1e6)
		}
	}
}
