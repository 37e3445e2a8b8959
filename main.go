// Command hookline receives vendors' signed webhooks, puts them on Kafka, stores each exactly once in
// ClickHouse and draws sales per month in Grafana. This file only lists the sub-commands; each is defined by
// the part that does the job.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/hookline-io/hookline/compose/capacity"
	"github.com/hookline-io/hookline/compose/doctor"
	"github.com/hookline-io/hookline/compose/setup"
	"github.com/hookline-io/hookline/dashboards"
	"github.com/hookline-io/hookline/dashboards/preview"
	"github.com/hookline-io/hookline/ingest"
	"github.com/hookline-io/hookline/ingest/sender"
	"github.com/hookline-io/hookline/internal/completion"
	"github.com/hookline-io/hookline/internal/reference"
	"github.com/hookline-io/hookline/internal/service"
	"github.com/hookline-io/hookline/processor"
	"github.com/hookline-io/hookline/processor/audit"
	"github.com/hookline-io/hookline/processor/deadletter"
	"github.com/hookline-io/hookline/processor/reprocess"
)

// version is set by the linker.
var version = "dev" //nolint:gochecknoglobals // -ldflags -X needs a variable

type commands struct {
	Log     service.LogOptions `embed:"" prefix:"log-"`
	Version kong.VersionFlag   `help:"Print the version." env:"-"`

	Setup     setup.Command     `cmd:"" group:"parts" help:"Create topics, tables and views. May run any number of times."`
	Ingest    ingest.Command    `cmd:"" group:"parts" help:"Take vendors' deliveries: verify, identify, put on Kafka, answer 200."`
	Processor processor.Command `cmd:"" group:"parts" help:"Store events in ClickHouse, each once, with what it counts as."`

	Doctor    doctor.Command       `cmd:"" group:"care" help:"Look at Kafka, ClickHouse, vendors.yaml and Grafana, and say what to do about what is wrong."`
	Capacity  capacity.Command     `cmd:"" group:"care" help:"Compute what a load needs: instances, partitions, shards, network and disk."`
	Audit     audit.Command        `cmd:"" group:"care" help:"Say whether every offset ended somewhere and every sale counts once."`
	DLQ       deadletter.Command   `cmd:"" group:"care" name:"dlq" help:"List, show and send again what could not be stored or acted on."`
	Reprocess reprocess.Command    `cmd:"" group:"care" help:"Map a vendor's stored events again, after its configuration has changed."`
	Probe     service.ProbeCommand `cmd:"" group:"care" help:"Ask a service whether it is ready; the exit status is the answer. For health checks."`

	Vendor sender.Command `cmd:"" group:"vendors" help:"Try out vendors: check the configuration, sign and send payloads."`

	Dashboards dashboards.Command `cmd:"" group:"boards" help:"Generate the Grafana boards and alert rules, and bring a Grafana up to date."`
	Preview    preview.Command    `cmd:"" group:"boards" help:"Show the dashboards in a page, without Grafana."`

	localCommands `embed:"" group:"machine"`

	Completion completion.Command           `cmd:"" group:"shell" help:"Print the script that completes hookline's command lines in a shell."`
	Complete   completion.CandidatesCommand `cmd:"" hidden:"" help:"What the script asks."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var cli commands
	parser, err := kong.New(&cli, grammar()...)
	if err != nil {
		panic(err) // a mistake in the structs of the commands, which the first start finds
	}
	chosen, err := parser.Parse(os.Args[1:])
	parser.FatalIfErrorf(err)
	log := cli.Log.Logger(os.Stderr)
	chosen.BindTo(ctx, (*context.Context)(nil))
	chosen.Bind(log)
	chosen.FatalIfErrorf(chosen.Run())
}

func grammar() []kong.Option {
	return []kong.Option{
		kong.Name("hookline"),
		kong.Description(`Vendors' signed webhooks into Kafka and ClickHouse, each counted once; sales per month in Grafana.

Nearly every flag may be given as an environment variable instead, the one that is named behind it.`),
		kong.DefaultEnvars("HOOKLINE"),
		kong.Vars{"version": version},
		kong.ExplicitGroups([]kong.Group{
			{Key: "parts", Title: "What runs in production:"},
			{Key: "care", Title: "Looking after it:"},
			{Key: "vendors", Title: "Vendors:"},
			{Key: "boards", Title: "Boards:"},
			{Key: "machine", Title: "On this machine, without Docker:"},
			{Key: "shell", Title: "In your shell:"},
		}),
		kong.PostBuild(reference.Group),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 120}),
	}
}
