package processor

import (
	"context"
	"fmt"
	"strconv"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Headers that a dead letter has on top of those of the record it was. The record itself is untouched, so that a
// redrive can send it again as it came.
const (
	headerError     = "hookline.error"
	headerStage     = "hookline.stage"
	headerTopic     = "hookline.topic"
	headerPartition = "hookline.partition"
	headerOffset    = "hookline.offset"
)

// deadLetter is a record that cannot succeed, and why.
type deadLetter struct {
	record *kgo.Record
	cause  error
}

// as returns the record that topic holds.
func (d deadLetter) as(topic string) *kgo.Record {
	headers := make([]kgo.RecordHeader, 0, len(d.record.Headers)+5)
	headers = append(headers, d.record.Headers...)
	for _, h := range [...][2]string{
		{headerError, d.cause.Error()},
		{headerStage, stageOf(d.cause)},
		{headerTopic, d.record.Topic},
		{headerPartition, strconv.Itoa(int(d.record.Partition))},
		{headerOffset, strconv.FormatInt(d.record.Offset, 10)},
	} {
		headers = append(headers, kgo.RecordHeader{Key: h[0], Value: []byte(h[1])})
	}
	return &kgo.Record{Topic: topic, Key: d.record.Key, Value: d.record.Value, Headers: headers, Timestamp: d.record.Timestamp}
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
