package kafka

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// commit commits offsets and waits for the answer for every partition.
func commit(ctx context.Context, client *kgo.Client, offsets Offsets) error {
	var failure error
	client.CommitOffsetsSync(ctx, offsets, func(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, resp *kmsg.OffsetCommitResponse, err error) {
		if failure = err; err != nil {
			return
		}
		for _, topic := range resp.Topics {
			for _, p := range topic.Partitions {
				if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
					failure = fmt.Errorf("%s/%d: %w", topic.Topic, p.Partition, err)
					return
				}
			}
		}
	})
	if failure != nil {
		return fmt.Errorf("commit offsets: %w", failure)
	}
	return ctx.Err()
}
