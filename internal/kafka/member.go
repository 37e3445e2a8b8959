package kafka

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"
)

// leaveWithin is how long leaving a group may take. A member whose leave is not heard is dropped when its session
// times out.
const leaveWithin = 2 * time.Second

// newMember returns a client that joins a consumer group, and what ends it. leave leaves the group, so that others take
// over without waiting, and closes the client; writes in flight fail. It takes little more than leaveWithin, even where
// no broker answers, and may be called again; then it waits for
// the first call.
func (o Options) newMember(log *slog.Logger, reg prometheus.Registerer, group string, extra ...kgo.Opt) (client *kgo.Client, leave func(),
	err error) {
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
	// Not a sync.Once: a wait for its lock stops the clock of the simulation, which testing/synctest keeps.
	var leaving atomic.Bool
	left := make(chan struct{})
	return client, func() {
		if !leaving.CompareAndSwap(false, true) {
			<-left
			return
		}
		defer close(left)
		bounded, cancel := context.WithTimeout(context.Background(), leaveWithin)
		defer cancel()
		client.AllowRebalance()
		_ = client.LeaveGroupContext(bounded)
		end() // or Close would wait for a join in flight, and so for the slowest member of the group
		client.Close()
		// Close has polled for what was buffered; until that poll is over, the goroutine stays that it leaves the group by.
		client.AllowRebalance()
	}, nil
}
