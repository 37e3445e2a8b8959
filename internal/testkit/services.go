package testkit

import (
	"testing"
	"time"
)

// EngineProcess is ClickHouse's engine in a process of its own; package engine says what it has of a
// ClickHouse server.
type EngineProcess struct {
	*child
	URL string // http://host:port
	DSN string // for clickhouse.ParseDSN, without a database
}

// Engine starts an engine with no tables over a new folder; it ends with the test.
func Engine(t testing.TB) *EngineProcess {
	t.Helper()
	c := startChild(t, spec{Service: "engine", DataDir: t.TempDir(), Listen: "127.0.0.1:0"})
	url := "http://" + c.spec.Listen
	return &EngineProcess{child: c, URL: url, DSN: url}
}

// BrokerProcess is a Kafka broker in a process of its own.
type BrokerProcess struct {
	*child
	Addr string // host:port, a seed broker
}

// Broker starts a broker with no topics over a new folder; it ends with the test.
func Broker(t testing.TB) *BrokerProcess {
	t.Helper()
	return startBroker(t, false)
}

// SyncBroker starts a broker as Broker does, one that flushes every batch to the disk.
func SyncBroker(t testing.TB) *BrokerProcess {
	t.Helper()
	return startBroker(t, true)
}

func startBroker(t testing.TB, sync bool) *BrokerProcess {
	t.Helper()
	c := startChild(t, spec{Service: "broker", DataDir: t.TempDir(), Listen: "127.0.0.1:0", Sync: sync})
	return &BrokerProcess{child: c, Addr: c.spec.Listen}
}

// Eventually calls cond until it returns nil, and fails the test with cond's last error when that takes longer
// than the deadline.
func Eventually(t testing.TB, deadline time.Duration, cond func() error) {
	t.Helper()
	poll := time.NewTicker(10 * time.Millisecond)
	defer poll.Stop()
	late := time.After(deadline)
	for {
		err := cond()
		if err == nil {
			return
		}
		select {
		case <-late:
			t.Fatalf("not within %v: %v", deadline, err)
		case <-poll.C:
		}
	}
}
