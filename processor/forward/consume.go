package forward

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hookline-io/hookline/internal/kafka"
	"github.com/hookline-io/hookline/schemas"
	"github.com/hookline-io/hookline/schemas/vendors"
)

// pollSlice is how many records are taken from the client at once.
const pollSlice = 500

// consumer takes records and starts their jobs. It belongs to one goroutine.
type consumer struct {
	*Actions
	records *kafka.Consumer
	targets map[string]*target
	resting bool      // there are no actions, and events are not read
	looked  time.Time // when a consumer at rest last looked where they end
}

// actionDue is when an action is tried again. What is in the retry topic for the group that stores does not wait here.
func actionDue(r *kgo.Record) time.Time {
	retry, err := schemas.DecodeRetry(r)
	if err != nil || retry.Action == "" {
		return time.Time{}
	}
	return retry.NotBefore
}

// consume runs until ctx is done.
func (c *consumer) consume(ctx, draining context.Context) error {
	for ctx.Err() == nil {
		c.rest(ctx)
		var until time.Time
		if c.resting {
			until = c.looked.Add(restEvery)
		}
		var fetched []kafka.Fetch
		err := c.records.Poll(ctx, pollSlice, until, func(f kafka.Fetch) {
			c.tracker.of(f.Partition, f.Epoch)
			fetched = append(fetched, f)
		})
		if err != nil {
			return err
		}
		// What follows may take long: while results cannot be stored it waits.
		for _, f := range fetched {
			c.admit(ctx, draining, f)
		}
	}
	return nil
}

// admit starts the jobs of records, until ctx is done: what was not taken then is read again.
func (c *consumer) admit(ctx, draining context.Context, f kafka.Fetch) {
	config := c.config.Load()
	progress := c.tracker.of(f.Partition, f.Epoch)
	for _, r := range c.tracker.fresh(progress, f.Records) {
		if ctx.Err() != nil {
			return
		}
		jobs, letter := plan(r, c.topics, config)
		at := ticket{progress, r.Offset}
		if letter != nil {
			c.tracker.start(progress, r, 1)
			c.log.Warn("action is dead-lettered", "event", string(r.Key), "action", letter.Action, "err", letter.Error)
			c.put(draining, outcome{ticket: at, next: letter.Record(c.topics.DLQ, r)})
			continue
		}
		c.tracker.start(progress, r, len(jobs))
		for _, j := range jobs {
			j.ticket = at
			c.start(ctx, draining, j)
		}
	}
}

// start runs j. Where too many wait for its target already, j goes through the retry topic without using up an
// attempt, so that it keeps nobody else waiting. While results cannot be stored, put waits, and so no backlog is
// moved to the retry topic for that.
func (c *consumer) start(ctx, draining context.Context, j job) {
	t, known := c.targets[j.action.Target]
	if !known {
		t = &target{slots: make(chan struct{}, c.options.Concurrency)}
		c.targets[j.action.Target] = t
	}
	if !t.enter(len(j.record.Value), c.options.Concurrency+c.options.Queue) {
		c.metrics.deferred.WithLabelValues(j.action.Target).Inc()
		room := t.room(time.Now(), c.options.RetryDelay)
		c.put(draining, outcome{ticket: j.ticket, next: c.later(j, j.attempt-1, j.action.Name()+": too many wait for this target already", room)})
		return
	}
	c.jobs.Go(func() { c.run(ctx, draining, t, j) })
}

func hasActions(config *vendors.Config) bool {
	for _, v := range config.Vendors {
		for range v.AllActions() {
			return true
		}
	}
	return false
}
