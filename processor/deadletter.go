package processor

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hookline-io/hookline/schemas"
)

// deadLetter is a record that cannot succeed, and why.
type deadLetter struct {
	record *kgo.Record
	cause  error
}

// as returns the record that topic holds.
func (d deadLetter) as(topic string) *kgo.Record {
	return schemas.DeadLetter{Error: d.cause.Error(), Stage: stageOf(d.cause)}.Record(topic, d.record)
}

// bury writes dead letters to topic and returns nil once all in-sync replicas have every one (invariant 3).
// Repeated after a failure it may write some of them twice.
func bury(ctx context.Context, client *kgo.Client, topic string, dead []deadLetter) error {
	if len(dead) == 0 {
		return nil
	}
	records := make([]*kgo.Record, len(dead))
	for i, d := range dead {
		records[i] = d.as(topic)
	}
	if err := client.ProduceSync(ctx, records...).FirstErr(); err != nil {
		return fmt.Errorf("write %d dead letters to %s: %w", len(dead), topic, err)
	}
	return nil
}
