package forward

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hookline-io/hookline/internal/kafka"
)

// restEvery is how often a consumer at rest looks how long the events topic has become.
const restEvery = time.Second

// rest keeps the consumer from reading events while no vendor has an action for any: to read them all a second time
// would cost half as much as storing them. What comes meanwhile counts as finished. Once there are actions again it goes
// on from where the topic ended when it looked last, so that they are run for what is new.
func (c *consumer) rest(ctx context.Context) {
	idle := !hasActions(c.config.Load())
	switch {
	case idle && !c.resting:
		c.records.Client.PauseFetchTopics(c.topics.Events)
	case !idle && c.resting:
		c.records.Client.SetOffsets(c.tracker.taken(c.topics.Events))
		c.records.Client.ResumeFetchTopics(c.topics.Events)
	}
	c.resting = idle
	if idle && time.Since(c.looked) >= restEvery {
		c.looked = time.Now()
		c.skip(ctx)
	}
}

// skip notes that all there is of the events topic is finished.
func (c *consumer) skip(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, tryTimeout)
	defer cancel()
	before := c.records.Owned(c.topics.Events) // a member that gets a partition while we ask goes on from what is committed
	ends, err := kadm.NewClient(c.records.Client).ListEndOffsets(ctx, c.topics.Events)
	if err != nil {
		c.log.Debug("actions are none, and where the events end is not known", "err", err)
		return
	}
	if hasActions(c.config.Load()) {
		return // since then: what came after they were added must be read
	}
	ends.Each(func(end kadm.ListedOffset) {
		at := kafka.Partition{Topic: end.Topic, ID: end.Partition}
		if epoch := before[at]; epoch != 0 && end.Err == nil {
			c.tracker.skipped(c.tracker.of(at, epoch), kgo.EpochOffset{Epoch: end.LeaderEpoch, Offset: end.Offset})
			c.metrics.behind(end.Topic, end.Partition, 0)
		}
	})
}
