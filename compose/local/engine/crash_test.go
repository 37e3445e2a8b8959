package engine_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/hookline-io/hookline/compose/local/engine"
	"github.com/hookline-io/hookline/internal/testkit"
)

// An INSERT that was answered is there after SIGKILL; one that was not is there whole or not at all, because
// each is one block.
func TestKilledWhileInserting(t *testing.T) {
	const batch, rounds = 5000, 4
	ctx := context.Background()
	e := testkit.Engine(t)
	c := open(t, e.DSN, nil)
	exec(t, c, "CREATE DATABASE h ENGINE = Atomic")
	exec(t, c, "CREATE TABLE h.t (batch UInt64, n UInt64, text String) ENGINE = MergeTree ORDER BY (batch, n)")
	var answered []uint64
	next := uint64(0)
	for round := range rounds {
		var began atomic.Int64
		stopped := make(chan struct{})
		go func() {
			defer close(stopped)
			for {
				next++
				began.Add(1)
				if insertBatch(ctx, c, next, batch) != nil {
					return
				}
				answered = append(answered, next)
			}
		}()
		testkit.Eventually(t, 30*time.Second, func() error {
			if began.Load() < int64(5+round) {
				return fmt.Errorf("%d batches", began.Load())
			}
			return nil
		})
		e.Kill() // while a batch is under way
		<-stopped
		e.Restart()
	}
	if len(answered) < rounds {
		t.Fatalf("only %d batches were stored: this proves nothing", len(answered))
	}
	stored := map[uint64]bool{}
	rows, err := c.Query(ctx, "SELECT batch, count(), uniqExact(n) FROM h.t GROUP BY batch")
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		var number, count, distinct uint64
		if err := rows.Scan(&number, &count, &distinct); err != nil {
			t.Fatal(err)
		}
		if count != batch || distinct != batch {
			t.Errorf("batch %d has %d rows, %d distinct; want %d", number, count, distinct, batch)
		}
		stored[number] = true
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	for _, number := range answered {
		if !stored[number] {
			t.Errorf("batch %d was answered and is gone", number)
		}
	}
	t.Logf("%d batches answered, %d of %d stored", len(answered), len(stored), next)
}

func insertBatch(ctx context.Context, c driver.Conn, number, size uint64) error {
	b, err := c.PrepareBatch(ctx, "INSERT INTO h.t")
	if err != nil {
		return err
	}
	for n := range size {
		if err := b.Append(number, n, strings.Repeat("x", 100)); err != nil {
			return err
		}
	}
	return b.Send()
}

// Views that refresh themselves do so in the background, and go on after SIGKILL.
func TestRefreshableView(t *testing.T) {
	e := testkit.Engine(t)
	c := open(t, e.DSN, nil)
	exec(t, c, "CREATE DATABASE h ENGINE = Atomic")
	exec(t, c, "CREATE TABLE h.source (n UInt64) ENGINE = MergeTree ORDER BY n")
	exec(t, c, "CREATE TABLE h.target (total UInt64, at DateTime64(3, 'UTC') DEFAULT now64(3)) ENGINE = MergeTree ORDER BY at")
	exec(t, c, "CREATE MATERIALIZED VIEW h.refresh REFRESH EVERY 1 SECOND APPEND TO h.target AS SELECT sum(n) AS total FROM h.source")
	for i := range 3 {
		exec(t, c, fmt.Sprintf("INSERT INTO h.source VALUES (%d)", 1<<i))
		want := uint64(1<<(i+1) - 1)
		testkit.Eventually(t, 20*time.Second, func() error {
			var got uint64
			if err := c.QueryRow(context.Background(), "SELECT max(total) FROM h.target").Scan(&got); err != nil {
				return err
			}
			if got != want {
				return fmt.Errorf("total is %d, want %d", got, want)
			}
			return nil
		})
		if i == 0 {
			e.Restart() // SIGKILL
		}
		if i == 1 {
			e.Stop()
			e.Restart()
		}
	}
}

// Two engines on one folder would ruin it; the second one says so.
func TestOneEngineAFolder(t *testing.T) {
	e := testkit.Engine(t)
	err := engine.Run(context.Background(), engine.Options{DataDir: e.DataDir(), Listen: "127.0.0.1:0", Log: slog.New(slog.DiscardHandler)})
	if err == nil || !strings.Contains(err.Error(), "another engine is running") {
		t.Fatalf("the second engine ended with %v", err)
	}
}

// Invariant 9: requests leave neither memory nor threads behind.
func TestInvariant9_Footprint(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("SKIPPED: reads /proc")
	}
	e := testkit.Engine(t)
	c := open(t, e.DSN, func(o *clickhouse.Options) { o.MaxOpenConns = 20 })
	requests := func(n int) {
		var group sync.WaitGroup
		for range 10 {
			group.Go(func() {
				for range n / 10 {
					exec(t, c, "SELECT number FROM numbers(10)")
				}
			})
		}
		group.Wait()
	}
	requests(300) // warm
	memory, threads := footprint(t, e.PID())
	requests(1000)
	memoryAfter, threadsAfter := footprint(t, e.PID())
	t.Logf("%d MB and %d threads, %d MB and %d threads after 1000 requests", memory>>10, threads, memoryAfter>>10, threadsAfter)
	if memoryAfter > memory+64<<10 || threadsAfter > threads+30 {
		t.Errorf("grew from %d kB and %d threads to %d kB and %d", memory, threads, memoryAfter, threadsAfter)
	}
}

// footprint returns the resident memory of a process, in kB, and its threads.
func footprint(t *testing.T, pid int) (memory, threads int) {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		_, _ = fmt.Sscanf(line, "VmRSS: %d", &memory)
		_, _ = fmt.Sscanf(line, "Threads: %d", &threads)
	}
	return memory, threads
}

// SIGTERM ends the engine within the grace period, long queries and silent connections included.
func TestStopIsBounded(t *testing.T) {
	e := testkit.Engine(t)
	c := open(t, e.DSN, nil)
	silent, err := (&net.Dialer{}).Dial("tcp", strings.TrimPrefix(e.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = silent.Close() }()
	slow := make(chan error, 1)
	go func() {
		slow <- c.Exec(context.Background(), "SELECT sleepEachRow(1) FROM numbers(1000) SETTINGS max_block_size = 1")
	}()
	testkit.Eventually(t, 10*time.Second, func() error { return running(c, 1) })
	began := time.Now()
	e.Stop()
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("stopped after %v", took)
	}
	if err := <-slow; err == nil {
		t.Error("the long query has ended well")
	}
	e.Restart()
	exec(t, c, "SELECT 1")
}
