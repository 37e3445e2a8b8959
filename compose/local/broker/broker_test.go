package broker_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hookline-io/hookline/compose/local/broker"
	"github.com/hookline-io/hookline/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

func client(t *testing.T, b *testkit.BrokerProcess, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	c, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(b.Addr), kgo.MetadataMinAge(100 * time.Millisecond)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func createTopic(t *testing.T, c *kgo.Client, topic string, partitions int32) {
	t.Helper()
	if _, err := kadm.NewClient(c).CreateTopic(context.Background(), partitions, 1, nil, topic); err != nil {
		t.Fatal(err)
	}
}

// within bounds one step of a test.
func within(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

// Invariant 1 rests on this: a record that was acknowledged is there, whatever ended the broker. One and the
// same idempotent producer carries on across the ends.
func TestInvariant1_AcknowledgedRecordsSurvive(t *testing.T) {
	b := testkit.Broker(t)
	producer := client(t, b, kgo.RecordDeliveryTimeout(30*time.Second), kgo.ProducerLinger(0))
	createTopic(t, producer, "t", 3)
	var acked atomic.Int64
	stop := make(chan struct{})
	stopped := make(chan int)
	go func() {
		n := 0
		for ; ; n++ {
			select {
			case <-stop:
				stopped <- n
				return
			default:
			}
			key := fmt.Append(nil, n)
			producer.Produce(context.Background(), &kgo.Record{Topic: "t", Key: key, Value: key}, func(_ *kgo.Record, err error) {
				if err != nil {
					t.Errorf("produce: %v", err)
				}
				acked.Add(1)
			})
		}
	}()
	for i, end := range []func(){b.Kill, b.Stop, b.Kill, b.Kill} {
		want := acked.Load() + 2000
		testkit.Eventually(t, 30*time.Second, func() error {
			if n := acked.Load(); n < want {
				return fmt.Errorf("%d acknowledged before end %d", n, i)
			}
			return nil
		})
		end()
		b.Restart()
	}
	close(stop)
	sent := <-stopped
	if err := producer.Flush(within(t, 60*time.Second)); err != nil {
		t.Fatal(err)
	}
	if t.Failed() {
		return
	}
	seen := map[string]int{}
	consumer := client(t, b, kgo.ConsumeTopics("t"))
	for ctx := within(t, 60*time.Second); len(seen) < sent; {
		fetches := consumer.PollFetches(ctx)
		if err := fetches.Err0(); err != nil {
			t.Fatalf("%d of %d records: %v", len(seen), sent, err)
		}
		fetches.EachRecord(func(r *kgo.Record) { seen[string(r.Value)]++ })
	}
	copies := 0
	for _, n := range seen {
		copies += n
	}
	t.Logf("%d records acknowledged, %d stored", sent, copies)
}

// A consumer group finds its offsets again, and goes on with the same clients.
func TestGroupSurvivesKill(t *testing.T) {
	b := testkit.Broker(t)
	producer := client(t, b)
	createTopic(t, producer, "t", 2)
	produce := func(from, to int) {
		for n := from; n < to; n++ {
			if err := producer.ProduceSync(within(t, 30*time.Second), &kgo.Record{Topic: "t", Value: fmt.Append(nil, n)}).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
	}
	consumer := client(t, b, kgo.ConsumerGroup("g"), kgo.ConsumeTopics("t"), kgo.DisableAutoCommit(), kgo.HeartbeatInterval(200*time.Millisecond), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	seen := map[string]int{}
	// consume reads and commits until the group's offsets are those of want records. A member that the broker
	// forgot in its crash cannot commit until it has joined again, and then sees its last records once more.
	consume := func(want int64) {
		ctx := within(t, 60*time.Second)
		for committed(t, b) < want {
			poll, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
			consumer.PollFetches(poll).EachRecord(func(r *kgo.Record) { seen[string(r.Value)]++ })
			cancel()
			if err := consumer.CommitUncommittedOffsets(ctx); err != nil {
				t.Logf("commit: %v", err)
			}
			if ctx.Err() != nil {
				t.Fatalf("%d records committed, want %d", committed(t, b), want)
			}
		}
	}
	produce(0, 20)
	consume(20)
	b.Restart() // SIGKILL
	produce(20, 40)
	consume(40)
	b.Restart()
	if got := committed(t, b); got != 40 {
		t.Errorf("%d records are committed after another restart, want 40", got)
	}
	if len(seen) != 40 {
		t.Errorf("%d records came, want 40", len(seen))
	}
	for n := range 20 {
		if seen[fmt.Sprint(n)] != 1 {
			t.Errorf("record %d came %d times: its commit was forgotten", n, seen[fmt.Sprint(n)])
		}
	}
}

// committed is the sum of group g's offsets.
func committed(t *testing.T, b *testkit.BrokerProcess) (sum int64) {
	t.Helper()
	c := client(t, b)
	defer c.Close()
	offsets, err := kadm.NewClient(c).FetchOffsets(within(t, 10*time.Second), "g")
	if err != nil {
		t.Fatal(err)
	}
	offsets.Each(func(o kadm.OffsetResponse) { sum += max(o.At, 0) })
	return sum
}

func TestRefusesWhatCannotWork(t *testing.T) {
	b := testkit.Broker(t)
	for _, test := range []struct{ listen, dir, want string }{
		{":9092", t.TempDir(), "names no host"},
		{"0.0.0.0:9092", t.TempDir(), "names no host"},
		{"127.0.0.1", t.TempDir(), "missing port"},
		{"127.0.0.1:x", t.TempDir(), "is not a number"},
		{b.Addr, t.TempDir(), "address already in use"},
		{"127.0.0.1:0", b.DataDir(), "another broker is running"},
	} {
		err := broker.Run(context.Background(), broker.Options{DataDir: test.dir, Listen: test.listen, Log: slog.New(slog.DiscardHandler)})
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want …%s…", test.listen, err, test.want)
		}
	}
}

func BenchmarkProduce(b *testing.B) {
	for _, sync := range []bool{false, true} {
		b.Run(fmt.Sprintf("sync=%v", sync), func(b *testing.B) {
			process := testkit.Broker(b)
			if sync {
				process = testkit.SyncBroker(b)
			}
			c, err := kgo.NewClient(kgo.SeedBrokers(process.Addr), kgo.ProducerLinger(0), kgo.ProducerBatchCompression(kgo.NoCompression()))
			if err != nil {
				b.Fatal(err)
			}
			defer c.Close()
			if _, err := kadm.NewClient(c).CreateTopic(context.Background(), 6, 1, nil, "t"); err != nil {
				b.Fatal(err)
			}
			value := make([]byte, 873) // a usual delivery
			for b.Loop() {
				c.Produce(context.Background(), &kgo.Record{Topic: "t", Value: value}, func(_ *kgo.Record, err error) {
					if err != nil {
						b.Error(err)
					}
				})
			}
			if err := c.Flush(context.Background()); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
		})
	}
}
