package kafka_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/hookline-io/hookline/internal/kafka"
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
