package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Range is the offsets from From up to, not including, To of one topic partition.
type Range struct {
	Topic     string
	Partition int32
	From, To  int64
}

// Held returns what the topics hold now, one range per partition, also for those that hold nothing.
func Held(ctx context.Context, client *kgo.Client, topics ...string) ([]Range, error) {
	admin := kadm.NewClient(client)
	starts, err := admin.ListStartOffsets(ctx, topics...)
	if err = errors.Join(err, starts.Error()); err != nil {
		return nil, fmt.Errorf("look where %v start: %w", topics, err)
	}
	ends, err := admin.ListEndOffsets(ctx, topics...)
	if err = errors.Join(err, ends.Error()); err != nil {
		return nil, fmt.Errorf("look where %v end: %w", topics, err)
	}
	var out []Range
	for _, end := range ends.Offsets().Sorted() {
		start, _ := starts.Lookup(end.Topic, end.Partition)
		out = append(out, Range{end.Topic, end.Partition, min(start.Offset, end.At), end.At})
	}
	return out, nil
}

// Scan calls do for every record in ranges, in order within each partition. It is no group's member and commits
// nothing. It ends with the first error of do, or when ctx is done.
func (o Options) Scan(ctx context.Context, log *slog.Logger, ranges []Range, do func(*kgo.Record) error) error {
	from, to := map[string]map[int32]kgo.Offset{}, map[Range]int64{}
	for _, r := range ranges {
		if r.From >= r.To {
			continue
		}
		if from[r.Topic] == nil {
			from[r.Topic] = map[int32]kgo.Offset{}
		}
		from[r.Topic][r.Partition] = kgo.NewOffset().At(r.From)
		to[Range{Topic: r.Topic, Partition: r.Partition}] = r.To
	}
	if len(to) == 0 {
		return nil
	}
	client, err := o.NewClient(log, nil, kgo.ConsumePartitions(from), kgo.FetchMaxBytes(16<<20), kgo.FetchMaxPartitionBytes(MaxRecordBytes))
	if err != nil {
		return err
	}
	defer client.Close()
	for len(to) > 0 {
		fetches := client.PollFetches(ctx)
		if failed := fetches.Errors(); len(failed) > 0 {
			return fmt.Errorf("read %s: %w", failed[0].Topic, failed[0].Err)
		}
		for _, r := range fetches.Records() {
			partition := Range{Topic: r.Topic, Partition: r.Partition}
			end, reading := to[partition]
			if !reading {
				continue
			}
			if r.Offset < end {
				if err := do(r); err != nil {
					return err
				}
			}
			if r.Offset+1 >= end {
				delete(to, partition)
			}
		}
	}
	return nil
}
