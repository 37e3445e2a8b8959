package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"

	"github.com/hookline-io/hookline/analytics"
	"github.com/hookline-io/hookline/analytics/bench"
	"github.com/hookline-io/hookline/compose/local/packages"
	"github.com/hookline-io/hookline/compose/local/supervise"
)

// BenchCommand is `hookline bench-analytics`.
type BenchCommand struct {
	bench.Options `embed:""`

	Alternatives  bool          `help:"Compare other ways to the same figures instead: FINAL, argMax, projections, an incremental view."`
	Codecs        bool          `help:"Compare codecs instead, for the columns that take the most room: a month's share of the rows."`
	JSON          bool          `help:"Print the figures as JSON."`
	ClickHouseDSN analytics.DSN `name:"clickhouse-dsn" placeholder:"DSN" help:"ClickHouse to measure, and a database in it that does not exist yet. By default an engine is started over a temporary folder, which is removed."`
	MemoryMiB     uint64        `name:"memory-mib" default:"8192" help:"Memory that the engine started for this may use, in MiB."`
}

// Help shows how to use it.
func (*BenchCommand) Help() string {
	return `    hookline bench-analytics --rows=5000000
    hookline bench-analytics --clickhouse-dsn=clickhouse://default@clickhouse:9000/hookline_bench --rows=100000000`
}

// report is what a benchmark prints.
type report interface {
	Table(io.Writer) error
	JSON(io.Writer) error
}

// Run prints the figures with the goals beside them, and fails unless every total is right to the cent.
func (c *BenchCommand) Run(ctx context.Context, log *slog.Logger) error {
	var found report
	measure := func(ctx context.Context, where analytics.Options) error {
		where.Connections = 4
		if c.Codecs {
			r, err := bench.RunCodecs(ctx, log, where, c.Options)
			if r != nil {
				found = r
			}
			return err
		}
		run := bench.Run
		if c.Alternatives {
			run = bench.RunAlternatives
		}
		r, err := run(ctx, log, where, c.Options)
		if r != nil {
			found = r
		}
		return err
	}
	var err error
	if c.ClickHouseDSN != "" {
		err = measure(ctx, analytics.Options{DSN: c.ClickHouseDSN})
	} else {
		err = c.withEngine(ctx, log, measure)
	}
	if found == nil {
		return err
	}
	write := found.Table
	if c.JSON {
		write = found.JSON
	}
	return errors.Join(err, write(os.Stdout))
}

// withEngine runs do while an engine runs, as a process of its own, in a folder that is removed in the end.
func (c *BenchCommand) withEngine(ctx context.Context, log *slog.Logger, do func(context.Context, analytics.Options) error) error {
	assets, err := packages.Ensure(ctx, log)
	if err != nil {
		return err
	}
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this binary, which runs the engine: %w", err)
	}
	dir, err := os.MkdirTemp("", "hookline-bench-analytics-")
	if err != nil {
		return fmt.Errorf("make a folder for the engine: %w", err)
	}
	defer os.RemoveAll(dir)
	ports, _, err := freePorts()
	if err != nil {
		return err
	}
	o := Options{DataDir: dir, Ports: ports}
	supervisor, err := supervise.New(supervise.Options{Program: program, Output: os.Stderr, Log: log, Children: []supervise.Child{{
		Name:  Engine,
		Args:  append([]string{Engine, fmt.Sprintf("--memory-mib=%d", c.MemoryMiB)}, o.engine(assets)...),
		Ready: supervise.HTTP(url(ports.ClickHouse) + "/ping"),
	}}})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var measuring sync.WaitGroup
	var failed error
	err = supervisor.Run(ctx, func() {
		measuring.Go(func() {
			defer cancel()
			failed = do(ctx, o.ClickHouse("migrator", ports.Native))
		})
	})
	cancel()
	measuring.Wait()
	return errors.Join(failed, err)
}
