package kafka_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hookline-io/hookline/internal/kafka"
)

func TestProduceAgainAfterItsTimeWasUp(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "t"))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	o := kafka.Options{Brokers: cluster.ListenAddrs()}
	client, err := o.NewClient(slog.New(slog.DiscardHandler), nil, kafka.ProducerOptions()...)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	over, cancel := context.WithCancel(t.Context())
	cancel()
	left, err := kafka.Produce(over, client, []*kgo.Record{{Topic: "t", Value: []byte("a")}, {Topic: "t", Value: []byte("b")}})
	if !errors.Is(err, context.Canceled) || len(left) != 2 {
		t.Fatalf("left %d, %v", len(left), err)
	}
	if left, err = kafka.Produce(t.Context(), client, left); err != nil || len(left) != 0 {
		t.Errorf("again: left %d, %v", len(left), err)
	}
}
