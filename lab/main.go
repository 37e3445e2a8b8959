// Command lab measures hookline and breaks it on purpose: benchmarks, their floors, chaos. It is a module of its own and
// never shipped. It runs the binary bin/hookline, as 'make build' makes it.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/hookline-io/hookline/internal/service"
	"github.com/hookline-io/hookline/lab/bench"
	"github.com/hookline-io/hookline/lab/chaos"
	"github.com/hookline-io/hookline/lab/figures"
)

// version is set by the linker.
var version = "dev" //nolint:gochecknoglobals // -ldflags -X needs a variable

type commands struct {
	Log service.LogOptions `embed:"" prefix:"log-"`

	Chaos          chaos.Command            `cmd:"" help:"Run everything for a moment, break it on purpose again and again, and prove that nothing is lost or doubled."`
	Bench          bench.Command            `cmd:"" help:"Measure hookline on this machine, next to the least that its libraries can do."`
	BenchAnalytics figures.Command          `cmd:"" help:"Load millions of sales into ClickHouse and measure what the figures cost."`
	HTTPFloor      bench.FloorCommand       `cmd:"" name:"http-floor" hidden:"" help:"The least that an HTTP server can do with a delivery; 'lab bench' runs it."`
	InsertFloor    bench.InsertFloorCommand `cmd:"" name:"insert-floor" hidden:"" help:"The least that an insert can cost; 'lab bench' runs it."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var cli commands
	chosen := kong.Parse(&cli, kong.Name("lab"), kong.Vars{"version": version},
		kong.Description("Measures hookline, and breaks it on purpose."),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 120}))
	chosen.BindTo(ctx, (*context.Context)(nil))
	chosen.Bind(cli.Log.Logger(os.Stderr))
	chosen.FatalIfErrorf(chosen.Run())
}
