package broker_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/hookline-io/hookline/compose/local/broker"
)

// faulty runs a broker that takes orders, in this process, and returns its address and where to post them.
func faulty(t *testing.T, advertise string) (address, orders string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	orders = ln.Addr().String()
	ln.Close()
	ready, ended := make(chan net.Addr, 1), make(chan error, 1)
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		ended <- broker.Run(ctx, broker.Options{
			DataDir: t.TempDir(), Listen: "127.0.0.1:0", Advertise: advertise, Faults: orders, Partitions: 1,
			Ready: func(a net.Addr) { ready <- a }, Log: slog.New(slog.DiscardHandler),
		})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	select {
	case a := <-ready:
		return a.String(), "http://" + orders
	case err := <-ended:
		t.Fatal(err)
	}
	return "", ""
}

func order(t *testing.T, url string, o broker.FaultOrder, want int) {
	t.Helper()
	body, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Post(url, "application/json", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != want {
		t.Errorf("%+v: %s, want %d", o, resp.Status, want)
	}
}

func TestFaultOrders(t *testing.T) {
	address, orders := faulty(t, "")
	client, err := kgo.NewClient(kgo.SeedBrokers(address), kgo.RecordRetries(0), kgo.DisableIdempotentWrite(), kgo.AllowAutoTopicCreation())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	createTopic(t, client, "t", 1)
	createTopic(t, client, "u", 1)
	produce := func(topic string) error {
		return client.ProduceSync(within(t, 20*time.Second), &kgo.Record{Topic: topic, Value: []byte("x")}).FirstErr()
	}
	if err := errors.Join(produce("t"), produce("u")); err != nil {
		t.Fatal(err)
	}
	order(t, orders, broker.FaultOrder{Request: "Produce", Error: "NOT_ENOUGH_REPLICAS", Topic: "t", Count: 2}, http.StatusOK)
	if err := produce("u"); err != nil {
		t.Errorf("another topic: %v", err)
	}
	for i, want := range []error{kerr.NotEnoughReplicas, kerr.NotEnoughReplicas, nil} {
		if err := produce("t"); !errors.Is(err, want) {
			t.Errorf("record %d: %v, want %v", i, err, want)
		}
	}

	// One that lasts, and is answered when the first record was refused.
	refused := make(chan error)
	go func() {
		var err error
		for err == nil {
			err = produce("t")
		}
		refused <- err
	}()
	order(t, orders, broker.FaultOrder{Request: "Produce", Error: "NOT_ENOUGH_REPLICAS", For: time.Minute, Await: true}, http.StatusOK)
	if err := <-refused; !errors.Is(err, kerr.NotEnoughReplicas) {
		t.Error(err)
	}

	order(t, orders, broker.FaultOrder{Request: "Produce", Error: "NOT_SO", Count: 1}, http.StatusBadRequest)
	order(t, orders, broker.FaultOrder{Request: "Reduce", Error: "NOT_ENOUGH_REPLICAS", Count: 1}, http.StatusBadRequest)
	order(t, orders, broker.FaultOrder{Request: "Produce", Error: "NOT_ENOUGH_REPLICAS"}, http.StatusBadRequest)
}

// Clients get the address of a proxy where there is one.
func TestAdvertise(t *testing.T) {
	const proxy = "127.0.0.1:1"
	address, _ := faulty(t, proxy)
	client, err := kgo.NewClient(kgo.SeedBrokers(address))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	resp, err := kmsg.NewPtrMetadataRequest().RequestWith(within(t, 20*time.Second), client.SeedBrokers()[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range resp.Brokers {
		if got := net.JoinHostPort(b.Host, strconv.Itoa(int(b.Port))); got != proxy {
			t.Errorf("clients connect to %s, want %s", got, proxy)
		}
	}
}
