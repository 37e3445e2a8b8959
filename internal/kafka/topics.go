package kafka

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// TopicOptions are the flags that shape new topics. They do not change topics that exist.
type TopicOptions struct {
	Partitions       int32         `default:"12" help:"Partitions of the events topic; the most processors that can share the work."`
	Replication      int16         `default:"1" help:"Copies of each partition. In production 3, so that a broker can be lost."`
	MinInsync        int           `default:"0" help:"Copies that must have a record before it counts as written; 0 for all but one, and at least one."`
	Retention        time.Duration `default:"168h" help:"How long events stay on Kafka. A longer outage of ClickHouse than this loses them."`
	DeadLetterMaxAge time.Duration `default:"2160h" help:"How long dead letters stay on Kafka."`
}

// topic is one topic to create.
type topic struct {
	name       string
	partitions int32
	retention  time.Duration
}

// CreateTopics creates those of the topics that do not exist yet and returns their names.
func CreateTopics(ctx context.Context, client *kgo.Client, o Options, t TopicOptions) ([]string, error) {
	names := o.Topics()
	topics := []topic{
		{names.Events, t.Partitions, t.Retention},
		{names.Retry, t.Partitions, t.Retention},
		{names.DLQ, 1, t.DeadLetterMaxAge},
		{names.Rejections, 1, t.Retention},
	}
	minInsync := t.MinInsync
	if minInsync == 0 {
		minInsync = max(int(t.Replication)-1, 1)
	}
	admin := kadm.NewClient(client)
	var created []string
	for _, topic := range topics {
		resp, err := admin.CreateTopic(ctx, topic.partitions, t.Replication, map[string]*string{
			"cleanup.policy":         ptr("delete"),
			"retention.ms":           ptr(strconv.FormatInt(topic.retention.Milliseconds(), 10)),
			"min.insync.replicas":    ptr(strconv.Itoa(minInsync)),
			"max.message.bytes":      ptr(strconv.Itoa(MaxRecordBytes)),
			"message.timestamp.type": ptr("CreateTime"),
		}, topic.name)
		if err == nil {
			err = resp.Err
		}
		switch {
		case errors.Is(err, kerr.TopicAlreadyExists):
		case err != nil:
			return created, fmt.Errorf("create topic %s: %w", topic.name, err)
		default:
			created = append(created, topic.name)
		}
	}
	return created, nil
}

func ptr(s string) *string { return &s }
