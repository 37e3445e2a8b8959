package testkit

import (
	"context"
	"io"
	"net/http"
	"os"
	"strings"
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
	return startEngine(t, spec{DataDir: t.TempDir()})
}

// LockedEngine is Engine with a password. DSN has it, URL does not.
func LockedEngine(t testing.TB, password string) *EngineProcess {
	t.Helper()
	return startEngine(t, spec{DataDir: t.TempDir(), Password: password})
}

// EngineOf starts an engine over a folder for the users of a users.xml: see engine.Options.
func EngineOf(t testing.TB, dir, users string) *EngineProcess {
	t.Helper()
	return startEngine(t, spec{DataDir: dir, Users: users})
}

func startEngine(t testing.TB, s spec) *EngineProcess {
	t.Helper()
	s.Service, s.Listen = "engine", "127.0.0.1:0"
	c := startChild(t, s)
	e := &EngineProcess{child: c, URL: "http://" + c.spec.Listen}
	if e.DSN = e.URL; s.Password != "" {
		e.DSN = "http://default:" + s.Password + "@" + c.spec.Listen
	}
	return e
}

// Ask runs one statement over plain HTTP, past everything that is under test, and returns the answer as tab-separated
// lines. A refusal fails the test. The database may be left empty.
func (e *EngineProcess) Ask(t testing.TB, database, sql string) string {
	t.Helper()
	answer, ok := e.Try(t, database, sql)
	if !ok {
		t.Fatalf("%s: %s", sql, answer)
	}
	return answer
}

// Try is Ask for a statement that may be refused: it then returns ClickHouse's exception.
func (e *EngineProcess) Try(t testing.TB, database, sql string) (answer string, ok bool) {
	t.Helper()
	to := e.URL
	if database != "" {
		to += "/?database=" + database
	}
	request, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), http.MethodPost, to, strings.NewReader(sql))
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return strings.TrimSuffix(string(body), "\n"), r.StatusCode == http.StatusOK
}

// BrokerProcess is Kafka in processes of its own. To Kill it or Stop it is to lose all of its nodes at once;
// package apache has a cluster whose nodes can be lost one by one.
type BrokerProcess struct {
	*child
	Addr   string // host:port, a seed broker
	Copies int16  // the most that a topic can have
}

// kafkaVariable names the environment variable that says which Kafka the tests run on: kfake, the default, or
// apache, for three nodes of Apache Kafka.
const kafkaVariable = "HOOKLINE_TEST_KAFKA"

// OnApache says whether Broker starts Apache Kafka.
func OnApache(t testing.TB) bool {
	t.Helper()
	switch kafka := os.Getenv(kafkaVariable); kafka {
	case "", "kfake":
		return false
	case "apache":
		return true
	default:
		t.Fatalf("%s=%s: choose kfake or apache", kafkaVariable, kafka)
		return false
	}
}

// Broker starts a broker with no topics over a new folder; it ends with the test.
func Broker(t testing.TB) *BrokerProcess {
	t.Helper()
	if OnApache(t) {
		return startBroker(t, spec{Service: "apache"}, 3)
	}
	return startBroker(t, spec{Service: "broker"}, 1)
}

// SyncBroker starts kfake, one that flushes every batch to the disk.
func SyncBroker(t testing.TB) *BrokerProcess {
	t.Helper()
	return startBroker(t, spec{Service: "broker", Sync: true}, 1)
}

func startBroker(t testing.TB, s spec, copies int16) *BrokerProcess {
	t.Helper()
	s.DataDir, s.Listen = t.TempDir(), "127.0.0.1:0"
	c := startChild(t, s)
	return &BrokerProcess{child: c, Addr: c.spec.Listen, Copies: copies}
}

// Eventually calls cond until it returns nil, and fails the test with cond's last error when that takes longer
// than the deadline. Between calls it rests for longer than they take: whatever is waited for needs the machine too.
func Eventually(t testing.TB, deadline time.Duration, cond func() error) {
	t.Helper()
	const least, most = 10 * time.Millisecond, 250 * time.Millisecond
	late := time.After(deadline)
	for {
		began := time.Now()
		err := cond()
		if err == nil {
			return
		}
		select {
		case <-late:
			t.Fatalf("not within %v: %v", deadline, err)
		case <-time.After(min(max(least, 3*time.Since(began)), most)):
		}
	}
}
