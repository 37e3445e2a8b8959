package kafka

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"
)

// leaveWithin is how long saying goodbye to a group may take. Who is not heard leaving is missed when the session
// times out.
const leaveWithin = 2 * time.Second

// NewMember returns a client that joins a consumer group, and what ends it. leave leaves the group, so that others take
// over without waiting, and closes the client; writes under way fail. It takes little more than leaveWithin, even where
// no broker answers, and may be called again.
func (o Options) NewMember(log *slog.Logger, reg prometheus.Registerer, group string, extra ...kgo.Opt) (client *kgo.Client, leave func(), err error) {
	ctx, end := context.WithCancel(context.Background())
	opts := []kgo.Opt{kgo.ConsumerGroup(group), kgo.WithContext(ctx)}
	if o.SessionTimeout > 0 {
		// A member that vanishes while the group gathers is waited for until the rebalance times out, not the
		// session. Nobody needs longer for it: members come back at their next heartbeat, whatever they are at.
		opts = append(opts, kgo.SessionTimeout(o.SessionTimeout), kgo.RebalanceTimeout(o.SessionTimeout))
	}
	client, err = o.NewClient(log, reg, append(opts, extra...)...)
	if err != nil {
		end()
		return nil, nil, err
	}
	return client, sync.OnceFunc(func() {
		bounded, cancel := context.WithTimeout(context.Background(), leaveWithin)
		defer cancel()
		client.AllowRebalance()
		_ = client.LeaveGroupContext(bounded)
		end() // or Close would wait for a join under way, and so for the slowest member of the group
		client.Close()
		// Close has polled for what was buffered; until that poll is over, the goroutine stays that it leaves the group by.
		client.AllowRebalance()
	}), nil
}

// Follow has a member read topics from their start, and commit only what it says. It is told what the group assigns to
// it and what is lost to others; neither happens between a poll and AllowRebalance.
func Follow(topics []string, assigned, lost func(map[string][]int32)) []kgo.Opt {
	gone := func(_ context.Context, _ *kgo.Client, partitions map[string][]int32) { lost(partitions) }
	return []kgo.Opt{
		kgo.ConsumeTopics(topics...),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.DisableAutoCommit(),
		kgo.BlockRebalanceOnPoll(),
		kgo.OnPartitionsAssigned(func(_ context.Context, client *kgo.Client, partitions map[string][]int32) {
			assigned(partitions)
			client.ResumeFetchPartitions(partitions) // one that was paused when it was taken from us stays so
		}),
		kgo.OnPartitionsRevoked(gone),
		kgo.OnPartitionsLost(gone),
		kgo.FetchMaxBytes(2 << 20), // of each broker; it stays in memory, unpacked, until it is polled
		kgo.FetchMaxPartitionBytes(MaxRecordBytes),
		kgo.FetchMaxWait(250 * time.Millisecond),
	}
}
