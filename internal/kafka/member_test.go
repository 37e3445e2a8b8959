package kafka_test

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/hookline-io/hookline/internal/kafka"
	"github.com/hookline-io/hookline/internal/testkit"
)

// Leaving waits neither for a group that never completes its rebalance, nor for a broker that does not answer.
func TestLeavingIsBounded(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "t"))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	joining := make(chan struct{}, 1)
	cluster.ControlKey(int16(kmsg.JoinGroup), func(kmsg.Request) (kmsg.Response, error, bool) { //nolint:staticcheck // kfake's order
		cluster.KeepControl()
		select {
		case joining <- struct{}{}:
		default:
		}
		return nil, nil, true // never answered
	})
	o := kafka.Options{Brokers: cluster.ListenAddrs(), TopicPrefix: "webhooks", SessionTimeout: time.Minute}
	consumer, err := o.NewConsumer(slog.New(slog.DiscardHandler), nil, kafka.GroupOptions{Group: "g", Topics: []string{"t"}})
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-joining:
	case <-time.After(20 * time.Second):
		t.Fatal("it does not join")
	}
	began := time.Now()
	consumer.Leave()
	consumer.Leave()
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("leaving took %s", took)
	}
}

// A commit whose offsets were worked out before a rebalance is refused after it, also where the client has held it back
// until the rebalance was over: the partition may be another member's, which has committed more.
func TestACommitFromBeforeARebalanceIsRefused(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(2, "t"))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	o := kafka.Options{Brokers: cluster.ListenAddrs(), TopicPrefix: "webhooks", SessionTimeout: 6 * time.Second}
	join := func() *kafka.Consumer {
		consumer, err := o.NewConsumer(slog.New(slog.DiscardHandler), nil, kafka.GroupOptions{Group: "g", Topics: []string{"t"}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(consumer.Leave)
		go func() {
			for t.Context().Err() == nil {
				if consumer.Poll(t.Context(), 1, time.Time{}, func(kafka.Fetch) {}) != nil {
					return
				}
			}
		}()
		return consumer
	}
	owns := func(c *kafka.Consumer, n int) {
		t.Helper()
		testkit.Eventually(t, 30*time.Second, func() error {
			if owned := c.Owned("t"); len(owned) != n {
				return fmt.Errorf("it has %d partitions, want %d", len(owned), n)
			}
			return nil
		})
	}
	offsets := func() kafka.Offsets {
		out := kafka.Offsets{}
		for id := range int32(2) {
			out.Set(kafka.Partition{Topic: "t", ID: id}, kgo.EpochOffset{Epoch: -1, Offset: 1})
		}
		return out
	}
	first := join()
	owns(first, 2)
	err = first.Commit(t.Context(), func() kafka.Offsets {
		before := offsets()
		second := join()
		owns(second, 1)
		owns(first, 1)
		return before
	})
	if err == nil {
		t.Error("the offsets from before the rebalance were committed")
	}
	if err := first.Commit(t.Context(), offsets); err != nil {
		t.Errorf("a commit after it: %v", err)
	}
	committed, err := kadm.NewClient(first.Client).FetchOffsets(t.Context(), "g")
	if err != nil {
		t.Fatal(err)
	}
	if n := len(committed.Sorted()); n != 1 {
		t.Errorf("%d partitions are committed, want the one that is its own", n)
	}
}
