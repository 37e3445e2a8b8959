package actions

import (
	"context"
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hookline-io/hookline/schemas"
	"github.com/hookline-io/hookline/schemas/vendors"
)

// pollSlice is how many records are taken from the client at once.
const pollSlice = 500

// stretch is a run of one partition's records.
type stretch struct {
	topic    string
	id       int32
	progress *progress
	records  []*kgo.Record
	read     time.Time
	due      time.Time // when the first of them may be run; only of what waits
}

// consumer takes records and starts their jobs. It belongs to one goroutine.
type consumer struct {
	*Actions
	client  *kgo.Client
	waiting map[int32]*stretch // partitions of the retry topic that are paused, with what was read of them too early
	targets map[string]*target
	resting bool      // there are no actions, and events are not read
	looked  time.Time // when a consumer at rest last looked where they end
}

// consume runs until ctx is done.
func (c *consumer) consume(ctx, draining context.Context) error {
	for ctx.Err() == nil {
		c.rest(ctx)
		c.wake(ctx, draining)
		polling, cancel := context.WithDeadline(ctx, c.earliest())
		fetches := c.client.PollRecords(polling, pollSlice)
		cancel()
		if fetches.IsClientClosed() {
			return errors.New("kafka client closed")
		}
		fetches.EachError(func(topic string, id int32, err error) {
			if !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled) {
				c.log.Warn("fetch", "topic", topic, "partition", id, "err", err)
			}
		})
		now := c.sort(fetches)
		// Until here no partition is taken away, so that each record is noted under the progress it was read by.
		// What follows may take long: while results cannot be stored it waits.
		c.client.AllowRebalance()
		for _, s := range now {
			c.admit(ctx, draining, s)
		}
	}
	return nil
}

// sort returns what may be run now, and pauses the partitions that have come to something that may not.
func (c *consumer) sort(fetches kgo.Fetches) (now []*stretch) {
	fetches.EachPartition(func(p kgo.FetchTopicPartition) {
		progress := c.tracker.of(p.Topic, p.Partition)
		if progress != nil {
			p.Records = c.tracker.fresh(progress, p.Records)
		}
		if len(p.Records) == 0 || progress == nil {
			return
		}
		c.metrics.behind(p.Topic, p.Partition, p.HighWatermark-p.Records[len(p.Records)-1].Offset-1)
		s := &stretch{topic: p.Topic, id: p.Partition, progress: progress, records: p.Records, read: time.Now()}
		if early := c.split(s); early != nil {
			c.waiting[p.Partition] = early
			c.client.PauseFetchPartitions(map[string][]int32{p.Topic: {p.Partition}})
		}
		if len(s.records) > 0 {
			now = append(now, s)
		}
	})
	return now
}

// split leaves in s what may be run now and returns the rest, or nil. In the retry topic what failed waits the same
// time, and what was put off no longer: so nothing waits behind another for more than that.
func (c *consumer) split(s *stretch) *stretch {
	if s.topic != c.topics.Retry {
		return nil
	}
	now := time.Now()
	latest := s.read.Add(c.options.RetryDelay) // no clock, however wrong, makes anything wait longer than a delay
	for i, r := range s.records {
		retry, err := schemas.DecodeRetry(r)
		if err != nil || retry.Action == "" || !retry.NotBefore.After(now) || !latest.After(now) {
			continue
		}
		early := *s
		early.records, s.records = s.records[i:], s.records[:i]
		if early.due = retry.NotBefore; early.due.After(latest) {
			early.due = latest
		}
		return &early
	}
	return nil
}

// wake runs what has become due, and goes on reading where nothing is left that is too early.
func (c *consumer) wake(ctx, draining context.Context) {
	for id, s := range c.waiting {
		if c.tracker.of(s.topic, id) != s.progress {
			delete(c.waiting, id) // it is another's now, who reads it again; where it came back to us, it goes on
			continue
		}
		if time.Now().Before(s.due) {
			continue
		}
		early := c.split(s)
		if early != nil {
			c.waiting[id] = early
		} else {
			delete(c.waiting, id)
			c.client.ResumeFetchPartitions(map[string][]int32{s.topic: {id}})
		}
		c.admit(ctx, draining, s)
	}
}

// earliest is when to look at what waits again.
func (c *consumer) earliest() time.Time {
	at := time.Now().Add(time.Minute)
	if c.resting {
		at = c.looked.Add(restEvery)
	}
	for _, s := range c.waiting {
		if s.due.Before(at) {
			at = s.due
		}
	}
	return at
}

// admit starts the jobs of records, until ctx is done: what was not taken then is read again.
func (c *consumer) admit(ctx, draining context.Context, s *stretch) {
	config := c.config.Load()
	for _, r := range s.records {
		if ctx.Err() != nil {
			return
		}
		jobs, letter := plan(r, c.topics, config)
		at := ticket{s.progress, r.Offset}
		if letter != nil {
			c.tracker.took(s.progress, r, 1)
			c.log.Warn("action is dead-lettered", "event", string(r.Key), "action", letter.Action, "err", letter.Error)
			c.put(draining, outcome{ticket: at, next: letter.Record(c.topics.DLQ, r)})
			continue
		}
		c.tracker.took(s.progress, r, len(jobs))
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
