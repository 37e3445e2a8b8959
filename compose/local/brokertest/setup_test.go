package brokertest

import (
	"context"
	"encoding/binary"
	"log/slog"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hookline-io/hookline/internal/kafka"
	"github.com/hookline-io/hookline/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// patience bounds what takes a moment on an idle machine, and may include Apache Kafka finding new leaders.
const patience = 2 * time.Minute

const partitions = 6

// fixture is a Kafka with hookline's topics.
type fixture struct {
	*testkit.BrokerProcess
	options kafka.Options
	topic   string // of events
}

func start(t *testing.T) *fixture {
	t.Helper()
	b := testkit.Broker(t)
	f := &fixture{BrokerProcess: b, options: kafka.Options{Brokers: []string{b.Addr}, TopicPrefix: "test"}}
	f.topic = f.options.Topics().Events
	created, err := kafka.CreateTopics(within(t, patience), f.client(t), f.options, kafka.TopicOptions{
		Partitions: partitions, Replication: b.Copies, Retention: time.Hour, DeadLetterMaxAge: time.Hour,
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(created) != 4 {
		t.Fatalf("created %v, want four topics", created)
	}
	return f
}

func (f *fixture) client(t *testing.T, extra ...kgo.Opt) *kgo.Client {
	t.Helper()
	c, err := f.options.NewClient(slog.New(slog.DiscardHandler), nil, extra...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func (f *fixture) producer(t *testing.T, extra ...kgo.Opt) *kgo.Client {
	t.Helper()
	return f.client(t, append(kafka.ProducerOptions(), extra...)...)
}

// group joins the group as a processor does.
func (f *fixture) group(t *testing.T, group string, extra ...kgo.Opt) *kgo.Client {
	t.Helper()
	return f.client(t, append([]kgo.Opt{
		kgo.ConsumerGroup(group), kgo.ConsumeTopics(f.topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.DisableAutoCommit(), kgo.BlockRebalanceOnPoll(), kgo.HeartbeatInterval(200 * time.Millisecond),
		kgo.FetchMaxWait(250 * time.Millisecond),
	}, extra...)...)
}

// read returns the first n records of the topic, by partition.
func (f *fixture) read(t *testing.T, n int) map[int32][]*kgo.Record {
	t.Helper()
	c := f.client(t, kgo.ConsumeTopics(f.topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	defer c.Close()
	got := map[int32][]*kgo.Record{}
	ctx := within(t, patience)
	for left := n; left > 0; {
		fetches := c.PollFetches(ctx)
		if err := fetches.Err0(); err != nil {
			t.Fatalf("%d of %d records came: %v", n-left, n, err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			got[r.Partition] = append(got[r.Partition], r)
			left--
		})
	}
	return got
}

// produce writes one record and waits for its acknowledgement.
func produce(t *testing.T, c *kgo.Client, r *kgo.Record) {
	t.Helper()
	if err := c.ProduceSync(within(t, patience), r).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

// within bounds one step of a test.
func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

func number(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }
