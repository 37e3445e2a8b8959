package demo

import (
	"context"
	"log/slog"
	"time"

	"github.com/hookline-io/hookline/analytics"
)

// What Play sends.
const (
	history  = 60_000 // deliveries that tell the 25 months
	liveRate = 0.2    // deliveries per second after that; more, and in an hour this month would dwarf all others
)

// Play makes a running stack worth looking at: where there are no events yet it tells 25 months of history, and
// then sends one delivery every few seconds until ctx ends.
func Play(ctx context.Context, log *slog.Logger, target Target) error {
	db, err := analytics.Open(ctx, target.ClickHouse)
	if err != nil {
		return err
	}
	defer db.Close()
	stored, err := db.CountEvents(ctx)
	if err != nil {
		return err
	}
	r, err := newRunner(log, target, Load{Workers: 8, Seed: uint64(time.Now().UnixNano())}) //nolint:gosec // any number does
	if err != nil {
		return err
	}
	defer r.kafka.Close()
	if stored == 0 {
		log.Info("demo vendors send 25 months of history", "deliveries", history)
		if err := r.run(ctx, func(made int) bool { return made < history }); err != nil {
			return err
		}
	}
	log.Info("demo vendors go on sending", "per_second", liveRate)
	r.live, r.limit = true, limiter(liveRate)
	return r.run(ctx, func(int) bool { return true })
}
