package kafka

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Produce writes records and returns once all in-sync replicas have every one (invariant 3). On an error it returns
// those that may not be written yet, to be written again.
func Produce(ctx context.Context, client *kgo.Client, records []*kgo.Record) (left []*kgo.Record, err error) {
	for _, r := range records {
		r.Context = nil // the client keeps the one of an earlier try there, and fails the record as soon as that is done
	}
	for _, r := range client.ProduceSync(ctx, records...) {
		if r.Err != nil {
			left, err = append(left, r.Record), fmt.Errorf("write to %s: %w", r.Record.Topic, r.Err)
		}
	}
	return left, err
}
