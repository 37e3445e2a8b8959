package figures

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"

	"github.com/hookline-io/hookline/analytics"
	"github.com/hookline-io/hookline/compose/local"
)

// Command is `lab bench-analytics`.
type Command struct {
	Options `embed:""`

	Hookline string `type:"existingfile" default:"bin/hookline" placeholder:"PATH" help:"The hookline binary whose engine runs."`

	Alternatives  bool          `help:"Compare other ways to the same figures instead: FINAL, argMax, projections, an incremental view."`
	Codecs        bool          `help:"Compare codecs instead, for the columns that take the most room: a month's share of the rows."`
	JSON          bool          `help:"Print the figures as JSON."`
	ClickHouseDSN analytics.DSN `name:"clickhouse-dsn" placeholder:"DSN" help:"ClickHouse to measure, and a database in it that does not exist yet. By default an engine is started over a temporary folder, which is removed."`
	MemoryMiB     uint64        `name:"memory-mib" default:"8192" help:"Memory that the engine started for this may use, in MiB."`
}

// Help shows how to use it.
func (*Command) Help() string {
	return `    lab bench-analytics --rows=5000000
    lab bench-analytics --clickhouse-dsn=clickhouse://default@clickhouse:9000/hookline_bench --rows=100000000`
}

// report is what a benchmark prints.
type report interface {
	Table(io.Writer) error
	JSON(io.Writer) error
}

// Run prints the figures with the goals beside them, and fails unless every total is right to the cent.
func (c *Command) Run(ctx context.Context, log *slog.Logger) error {
	var found report
	measure := func(ctx context.Context, where analytics.Options) error {
		where.Connections = 4
		if c.Codecs {
			r, err := RunCodecs(ctx, log, where, c.Options)
			if r != nil {
				found = r
			}
			return err
		}
		run := Run
		if c.Alternatives {
			run = RunAlternatives
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
		c.own = true
		err = local.RunEngine(ctx, log, c.Hookline, c.MemoryMiB, measure)
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
