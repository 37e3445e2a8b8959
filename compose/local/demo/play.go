package demo

import (
	"context"
	"log/slog"
	"time"

	"github.com/hookline-io/hookline/analytics"
)

// What Play sends.
const (
	history  = 60_000 // deliveries of the 25 months
	liveRate = 0.2    // deliveries per second after that; more, and in an hour this month would dwarf all others
)

// Play makes a running stack worth looking at: it sends the history, or what an interruption left of it, and then one
// delivery every few seconds until ctx ends.
func Play(ctx context.Context, log *slog.Logger, target Target) error {
	db, err := analytics.Open(ctx, target.ClickHouse)
	if err != nil {
		return err
	}
	stored, err := db.CountEvents(ctx)
	db.Close()
	if err != nil {
		return err
	}
	p, err := readProgress(target)
	if err != nil {
		return err
	}
	switch {
	case stored == 0: // new, or emptied
		p = newProgress(target)
	case p == nil: // of a version that kept none
		p = &progress{Done: true}
	}
	if !p.Done {
		if _, err := p.sendHistory(ctx, log, target); err != nil {
			return err
		}
	}
	r, err := newRunner(log, target, playful())
	if err != nil {
		return err
	}
	defer r.past.kafka.Close()
	log.Info("demo vendors go on sending", "per_second", liveRate)
	r.live, r.limit = true, limiter(liveRate)
	return r.run(ctx, func(int) bool { return true })
}

// SendHistory sends 25 months of history, and returns how many events they have. What happened was received soon after, not
// today: boards would have nothing but months to show of delays. What states no time, and what is delivered again, comes
// now.
func SendHistory(ctx context.Context, log *slog.Logger, target Target) (events uint64, err error) {
	return newProgress(target).sendHistory(ctx, log, target)
}

// playful is a load that differs each time.
func playful() Load { return Load{Workers: 8, Seed: uint64(time.Now().UnixNano())} } //nolint:gosec // any number does
