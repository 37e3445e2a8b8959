package local

import (
	"context"
	"log/slog"
	"path/filepath"

	"github.com/hookline-io/hookline/compose/local/packages"
	"github.com/hookline-io/hookline/compose/local/supervise"
)

// Names of the parts, which are also the sub-commands that run them.
const (
	broker    = "broker"
	engine    = "engine"
	setup     = "setup"
	ingest    = "ingest"
	processor = "processor"
	preview   = "preview"
)

// children is the stack: what runs, with which arguments, after what, and how to know that it does its job.
func children(o *Options, assets packages.Dir) []supervise.Child {
	kafka := "--kafka-brokers=" + address(o.Ports.Kafka)
	clickhouse := "--clickhouse-dsn=" + url(o.Ports.ClickHouse) + "/hookline"
	vendors := "--vendors=" + o.Vendors
	kafkaCommand, brokerArgs := broker, []string{"--data-dir=" + filepath.Join(o.DataDir, broker), "--listen=" + address(o.Ports.Kafka)}
	switch {
	case o.Kafka == Apache:
		kafkaCommand, brokerArgs = "apache-kafka", append(brokerArgs, "--nodes=1")
	case o.SyncWrites:
		brokerArgs = append(brokerArgs, "--sync-writes")
	}
	table := []struct {
		name  string
		args  []string
		after []string
		ready supervise.Probe
	}{
		{broker, brokerArgs, nil, supervise.TCP(address(o.Ports.Kafka))},
		{engine, []string{
			"--data-dir=" + filepath.Join(o.DataDir, engine), "--listen=" + address(o.Ports.ClickHouse), "--library=" + assets.LibChdb(),
		}, nil, supervise.HTTP(url(o.Ports.ClickHouse) + "/ping")},
		{setup, []string{kafka, clickhouse}, []string{broker, engine}, nil},
		{ingest, []string{
			"--listen=" + address(o.Ports.Ingest), "--admin-listen=" + address(o.Ports.IngestAdmin), kafka, vendors,
		}, []string{broker, setup}, supervise.HTTP(url(o.Ports.IngestAdmin) + "/readyz")},
		{processor, []string{
			"--admin-listen=" + address(o.Ports.ProcessorAdmin), "--instance=local", kafka, clickhouse, vendors,
		}, []string{broker, engine, setup}, supervise.HTTP(url(o.Ports.ProcessorAdmin) + "/readyz")},
		{preview, []string{
			"--listen=" + address(o.Ports.Preview), clickhouse, "--assets=" + assets.NodeModules(),
		}, []string{engine, setup}, supervise.HTTP(url(o.Ports.Preview) + "/readyz")},
	}
	var env []string
	if o.Log.Enabled(context.Background(), slog.LevelDebug) {
		env = append(env, "HOOKLINE_LOG_LEVEL=DEBUG")
	}
	command := func(name string) string {
		if name == broker {
			return kafkaCommand
		}
		return name
	}
	children := make([]supervise.Child, len(table))
	for i, row := range table {
		children[i] = supervise.Child{Name: row.name, Args: append([]string{command(row.name)}, row.args...), Env: env, After: row.after, Ready: row.ready}
	}
	return children
}
