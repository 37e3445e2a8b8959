package testkit

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hookline-io/hookline/compose/local/engine"
)

// EngineProcess is a ClickHouse server with hookline's users, in processes of its own.
type EngineProcess struct {
	*child
	external *external // nil: it is ours
	URL      string    // of the HTTP interface: http://host:port
	DSN      string    // of the user migrator, without a database; see As
}

// Owner is the user who may do everything. The others are those of package compose/clickhouse.
const Owner = engine.Owner

// Engine starts an engine with no tables over a new folder; it ends with the test. See externalVariable for one that is
// there already.
func Engine(t testing.TB) *EngineProcess {
	t.Helper()
	if e, ok := externalEngine(t); ok {
		return e
	}
	return startEngine(t, spec{DataDir: t.TempDir()})
}

// EngineWith is Engine with XML that is merged into the server's configuration.
func EngineWith(t testing.TB, override string) *EngineProcess {
	t.Helper()
	NeedsOwnEngine(t)
	return startEngine(t, spec{DataDir: t.TempDir(), Override: override})
}

// Cluster starts engines that name one another as the shards of the cluster "hookline", over the native protocol, with more
// XML for the configuration of all of them.
func Cluster(t testing.TB, shards int, override string) []*EngineProcess {
	t.Helper()
	NeedsOwnEngine(t)
	password := rand.Text()
	var cluster strings.Builder
	specs := make([]spec, shards)
	for i := range specs {
		specs[i] = spec{DataDir: t.TempDir(), Native: FreeAddress(t)}
		file := engine.PasswordFile(filepath.Join(specs[i].DataDir, "clickhouse"), Owner)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, []byte(password), 0o600)); err != nil {
			t.Fatal(err)
		}
		host, port, _ := net.SplitHostPort(specs[i].Native)
		fmt.Fprintf(&cluster, "<shard><replica><host>%s</host><port>%s</port><user>%s</user><password>%s</password></replica></shard>", host, port, Owner, password)
	}
	engines := make([]*EngineProcess, shards)
	for i, s := range specs {
		s.Override = fmt.Sprintf("<clickhouse><remote_servers><hookline>%s</hookline></remote_servers><macros><shard>%d</shard><replica>1</replica></macros>%s</clickhouse>", &cluster, i+1, override)
		engines[i] = startEngine(t, s)
	}
	return engines
}

func startEngine(t testing.TB, s spec) *EngineProcess {
	t.Helper()
	s.Service, s.Listen, s.Native = "engine", "127.0.0.1:0", cmp.Or(s.Native, "127.0.0.1:0")
	e := &EngineProcess{child: startChild(t, s)}
	e.URL = "http://" + e.spec.Listen
	e.DSN = e.As(t, "migrator")
	return e
}

// protocolVariable names the environment variable that says over which protocol the tests use ClickHouse: native, the
// default, or http.
const protocolVariable = "HOOKLINE_TEST_CLICKHOUSE_PROTOCOL"

// As returns the DSN of a user, without a database.
func (e *EngineProcess) As(t testing.TB, user string) string {
	t.Helper()
	switch protocol := os.Getenv(protocolVariable); protocol {
	case "", "native":
		return "clickhouse://" + user + ":" + e.Password(t, user) + "@" + e.spec.Native
	case "http":
		return e.HTTPAs(t, user)
	default:
		t.Fatalf("%s=%s: choose native or http", protocolVariable, protocol)
		return ""
	}
}

// HTTPAs is As over HTTP, for tests with something of HTTP before the server, or with a login that fails: see
// chdb.Serve.
func (e *EngineProcess) HTTPAs(t testing.TB, user string) string {
	t.Helper()
	return e.Through(t, user, e.URL)
}

// Through is HTTPAs through a proxy, of which it gets the URL.
func (e *EngineProcess) Through(t testing.TB, user, proxy string) string {
	t.Helper()
	return strings.Replace(proxy, "://", "://"+user+":"+e.Password(t, user)+"@", 1)
}

// Native is the address of the native protocol: host:port.
func (e *EngineProcess) Native() string { return e.spec.Native }

// Password is that of a user.
func (e *EngineProcess) Password(t testing.TB, user string) string {
	t.Helper()
	if e.external != nil {
		return e.external.password
	}
	text, err := os.ReadFile(e.PasswordFile(user))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// PasswordFile is where the password of a user is.
func (e *EngineProcess) PasswordFile(user string) string {
	e.own()
	return engine.PasswordFile(filepath.Join(e.spec.DataDir, "clickhouse"), user)
}

// Ask runs one statement as the owner over plain HTTP, past everything that is under test, and returns the answer as
// tab-separated lines. A refusal fails the test. The database may be left empty.
func (e *EngineProcess) Ask(t testing.TB, database, sql string) string {
	t.Helper()
	owner := Owner
	if e.external != nil {
		owner = e.external.owner
	}
	answer, ok := e.Try(t, owner, database, sql)
	if !ok {
		t.Fatalf("%s: %s", sql, answer)
	}
	return answer
}

// Try is Ask as any user for a statement that may be refused: it then returns ClickHouse's exception.
func (e *EngineProcess) Try(t testing.TB, user, database, sql string) (answer string, ok bool) {
	t.Helper()
	request, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), http.MethodPost, e.URL+"/?wait_end_of_query=1&database="+database, strings.NewReader(sql))
	if err != nil {
		t.Fatal(err)
	}
	request.SetBasicAuth(user, e.Password(t, user))
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
