package engine_test

import (
	"testing"
	"context"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/hookline-io/hookline/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

func open(t testing.TB, dsn string, change func(*clickhouse.Options)) driver.Conn {
	t.Helper()
	o, err := clickhouse.ParseDSN(dsn)
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(o)
	}
	c, err := clickhouse.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestSmoke(t *testing.T) {
	t0 := time.Now()
	e := testkit.Engine(t)
	fmt.Println("start", time.Since(t0))
	ctx := context.Background()
	c := open(t, e.DSN, nil)
	fmt.Println(c.ServerVersion())
	for _, q := range []string{"CREATE DATABASE h ENGINE=Atomic", "CREATE TABLE h.t (a UInt64, s LowCardinality(String), m Map(LowCardinality(String), String), arr Array(LowCardinality(String)), d DateTime64(3,'UTC')) ENGINE=MergeTree ORDER BY a"} {
		if err := c.Exec(ctx, q); err != nil {
			t.Fatal(err)
		}
	}
	b, err := c.PrepareBatch(ctx, "INSERT INTO h.t")
	if err != nil {
		t.Fatal(err)
	}
	for i := range 100000 {
		if err := b.Append(uint64(i), fmt.Sprint("v", i%50), map[string]string{"x": "y\x00\xff"}, []string{"a", fmt.Sprint(i % 3)}, time.UnixMilli(int64(i))); err != nil {
			t.Fatal(err)
		}
	}
	t0 = time.Now()
	if err := b.Send(); err != nil {
		t.Fatal(err)
	}
	fmt.Println("insert 100k", time.Since(t0))
	rows, err := c.Query(ctx, "SELECT a,s,m,arr,d, tuple(a,s), [tuple(1,'x')] FROM h.t WHERE a < 70000 ORDER BY a")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for rows.Next() {
		n++
	}
	fmt.Println(n, rows.Err(), rows.Columns())
	fmt.Println(c.Exec(ctx, "SELECT * FROM nope"))
	fmt.Println(c.Exec(ctx, "SELEC"))
	fmt.Println(c.Exec(ctx, "SELECT 1; SELECT 2"))
	cc, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
	defer cancel()
	fmt.Println(c.Exec(cc, "SELECT sum(cityHash64(number)) FROM numbers(1000000000000)"))
	t0 = time.Now()
	e.Stop()
	fmt.Println("stop", time.Since(t0))
	t0 = time.Now()
	e.Restart()
	fmt.Println("restart", time.Since(t0))
	var cnt uint64
	fmt.Println(c.QueryRow(ctx, "SELECT count() FROM h.t").Scan(&cnt), cnt)
}
