package apache

import (
	"context"
	"log/slog"
)

// Command is `hookline apache-kafka`.
type Command struct {
	DataDir    string `default:".hookline/apache-kafka" type:"path" help:"Folder of the nodes' data; created if missing."`
	Listen     string `default:"127.0.0.1:9092" help:"Address of the first node, also the one that clients get; further nodes take the ports after it. It is for this machine: anyone who can connect can read and write."`
	Advertise  string `placeholder:"ADDRESS" help:"Address that clients connect to, such as that of a proxy; with --nodes=1 only."`
	Nodes      int    `default:"3" enum:"1,3" help:"Nodes, each a Java process of some 200 MB. With 3, topics of 3 copies go on while one node is down."`
	Partitions int    `default:"6" help:"Partitions of topics that are created without a number."`
	Fetch      bool   `env:"-" help:"Only fetch Apache Kafka from Maven Central, and end."`
}

// Help shows how to use it.
func (*Command) Help() string {
	return `    hookline apache-kafka --fetch
    hookline apache-kafka --nodes=1 --listen=127.0.0.1:9092`
}

// Run serves until ctx ends.
func (c *Command) Run(ctx context.Context, log *slog.Logger) error {
	log = log.With("part", "broker")
	if c.Fetch {
		return Fetch(ctx, log)
	}
	return Run(ctx, Options{DataDir: c.DataDir, Listen: c.Listen, Advertise: c.Advertise, Nodes: c.Nodes, Partitions: c.Partitions, Log: log})
}
