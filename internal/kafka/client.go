// Package kafka holds what ingest and processor share of talking to Kafka: the client's options and the topics.
package kafka

import (
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/plugin/kprom"

	"github.com/hookline-io/hookline/schemas"
)

// MaxRecordBytes bounds one record on every topic, and so the largest batch a producer sends. It leaves room
// for the headers of an event whose body is as large as ingest accepts.
const MaxRecordBytes = 4 << 20

// Options are the flags that find the cluster.
type Options struct {
	Brokers     []string `default:"127.0.0.1:9092" help:"Brokers to ask first, as host:port; the rest of the cluster is found through them."`
	TopicPrefix string   `default:"webhooks" help:"What the topics' names start with: PREFIX.events, PREFIX.events.retry, PREFIX.events.dlq, PREFIX.rejections."`

	SecurityOptions `embed:""`
	SessionTimeout  time.Duration `kong:"-"` // of members of groups; 0: franz-go's default
}

// Topics returns the names of the topics.
func (o Options) Topics() schemas.Topics { return schemas.NewTopics(o.TopicPrefix) }

// NewClient returns a client that reports its metrics to reg, unless it is nil, and its warnings to log. extra overrides the defaults.
func (o Options) NewClient(log *slog.Logger, reg prometheus.Registerer, extra ...kgo.Opt) (*kgo.Client, error) {
	security, err := o.clientOptions()
	if err != nil {
		return nil, err
	}
	opts := []kgo.Opt{
		kgo.SeedBrokers(o.Brokers...),
		kgo.ClientID("hookline"),
		kgo.WithLogger(newLogger(log)),
		kgo.DialTimeout(3 * time.Second),
		// A broker that restarts comes back at the same address: look again soon.
		kgo.MetadataMinAge(250 * time.Millisecond),
		kgo.RetryBackoffFn(backoff),
	}
	if reg != nil {
		metrics := kprom.NewMetrics("hookline_kafka", kprom.Registerer(reg),
			kprom.FetchAndProduceDetail(kprom.Batches, kprom.Records, kprom.CompressedBytes))
		opts = append(opts, kgo.WithHooks(metrics))
	}
	client, err := kgo.NewClient(slices.Concat(opts, security, extra)...)
	if err != nil {
		return nil, fmt.Errorf("kafka client for %v: %w", o.Brokers, err)
	}
	return client, nil
}

// Named gives the metrics of one of a process's clients a label that tells them from those of the others.
func Named(reg prometheus.Registerer, client string) prometheus.Registerer {
	return prometheus.WrapRegistererWith(prometheus.Labels{"client": client}, reg)
}

// ProducerOptions make a producer that loses nothing it acknowledged: idempotent (franz-go's default), and a
// record counts as written once all in-sync replicas have it (invariant 1).
func ProducerOptions() []kgo.Opt {
	return []kgo.Opt{
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.ProducerBatchMaxBytes(MaxRecordBytes),
		// A producer of many records has them all in flight at once and waits for the last: lingering would only add
		// to that. Ingest, whose records come one by one, has a linger of its own.
		kgo.ProducerLinger(0),
	}
}

// backoff keeps retries close together: a vendor waits for the answer.
func backoff(attempt int) time.Duration {
	return min(50*time.Millisecond<<min(attempt, 5), time.Second)
}
