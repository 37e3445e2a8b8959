package local

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"golang.org/x/term"
)

// Command is `hookline local`.
type Command struct {
	DataDir    string `default:".hookline" type:"path" help:"Folder for topics, tables, sample vendors and their secrets; created if missing."`
	Fresh      bool   `help:"Begin with empty topics and tables. vendors.yaml and the secrets stay."`
	Vendors    string `type:"path" help:"vendors.yaml to use. By default DATA-DIR/vendors.yaml, which is written, with four sample vendors and random secrets, if it is missing."`
	Demo       bool   `help:"Have the four sample vendors send: 25 months of history at first, then a delivery every five seconds."`
	Kafka      Kafka  `default:"embedded" enum:"embedded,apache" help:"Broker to run: embedded, or apache for Apache Kafka, which needs Java 17+ and Maven."`
	ClickHouse string `name:"clickhouse" type:"path" placeholder:"PATH" help:"An installed clickhouse to run in place of the library. Where there is no library for the machine, the one on PATH is run."`
	Prometheus string `name:"prometheus-url" placeholder:"URL" help:"Prometheus that watches this stack, for the board Pipeline. Without it, the preview reads the parts' metrics itself."`
	SyncWrites bool   `help:"Have the broker flush every batch to the disk before it is acknowledged."`
	Ports      Ports  `embed:""`
}

// Help says what happens.
func (*Command) Help() string {
	return `The first start fetches the engine of ClickHouse with npm (190 MB). Once all runs, a summary says where each part listens and prints a command that sends a signed sale. Ctrl-C stops everything; the data stays for the next start.

    hookline local --demo
    hookline local --vendors=vendors.yaml --port=8090
    hookline local --fresh --kafka=apache`
}

// Run runs the stack until ctx ends.
func (c *Command) Run(ctx context.Context, log *slog.Logger) error {
	o, err := c.Options(log)
	if err != nil {
		return err
	}
	if c.Demo {
		if c.Vendors != "" {
			return errors.New("--demo sends as the sample vendors, so it does not go with --vendors")
		}
		o.Main = func(ctx context.Context, s *Stack) error { return play(ctx, log, s) }
	}
	return Run(ctx, o)
}

// Options are those that the flags say, for this binary and this terminal.
func (c *Command) Options(log *slog.Logger) (Options, error) {
	program, err := os.Executable()
	if err != nil {
		return Options{}, fmt.Errorf("find this binary, which the parts run: %w", err)
	}
	_, plain := os.LookupEnv("NO_COLOR")
	return Options{
		Program: program, DataDir: c.DataDir, Fresh: c.Fresh, Vendors: c.Vendors, Kafka: c.Kafka, SyncWrites: c.SyncWrites, Binary: c.ClickHouse, Prometheus: c.Prometheus, Ports: c.Ports,
		Out: os.Stdout, Colour: !plain && term.IsTerminal(int(os.Stdout.Fd())), Log: log,
	}, nil
}
