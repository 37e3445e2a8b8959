package analytics_test

import (
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/hookline-io/hookline/internal/testkit"
)

func connectDriver(t testing.TB, e *testkit.EngineProcess) driver.Conn {
	t.Helper()
	opt, err := clickhouse.ParseDSN(e.As(t, testkit.Owner) + "/hookline?compress=lz4")
	if err != nil {
		t.Fatal(err)
	}
	conn, err := clickhouse.Open(opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}
