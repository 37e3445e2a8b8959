package kafka

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"
)

const leaveTimeout = 2 * time.Second

// NewMember is NewClient for a member of a consumer group; reg may be nil. leave leaves the group, so that others take
// over without waiting, and closes the client; writes under way fail. It takes little longer than 2 s at most, even
// where no broker answers: who is not heard leaving is missed when the session times out. Call it once.
func (o Options) NewMember(log *slog.Logger, reg prometheus.Registerer, extra ...kgo.Opt) (client *kgo.Client, leave func(), err error) {
	ctx, end := context.WithCancel(context.Background())
	client, err = o.NewClient(log, reg, append([]kgo.Opt{kgo.WithContext(ctx)}, extra...)...)
	if err != nil {
		end()
		return nil, nil, err
	}
	return client, func() {
		leaving, cancel := context.WithTimeout(context.Background(), leaveTimeout)
		defer cancel()
		client.AllowRebalance()
		_ = client.LeaveGroupContext(leaving)
		end() // Close alone waits until a rebalance is over that is under way, which may take a minute
		client.Close()
		// Close has polled for what was buffered; until that poll is over, the goroutine stays that it leaves the group by.
		client.AllowRebalance()
	}, nil
}
