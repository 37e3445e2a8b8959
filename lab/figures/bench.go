// Package figures measures what the figures cost at a size: disk, memory, how long a chart takes and how fresh it is. It
// loads made-up sales into a database of its own, compares every total with what was made up, and drops the database.
package figures

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/hookline-io/hookline/analytics"
)

// Options say how much is loaded.
type Options struct {
	Rows   uint64 `default:"5000000" help:"Sales to load, of 50 vendors over 24 months; 5 % of them are delivered twice. Each takes about 35 bytes of disk, and as much again while parts merge: 100 million take 4 to 8 GB."`
	Events int    `default:"100000" help:"Events with payloads of 1 KB to load, for the bytes that an event takes."`

	own bool // the engine was started for this
}

// Goals of the project for 100 million sales.
const (
	goalChart     = 20 * time.Millisecond // p95
	goalFreshness = 5 * time.Second
	goalMonth     = time.Second
	goalSale      = 30 // bytes
)

// zone is the reporting zone that is looked at, one of three.
const zone = "Africa/Lagos"

var zones = []string{"UTC", zone, "Asia/Kathmandu"}

// errExists says that the database is not the benchmark's to use.
var errExists = errors.New("it is there already: drop it if it is left from a benchmark, or name another one")

// Run loads and measures in the database that where names, which must not exist, and drops it in the end. An error
// is also what says that totals are wrong; the report is there then.
func Run(ctx context.Context, log *slog.Logger, where analytics.Options, o Options) (report *Report, err error) {
	err = with(ctx, log, where, o, func(b *bench) error {
		report = b.report
		return b.run(ctx)
	})
	return report, err
}

// RunAlternatives compares other ways to the same figures, likewise.
func RunAlternatives(ctx context.Context, log *slog.Logger, where analytics.Options, o Options) (report *Report, err error) {
	err = with(ctx, log, where, o, func(b *bench) error {
		report = b.report
		return b.alternatives(ctx)
	})
	return report, err
}

// RunCodecs compares codecs for the columns that take the most room, likewise.
func RunCodecs(ctx context.Context, log *slog.Logger, where analytics.Options, o Options) (report *Codecs, err error) {
	err = with(ctx, log, where, o, func(b *bench) error {
		report, err = b.codecs(ctx)
		return err
	})
	return report, err
}

// with calls do with a database that is there for it alone.
func with(ctx context.Context, log *slog.Logger, where analytics.Options, o Options, do func(*bench) error) error {
	where.Timeout = max(where.Timeout, statement)
	db, err := analytics.Open(ctx, where)
	if err != nil {
		return err
	}
	defer db.Close()
	opt, err := where.Driver()
	if err != nil {
		return err
	}
	opt.Auth.Database = "" // it does not exist yet
	conn, err := clickhouse.Open(opt)
	if err != nil {
		return fmt.Errorf("open ClickHouse: %w", err)
	}
	defer conn.Close()
	b := &bench{Options: o, log: log, db: db, conn: conn, report: &Report{Rows: o.Rows}, span: newSpan(time.Now(), max(o.Rows, 1))}
	if err := b.create(ctx); err != nil {
		return err
	}
	defer b.drop(context.WithoutCancel(ctx))
	return do(b)
}

// statement is how long one statement may take.
const statement = time.Hour

type bench struct {
	Options
	log    *slog.Logger
	db     *analytics.DB
	conn   driver.Conn
	report *Report
	span   span
	truth  float64      // sum of what was made up in EUR
	memory atomic.Int64 // bytes that ClickHouse has had at its most
}

func (b *bench) create(ctx context.Context) error {
	n, err := b.number(ctx, "SELECT count() FROM system.databases WHERE name = ?", b.db.Name())
	if err == nil && n > 0 {
		err = errExists
	}
	if err != nil {
		return fmt.Errorf("create the database %s: %w", b.db.Name(), err)
	}
	return b.db.Setup(ctx, analytics.SetupOptions{Zones: zones})
}

// drop drops the database, unless it goes with the engine.
func (b *bench) drop(ctx context.Context) {
	if b.own {
		return
	}
	if err := b.exec(ctx, "DROP DATABASE "+b.db.Name()+" SYNC"); err != nil {
		b.log.Error("the database is still there", "database", b.db.Name(), "err", err)
	}
}

func (b *bench) run(ctx context.Context) error {
	if err := b.conn.QueryRow(ctx, "SELECT version()").Scan(&b.report.ClickHouse); err != nil {
		return fmt.Errorf("ask for the version: %w", err)
	}
	watching, stop := context.WithCancel(ctx)
	defer stop()
	go b.watchMemory(watching)
	for _, phase := range []struct {
		name string
		do   func(context.Context) error
	}{
		{"load sales", b.loadSales}, {"load events", b.loadEvents}, {"let the rollup catch up", b.catchUp}, {"let the load settle", b.settle}, {"measure disk", b.disk},
		{"measure charts", b.charts}, {"measure the journal", b.journal}, {"measure freshness", b.freshness}, {"measure a month", b.months},
		{"measure charts without the rollup", b.raw}, {"compare totals", b.totals},
	} {
		started := time.Now()
		if err := phase.do(ctx); err != nil {
			return fmt.Errorf("%s: %w", phase.name, err)
		}
		b.log.Info("done: "+phase.name, "took", time.Since(started).Round(time.Millisecond))
	}
	if most := b.memory.Load(); most > 0 { // not every user may ask for it
		b.report.add("memory of ClickHouse at its most, without its caches of files", float64(most)/1e9, "GB")
	}
	return nil
}

// watchMemory looks at what ClickHouse has allocated until ctx ends.
func (b *bench) watchMemory(ctx context.Context) {
	ticker := time.NewTicker(200 * time.Millisecond)
	defer ticker.Stop()
	for ctx.Err() == nil {
		if n, err := b.number(ctx, "SELECT value FROM system.metrics WHERE metric = 'MemoryTracking'"); err == nil {
			b.memory.Store(max(b.memory.Load(), int64(n)))
		}
		select {
		case <-ctx.Done():
		case <-ticker.C:
		}
	}
}

// exec runs a statement whose tables are named with their database.
func (b *bench) exec(ctx context.Context, sql string) error {
	ctx, cancel := context.WithTimeout(ctx, statement)
	defer cancel()
	return b.conn.Exec(ctx, sql)
}

func (b *bench) number(ctx context.Context, sql string, args ...any) (n float64, err error) {
	ctx, cancel := context.WithTimeout(ctx, statement)
	defer cancel()
	return n, b.conn.QueryRow(ctx, "SELECT toFloat64(*) FROM ("+sql+")", args...).Scan(&n)
}
