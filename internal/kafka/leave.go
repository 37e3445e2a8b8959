package kafka

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Leave leaves the group, so that others take over without waiting, and closes the client; writes under way fail. It
// takes no longer than most, even where no broker answers: who is not heard leaving is missed when the session times
// out. Call it once.
func Leave(client *kgo.Client, most time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), most)
	defer cancel()
	client.AllowRebalance()
	_ = client.LeaveGroupContext(ctx)
	client.Close()
	// Close has polled for what was buffered; until that poll is over, the goroutine stays that it leaves the group by.
	client.AllowRebalance()
}
