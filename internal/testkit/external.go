package testkit

import (
	"net"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// externalVariable names the environment variable with the DSN of a ClickHouse server to run the tests on, in place of
// engines of their own: clickhouse://USER:PASSWORD@HOST:PORT of a user who may do everything. The server has the users
// of compose/clickhouse/users.d, each with that same password, and no databases; a test drops those that it created. Run
// one package at a time (go test -p 1): the tests of one wait for one another. A test that kills its engine, looks into
// its folder or configures it is skipped.
const externalVariable = "HOOKLINE_TEST_CLICKHOUSE"

// externalHTTPVariable names the environment variable with the address of that server's HTTP interface, where it is not
// port 8123 of the same host.
const externalHTTPVariable = "HOOKLINE_TEST_CLICKHOUSE_HTTP"

// external is a server that the tests did not start.
type external struct {
	owner, password string
}

// turn is whose turn it is to use the external server, of which there is one for all tests of the process.
var turn struct { //nolint:gochecknoglobals // as the server is
	sync.Mutex
	holder atomic.Value // string: name of the test
}

// take waits until no other test has the server. A test that has it already is skipped: it needs two.
func take(t testing.TB) {
	t.Helper()
	holder, _ := turn.holder.Load().(string)
	if holder != "" && (t.Name() == holder || strings.HasPrefix(t.Name(), holder+"/")) {
		t.Skipf("SKIPPED: this test needs more engines than that of %s", externalVariable)
	}
	turn.Lock()
	turn.holder.Store(t.Name())
	t.Cleanup(func() {
		turn.holder.Store("")
		turn.Unlock()
	})
}

// externalEngine returns the server that the environment names, and whether it names one.
func externalEngine(t testing.TB) (*EngineProcess, bool) {
	t.Helper()
	dsn := os.Getenv(externalVariable)
	if dsn == "" {
		return nil, false
	}
	u, err := url.Parse(dsn)
	if err != nil || u.Scheme != "clickhouse" || u.User == nil || u.Port() == "" {
		t.Fatalf("%s: give clickhouse://USER:PASSWORD@HOST:PORT", externalVariable)
	}
	password, _ := u.User.Password()
	e := &EngineProcess{
		child:    &child{t: t, spec: spec{Service: "external", Native: u.Host}},
		external: &external{u.User.Username(), password},
		URL:      os.Getenv(externalHTTPVariable),
	}
	if e.URL == "" {
		e.URL = "http://" + net.JoinHostPort(u.Hostname(), "8123")
	}
	e.DSN = e.As(t, "migrator")
	take(t)
	if found := e.databases(t); len(found) > 0 {
		t.Fatalf("%s: the server has databases (%s), and tests drop what they find after them: name one that has none", externalVariable, strings.Join(found, ", "))
	}
	t.Cleanup(func() {
		for _, name := range e.databases(t) {
			e.Ask(t, "", "DROP DATABASE `"+name+"` SYNC")
		}
	})
	return e, true
}

// databases are those that are not ClickHouse's own.
func (e *EngineProcess) databases(t testing.TB) []string {
	t.Helper()
	return strings.Fields(e.Ask(t, "", "SELECT name FROM system.databases WHERE name NOT IN ('default', 'system', 'information_schema', 'INFORMATION_SCHEMA')"))
}

// NeedsOwnEngine skips a test that kills, configures or looks into its engine where the tests run on a server that is there
// already: see externalVariable.
func NeedsOwnEngine(t testing.TB) {
	t.Helper()
	if os.Getenv(externalVariable) != "" {
		t.Skipf("SKIPPED: this test configures an engine of its own, not that of %s", externalVariable)
	}
}

// own skips a test that needs an engine of its own.
func (c *child) own() {
	c.t.Helper()
	if c.spec.Service == "external" {
		c.t.Skipf("SKIPPED: this test needs an engine of its own, not that of %s", externalVariable)
	}
}
