package kafka

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// GroupOptions say what a member of a consumer group reads.
type GroupOptions struct {
	Group    string
	Instance string   // ID of a static member; empty: a dynamic one
	Topics   []string // each from its start
	Delay    Delay
	Behind   func(topic string, id int32, records int64) // gets how many records of a partition are still to be fetched; may be nil
	Lost     func(map[string][]int32)                    // gets the partitions that went to other members; may be nil
}

// Consumer reads for a consumer group and commits only the offsets that it is given. One goroutine polls; all other
// methods may be called by any.
type Consumer struct {
	Client *kgo.Client // to write with, and to ask the cluster

	log       *slog.Logger
	leave     func()
	ownership *ownership
	delays    *delayQueue
	behind    func(topic string, id int32, records int64)
}

// Fetch is an unbroken run of records of one partition.
type Fetch struct {
	Partition
	Epoch   uint64 // of the assignment that they were read under; see Consumer.Epoch
	Records []*kgo.Record
}

// NewConsumer returns a Consumer that joins its group. Leave is to be called.
func (o Options) NewConsumer(log *slog.Logger, reg prometheus.Registerer, g GroupOptions, extra ...kgo.Opt) (*Consumer, error) {
	c := &Consumer{log: log, ownership: newOwnership(), delays: newDelayQueue(g.Delay), behind: g.Behind}
	lost := func(_ context.Context, _ *kgo.Client, partitions map[string][]int32) {
		c.ownership.lost(partitions)
		if g.Lost != nil {
			g.Lost(partitions)
		}
	}
	opts := []kgo.Opt{
		kgo.ConsumeTopics(g.Topics...),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.DisableAutoCommit(),
		kgo.BlockRebalanceOnPoll(),
		kgo.OnPartitionsAssigned(func(_ context.Context, client *kgo.Client, partitions map[string][]int32) {
			member, generation := client.GroupMetadata()
			c.ownership.assigned(partitions, membership{member, generation})
			client.ResumeFetchPartitions(partitions) // a partition that was paused when it was lost stays paused otherwise
		}),
		kgo.OnPartitionsRevoked(lost),
		kgo.OnPartitionsLost(lost),
		kgo.FetchMaxBytes(2 << 20), // of each broker; they stay in memory, unpacked, until they are polled
		kgo.FetchMaxPartitionBytes(MaxRecordBytes),
		kgo.FetchMaxWait(250 * time.Millisecond),
	}
	if g.Instance != "" {
		opts = append(opts, kgo.InstanceID(g.Instance))
	}
	var err error
	if c.Client, c.leave, err = o.newMember(log, reg, g.Group, append(opts, extra...)...); err != nil {
		return nil, err
	}
	return c, nil
}

// Poll calls take for each partition that has records which are due: at first for those that had to wait, then for at
// most limit newly fetched ones. It returns once there were some, or at the time until, or when ctx ends. No partition
// is lost before take has returned for all; so take must not wait for anything.
func (c *Consumer) Poll(ctx context.Context, limit int, until time.Time, take func(Fetch)) error {
	if next := c.delays.next(); until.IsZero() || next.Before(until) {
		until = next
	}
	ctx, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	fetches := c.Client.PollRecords(ctx, limit)
	defer c.Client.AllowRebalance()
	if fetches.IsClientClosed() {
		return errors.New("kafka client closed")
	}
	fetches.EachError(func(topic string, id int32, err error) {
		if !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled) {
			c.log.Warn("fetch failed; it is repeated", "topic", topic, "partition", id, "err", err)
		}
	})
	c.delays.due(c.Client, c.ownership, take)
	fetches.EachPartition(func(p kgo.FetchTopicPartition) {
		if len(p.Records) == 0 {
			return
		}
		if c.behind != nil {
			c.behind(p.Topic, p.Partition, p.HighWatermark-p.Records[len(p.Records)-1].Offset-1)
		}
		at := Partition{p.Topic, p.Partition}
		epoch := c.Epoch(at)
		if epoch == 0 {
			return // another member has the partition and reads them
		}
		if f := c.delays.hold(c.Client, Fetch{at, epoch, p.Records}); len(f.Records) > 0 {
			take(f)
		}
	})
	return nil
}

// Burst bounds what Collect takes at once.
type Burst struct {
	Records int           // 0: any number
	Quiet   time.Duration // the burst ends when no record came for so long
	Longest time.Duration // and at the latest so long after its first record; 0: no limit
}

// Collect waits for a record, takes those that follow it closely, and returns the offsets to commit once all of them are
// done. It returns none when ctx ends before a record comes.
func (c *Consumer) Collect(ctx context.Context, b Burst, take func(*kgo.Record)) (Offsets, error) {
	offsets, taken := Offsets{}, 0
	limit := b.Records
	if limit == 0 {
		limit = math.MaxInt32
	}
	var end time.Time
	for ctx.Err() == nil && taken < limit && (end.IsZero() || time.Now().Before(end)) {
		var until time.Time
		if taken > 0 {
			until = time.Now().Add(b.Quiet)
		}
		before := taken
		err := c.Poll(ctx, limit-taken, until, func(f Fetch) {
			for _, r := range f.Records {
				take(r)
				offsets.Add(r)
			}
			taken += len(f.Records)
		})
		if err != nil {
			return nil, err
		}
		if taken > 0 && taken == before {
			break
		}
		if taken > 0 && end.IsZero() && b.Longest > 0 {
			end = time.Now().Add(b.Longest)
		}
	}
	return offsets, nil
}

// Epoch numbers the assignment by which a partition is ours now; 0: it is not ours. An assignment of the same partition
// later has another number, so that nothing that was read under an earlier one is committed under it: another member may
// have committed more in between.
func (c *Consumer) Epoch(p Partition) uint64 { return c.ownership.epoch(p) }

// Owned returns the partitions of a topic that are ours, with their epochs.
func (c *Consumer) Owned(topic string) map[Partition]uint64 { return c.ownership.of(topic) }

// Commit commits the offsets that due returns, of partitions that are ours, and waits for the answer for every partition.
// While the group rebalances a commit waits; it is refused if the group is in another generation by then. Its partitions
// may be another member's, which has committed more: that would be taken back, and stay so for as long as nothing new
// comes. A commit that fails loses nothing: it is to be repeated for as long as the partitions are ours, and then their
// next owner reads the records again.
func (c *Consumer) Commit(ctx context.Context, due func() Offsets) error {
	as := c.ownership.membership()
	offsets := due()
	if c.ownership.ours(offsets); len(offsets) == 0 {
		return nil
	}
	ctx = kgo.PreCommitFnContext(ctx, func(r *kmsg.OffsetCommitRequest) error {
		if r.MemberID != as.member || r.Generation != as.generation {
			return errRebalanced
		}
		return nil
	})
	return commit(ctx, c.Client, offsets)
}

// errRebalanced is the error of a commit that a rebalance came before.
var errRebalanced = errors.New("the group has rebalanced")

// Drain returns the context in which work in hand is finished once ctx is done. It ends within after that, or when
// cancel is called; then the consumer leaves its group, which also ends writes to a broker that does not answer: no
// context does, since the broker may have them.
func (c *Consumer) Drain(ctx context.Context, within time.Duration) (draining context.Context, cancel context.CancelFunc) {
	draining, end := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(within, end) })
	context.AfterFunc(draining, c.Leave)
	return draining, func() {
		stop()
		end()
	}
}

// Leave leaves the group, so that other members take over at once, and ends the client; writes in flight fail. It takes
// little more than two seconds, even where no broker answers. It may be called again and then waits for the first call.
func (c *Consumer) Leave() { c.leave() }
