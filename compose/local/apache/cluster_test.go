package apache_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hookline-io/hookline/compose/local/apache"
	"github.com/hookline-io/hookline/internal/kafka"
	"github.com/hookline-io/hookline/internal/testkit"
)

const (
	patience   = 2 * time.Minute
	partitions = 6
)

func onlyOnApache(t *testing.T) {
	t.Helper()
	if !testkit.OnApache(t) {
		t.Skip("starts Apache Kafka, which needs Java and Maven: run `make test-kafka`")
	}
}

// cluster starts three nodes with hookline's topics.
func cluster(t *testing.T, dir string) (*apache.Cluster, kafka.Options) {
	t.Helper()
	onlyOnApache(t)
	c, err := apache.Start(t.Context(), apache.Options{DataDir: dir, Listen: "127.0.0.1:0", Nodes: 3, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	options := kafka.Options{Brokers: c.Addrs(), TopicPrefix: "test"}
	if _, err := kafka.CreateTopics(within(t, patience), client(t, options), options, kafka.TopicOptions{Partitions: partitions, Replication: 3, Retention: time.Hour, DeadLetterMaxAge: time.Hour}); err != nil {
		t.Fatal(err)
	}
	return c, options
}

func client(t *testing.T, o kafka.Options, extra ...kgo.Opt) *kgo.Client {
	t.Helper()
	c, err := o.NewClient(slog.New(slog.DiscardHandler), nil, extra...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

// traffic produces all the time and remembers what was acknowledged.
type traffic struct {
	topic string
	acks  atomic.Int64
	acked sync.Map
	stop  func()
}

func produceAllTheTime(t *testing.T, o kafka.Options) *traffic {
	producer := client(t, o, append(kafka.ProducerOptions(), kgo.MaxBufferedRecords(50))...)
	ctx, cancel := context.WithCancel(context.Background())
	traffic := &traffic{topic: o.Topics().Events}
	var producing sync.WaitGroup
	producing.Go(func() {
		for n := uint64(0); ctx.Err() == nil; n++ {
			value := binary.BigEndian.AppendUint64(nil, n)
			producer.Produce(ctx, &kgo.Record{Topic: traffic.topic, Key: value, Value: value}, func(_ *kgo.Record, err error) {
				if err == nil {
					traffic.acked.Store(n, true)
					traffic.acks.Add(1)
				} else if !errors.Is(err, context.Canceled) {
					t.Errorf("produce %d: %v", n, err)
				}
			})
		}
	})
	traffic.stop = func() {
		cancel()
		producing.Wait()
		if err := producer.Flush(within(t, patience)); err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(traffic.stop)
	return traffic
}

// goesOn waits for more acknowledgements than were in flight, and returns how long that took.
func (tr *traffic) goesOn(t *testing.T) time.Duration {
	t.Helper()
	started, want := time.Now(), tr.acks.Load()+500
	testkit.Eventually(t, patience, func() error {
		if got := tr.acks.Load(); got < want {
			return fmt.Errorf("%d records acknowledged, want %d", got, want)
		}
		return nil
	})
	return time.Since(started)
}

// inSync waits until all copies of all partitions are in sync, so that one more node can be lost.
func inSync(t *testing.T, o kafka.Options) {
	t.Helper()
	admin := kadm.NewClient(client(t, o))
	testkit.Eventually(t, patience, func() error {
		topics, err := admin.ListTopicsWithInternal(within(t, patience))
		if err != nil {
			return err
		}
		for _, topic := range topics {
			for _, partition := range topic.Partitions {
				if len(partition.ISR) != 3 {
					return fmt.Errorf("in sync for partition %d of %s: %v", partition.Partition, topic.Topic, partition.ISR)
				}
			}
		}
		return nil
	})
}

// Whichever node dies, those in production are three so that producing goes on.
func TestInvariant1_OneNodeDown(t *testing.T) {
	c, options := cluster(t, t.TempDir())
	traffic := produceAllTheTime(t, options)
	traffic.goesOn(t)
	for _, node := range c.Nodes {
		inSync(t, options)
		node.Kill()
		t.Logf("node %d killed: the next records were acknowledged after %v", node.ID, traffic.goesOn(t))
		if err := node.Start(); err != nil {
			t.Fatal(err)
		}
		if err := c.Await(within(t, patience)); err != nil {
			t.Fatal(err)
		}
	}
	traffic.stop()

	consumer := client(t, options, kgo.ConsumeTopics(traffic.topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	stored, copies := map[uint64]bool{}, 0
	missing := func() (n int) {
		traffic.acked.Range(func(key, _ any) bool {
			if !stored[key.(uint64)] {
				n++
			}
			return true
		})
		return n
	}
	for ctx := within(t, patience); missing() > 0; {
		fetches := consumer.PollFetches(ctx)
		if err := fetches.Err0(); err != nil {
			t.Fatalf("%d of %d acknowledged records are missing: %v", missing(), traffic.acks.Load(), err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			stored[binary.BigEndian.Uint64(r.Value)] = true
			copies++
		})
	}
	t.Logf("%d records acknowledged, %d read, %d of them more than once", traffic.acks.Load(), copies, copies-len(stored))
}

// With one node of three left nothing may be acknowledged, for one copy is not safe. What waited is written when they
// are back: a producer that must not write twice cannot give a record up that Kafka may have.
func TestInvariant1_TwoNodesDown(t *testing.T) {
	c, options := cluster(t, t.TempDir())
	producer := client(t, options, append(kafka.ProducerOptions(), kgo.RecordPartitioner(kgo.ManualPartitioner()))...)
	var acks atomic.Int64
	produce := func() {
		for partition := range int32(partitions) {
			record := &kgo.Record{Topic: options.Topics().Events, Partition: partition, Value: []byte("x")}
			producer.Produce(context.Background(), record, func(_ *kgo.Record, err error) {
				if err != nil {
					t.Errorf("partition %d: %v", partition, err)
				}
				acks.Add(1)
			})
		}
	}
	produce()
	if err := producer.Flush(within(t, patience)); err != nil {
		t.Fatal(err)
	}
	inSync(t, options)
	for _, node := range c.Nodes[:2] {
		node.Kill()
	}
	produce()
	if err := producer.Flush(within(t, 10*time.Second)); err == nil || acks.Load() > partitions {
		t.Fatalf("%d records were acknowledged by one node alone", acks.Load()-partitions)
	}
	started := time.Now()
	for _, node := range c.Nodes[:2] {
		if err := node.Start(); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Await(within(t, patience)); err != nil {
		t.Fatal(err)
	}
	produce()
	if err := producer.Flush(within(t, patience)); err != nil || acks.Load() != 3*partitions {
		t.Errorf("%d records were acknowledged with all nodes back, want %d (%v)", acks.Load(), 3*partitions, err)
	}
	t.Logf("acknowledged again %v after the nodes were started", time.Since(started))
}

// What a node alone has, the cluster must not need.
func TestTopicsAreOnAllNodes(t *testing.T) {
	_, options := cluster(t, t.TempDir())
	admin := kadm.NewClient(client(t, options))
	var offsets kadm.Offsets
	offsets.AddOffset(options.Topics().Events, 0, 0, -1)
	if err := admin.CommitAllOffsets(within(t, patience), "any", offsets); err != nil {
		t.Fatal(err) // and now there is __consumer_offsets
	}
	if _, err := admin.CreateTopic(within(t, patience), -1, -1, nil, "default"); err != nil {
		t.Fatal(err)
	}
	inSync(t, options)
	for _, topic := range []string{"default", "__consumer_offsets"} {
		configs, err := admin.DescribeTopicConfigs(within(t, patience), topic)
		if err != nil {
			t.Fatal(err)
		}
		if value := setting(configs[0], "min.insync.replicas"); value != "2" {
			t.Errorf("%s: min.insync.replicas is %s, want 2", topic, value)
		}
	}
}

func setting(configs kadm.ResourceConfig, key string) string {
	for _, c := range configs.Configs {
		if c.Key == key {
			return c.MaybeValue()
		}
	}
	return ""
}

// Run restarts a node that dies, ends all when its context is done, and finds its data again.
func TestRun(t *testing.T) {
	onlyOnApache(t)
	dir := t.TempDir()
	run := func() (admin *kadm.Client, address string, stop func()) {
		ctx, cancel := context.WithCancel(t.Context())
		ready, ended := make(chan string, 1), make(chan error, 1)
		go func() {
			ended <- apache.Run(ctx, apache.Options{DataDir: dir, Listen: "127.0.0.1:0", Nodes: 1, Ready: func(a string) { ready <- a }, Log: slog.New(slog.DiscardHandler)})
		}()
		select {
		case address = <-ready:
		case err := <-ended:
			t.Fatal(err)
		}
		return kadm.NewClient(client(t, kafka.Options{Brokers: []string{address}})), address, func() {
			t.Helper()
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
	}
	kept := func(admin *kadm.Client) error {
		topics, err := admin.ListTopics(within(t, 5*time.Second))
		if err == nil && !topics.Has("kept") {
			err = fmt.Errorf("the topics are %v", topics.Names())
		}
		return err
	}

	admin, address, stop := run()
	if _, err := admin.CreateTopic(within(t, patience), 1, 1, nil, "kept"); err != nil {
		t.Fatal(err)
	}
	before := children(t)
	if len(before) != 1 {
		t.Fatalf("the processes are %v, want one", before)
	}
	if err := syscall.Kill(before[0], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, patience, func() error {
		if after := children(t); len(after) != 1 || after[0] == before[0] {
			return fmt.Errorf("the processes are %v, want a new one", after)
		}
		return kept(admin)
	})
	stop()
	if l, err := net.Listen("tcp", address); err != nil {
		t.Errorf("something still listens after the end: %v", err)
	} else {
		_ = l.Close()
	}

	admin, _, stop = run() // at another address
	defer stop()
	if err := kept(admin); err != nil {
		t.Error(err)
	}
}

// children are the processes that this one started.
func children(t *testing.T) (pids []int) {
	t.Helper()
	files, err := filepath.Glob("/proc/self/task/*/children")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, _ := os.ReadFile(file) // the thread may be gone
		for _, field := range strings.Fields(string(text)) {
			pid, err := strconv.Atoi(field)
			if err != nil {
				t.Fatal(err)
			}
			pids = append(pids, pid)
		}
	}
	return pids
}

func TestRefusesWhatCannotWork(t *testing.T) {
	running := t.TempDir()
	c, _ := cluster(t, running)
	taken := c.Nodes[2].Addr
	for _, test := range []struct {
		o    apache.Options
		want string
	}{
		{apache.Options{Listen: ":9092", Nodes: 1}, "names no host"},
		{apache.Options{Listen: "127.0.0.1:x", Nodes: 1}, "is not a number"},
		{apache.Options{Listen: "127.0.0.1:0", Nodes: 2}, "choose 1 or 3"},
		{apache.Options{Listen: taken, Nodes: 1}, "address already in use"},
		{apache.Options{Listen: "127.0.0.1:0", Nodes: 3, DataDir: running}, "another broker is running"},
	} {
		if test.o.DataDir == "" {
			test.o.DataDir = t.TempDir()
		}
		test.o.Log = slog.New(slog.DiscardHandler)
		if _, err := apache.Start(t.Context(), test.o); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: %v, want …%s…", test.o, err, test.want)
		}
	}
	c.Close()
	_, err := apache.Start(t.Context(), apache.Options{Listen: "127.0.0.1:0", Nodes: 1, DataDir: running, Log: slog.New(slog.DiscardHandler)})
	if want := "holds a cluster of 3 nodes"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want …%s…", err, want)
	}
}
