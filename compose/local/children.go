package local

import (
	"cmp"
	"context"
	"log/slog"
	"path/filepath"

	"github.com/hookline-io/hookline/analytics"
	"github.com/hookline-io/hookline/compose/local/engine"
	"github.com/hookline-io/hookline/compose/local/packages"
	"github.com/hookline-io/hookline/compose/local/supervise"
	"github.com/hookline-io/hookline/internal/secret"
)

// Names of the parts. But for the second processor they are also the sub-commands that run them.
const (
	Broker          = "broker"
	Engine          = "engine"
	setup           = "setup"
	Ingest          = "ingest"
	Processor       = "processor"
	SecondProcessor = "processor-2"
	preview         = "preview"
)

// ClickHouse is how a user reaches the engine of the stack at a port of the native protocol.
func (o *Options) ClickHouse(user string, port int) analytics.Options {
	return analytics.Options{
		DSN:      analytics.DSN("clickhouse://" + user + "@" + address(port) + "/hookline"),
		Password: secret.Ref("file:" + engine.PasswordFile(o.secrets(), user)),
	}
}

// secrets is the folder with the passwords of ClickHouse's users.
func (o *Options) secrets() string { return filepath.Join(o.DataDir, "clickhouse") }

// engine is the command line of the engine.
func (o *Options) engine(assets packages.Dir) []string {
	args := []string{
		"--data-dir=" + filepath.Join(o.DataDir, Engine), "--config-dir=" + o.secrets(),
		"--listen=" + address(o.Ports.ClickHouse), "--listen-native=" + address(o.Ports.Native),
	}
	switch {
	case o.Binary != "":
		args = append(args, "--clickhouse="+o.Binary)
	case packages.HasLibChdb():
		args = append(args, "--library="+assets.LibChdb())
	}
	return args
}

// metrics says where the preview has its metrics from: a Prometheus, or the parts themselves.
func (o *Options) metrics() []string {
	if o.Prometheus != "" {
		return []string{"--prometheus-url=" + o.Prometheus}
	}
	var args []string
	for _, admin := range []int{o.Ports.IngestAdmin, o.Ports.ProcessorAdmin, o.Second} {
		if admin != 0 {
			args = append(args, "--scrape="+url(admin)+"/metrics")
		}
	}
	return args
}

// children is the stack: what runs, with which arguments, after what, and how to know that it does its job.
func children(o *Options, assets packages.Dir) []supervise.Child {
	kafka := "--kafka-brokers=" + address(cmp.Or(o.Through.Kafka, o.Ports.Kafka))
	as := func(user string) []string {
		c := o.ClickHouse(user, cmp.Or(o.Through.ClickHouse, o.Ports.Native))
		return []string{"--clickhouse-dsn=" + string(c.DSN), "--clickhouse-password=" + string(c.Password)}
	}
	vendors := "--vendors=" + o.Vendors
	commands := map[string]string{SecondProcessor: Processor}
	brokerArgs := []string{"--data-dir=" + filepath.Join(o.DataDir, Broker), "--listen=" + address(o.Ports.Kafka)}
	if o.Through.Kafka != 0 {
		brokerArgs = append(brokerArgs, "--advertise="+address(o.Through.Kafka))
	}
	switch {
	case o.Kafka == Apache:
		commands[Broker] = "apache-kafka"
		brokerArgs = append(brokerArgs, "--nodes=1")
	case o.SyncWrites:
		brokerArgs = append(brokerArgs, "--sync-writes")
	}
	type part struct {
		name  string
		args  []string
		after []string
		ready supervise.Probe
	}
	process := func(name string, admin int, args ...string) part {
		args = append(append(args, "--admin-listen="+address(admin), kafka, vendors), as("writer")...)
		return part{name, args, []string{Broker, Engine, setup}, supervise.HTTP(url(admin) + "/readyz")}
	}
	table := []part{
		{Broker, brokerArgs, nil, supervise.TCP(address(o.Ports.Kafka))},
		{Engine, o.engine(assets), nil, supervise.HTTP(url(o.Ports.ClickHouse) + "/ping")},
		{setup, append(as("migrator"), kafka), []string{Broker, Engine}, nil},
		{Ingest, []string{
			"--listen=" + address(o.Ports.Ingest), "--admin-listen=" + address(o.Ports.IngestAdmin), kafka, vendors,
		}, []string{Broker, setup}, supervise.HTTP(url(o.Ports.IngestAdmin) + "/readyz")},
		process(Processor, o.Ports.ProcessorAdmin, "--instance=local"),
		{preview, append(append(as("grafana"), o.metrics()...),
			"--listen="+address(o.Ports.Preview), "--assets="+assets.NodeModules(), "--refresh=5s", // of one reader
		), []string{Engine, setup}, supervise.HTTP(url(o.Ports.Preview) + "/readyz")},
	}
	if o.Second != 0 {
		table = append(table, process(SecondProcessor, o.Second))
	}
	var env []string
	if o.Log.Enabled(context.Background(), slog.LevelDebug) {
		env = append(env, "HOOKLINE_LOG_LEVEL=DEBUG")
	}
	children := make([]supervise.Child, len(table))
	for i, row := range table {
		args := append([]string{cmp.Or(commands[row.name], row.name)}, row.args...)
		children[i] = supervise.Child{Name: row.name, Args: append(args, o.Args[row.name]...), Env: env, After: row.after, Ready: row.ready}
	}
	return children
}
