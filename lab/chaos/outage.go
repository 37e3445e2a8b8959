package chaos

import (
	"context"
	"fmt"
	"time"
)

// What an outage must not exceed.
const (
	alertWithin   = time.Minute
	resolveWithin = time.Minute
)

// alertRetrying is the alert of a processor whose store is away.
const alertRetrying = "HooklineStoreRetrying"

// outage cuts the way to the engine for t.Outage, while vendors go on sending, and returns when the processors have
// caught up and called their alerts off.
func (t *test) outage(ctx context.Context, c *checker) error {
	const before = 5 * time.Second // of traffic as usual
	if !sleep(ctx, before) {
		return ctx.Err()
	}
	t.say("ClickHouse is away from now on, for %s", t.Outage)
	began := time.Now()
	t.injector.toEngine.close()
	sleep(ctx, t.Outage)
	backlog, lagErr := c.lag(ctx)
	if err := t.injector.toEngine.open(); err != nil {
		return err
	}
	ended := time.Now()
	t.say("ClickHouse is back")
	if lagErr != nil {
		return lagErr
	}

	var caughtUp time.Duration
	usual := int64(2 * t.Rate) // what is on its way at any moment
	for caughtUp == 0 {
		if lag, err := c.lag(ctx); err == nil && lag <= usual {
			caughtUp = time.Since(ended)
		} else if time.Since(ended) > t.Outage+settle {
			t.wrong = append(t.wrong, fmt.Sprintf("not caught up after %s: %d records behind", time.Since(ended).Round(time.Second), lag))
			break
		}
		if !sleep(ctx, 100*time.Millisecond) {
			return ctx.Err()
		}
	}
	for time.Since(ended) < resolveWithin && t.pager.over(alertRetrying).IsZero() {
		if !sleep(ctx, 100*time.Millisecond) {
			return ctx.Err()
		}
	}
	first, count := t.pager.raised(alertRetrying)
	over := t.pager.over(alertRetrying)
	switch {
	case count == 0:
		t.wrong = append(t.wrong, "no alert was raised for the outage")
	case first.Sub(began) > alertWithin:
		t.wrong = append(t.wrong, fmt.Sprintf("the first alert came %s after the outage began", first.Sub(began)))
	case over.IsZero():
		t.wrong = append(t.wrong, fmt.Sprintf("alerts are not resolved %s after the outage ended", resolveWithin))
	}
	t.say("outage: %s, first of %d alerts after %.1f s, the last one resolved %.1f s after the end, backlog %d records, caught up in %.1f s",
		t.Outage, count, first.Sub(began).Seconds(), over.Sub(ended).Seconds(), backlog, caughtUp.Seconds())
	return nil
}
