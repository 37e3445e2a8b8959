package bench

import (
	"context"
	"fmt"
	"strconv"
	"time"
)

// benchGrowth stores backlogs that double, and maps what is stored again: ten times the events must take ten times the
// time.
func (b *bench) benchGrowth(ctx context.Context) error {
	var storing, mapping []float64 // processor time of one event, in µs, by size
	var sizes []int
	for _, part := range []int{10, 5, 2, 1} {
		n := b.Events / part
		stored, mapped, err := b.grow(ctx, n)
		if err != nil {
			return fmt.Errorf("growth, %d events: %w", n, err)
		}
		for _, step := range []struct {
			what string
			processed
			each *[]float64
		}{{"stored", stored, &storing}, {"mapped again", mapped, &mapping}} {
			each := float64(step.CPU.Nanoseconds()) / 1e3 / float64(n)
			*step.each = append(*step.each, each)
			b.report.add("growth", fmt.Sprintf("%d events %s, time", n, step.what), "s", only(step.Took.Seconds()))
			b.report.add("growth", fmt.Sprintf("%d events %s, CPU each", n, step.what), "µs", only(each))
		}
		sizes = append(sizes, n)
	}
	last := len(sizes) - 1
	for _, step := range []struct {
		what string
		each []float64
	}{{"stored", storing}, {"mapped again", mapping}} {
		// From the second size on: in the first the start of the process shows.
		b.report.addGoal("growth", fmt.Sprintf("%s: CPU each of %d events, of that of %d", step.what, sizes[last], sizes[1]), "",
			only(step.each[last]/step.each[1]), atMost(1.1))
	}
	return nil
}

// grow stores n events in empty tables and maps them again.
func (b *bench) grow(ctx context.Context, n int) (stored, mapped processed, err error) {
	r, err := b.newRig()
	if err != nil {
		return stored, mapped, err
	}
	defer func() { r.close(err != nil) }()
	if _, err = r.startStores(ctx); err != nil {
		return stored, mapped, err
	}
	if err = r.produce(ctx, n); err != nil {
		return stored, mapped, err
	}
	if stored, err = b.processBacklog(ctx, r, "", n, "growth"+strconv.Itoa(n)); err != nil {
		return stored, mapped, err
	}
	began := time.Now()
	p, err := r.start(ctx, r.measured, nil, "reprocess", append(r.login("migrator", ""), "--vendor="+vendor, "--vendors="+r.vendors)...)
	if err != nil {
		return stored, mapped, err
	}
	state := p.cmd.ProcessState
	return stored, processed{Events: n, CPU: state.UserTime() + state.SystemTime(), Took: time.Since(began)}, nil
}
