package broker

import (
	"context"
	"log/slog"
)

// Command is `hookline broker`.
type Command struct {
	DataDir    string `default:".hookline/broker" type:"path" help:"Folder of the log; created if missing."`
	Listen     string `default:"127.0.0.1:9092" help:"Address to listen on. It is for this machine: anyone who can connect can read and write."`
	Advertise  string `placeholder:"ADDRESS" help:"Address that clients connect to, such as that of a proxy; by default the one listened on."`
	Faults     string `name:"faults-listen" placeholder:"ADDRESS" help:"Address to take orders for broker errors at, for 'make chaos'; by default none are taken."`
	SyncWrites bool   `help:"Flush every batch to the disk before it is acknowledged: slower, and safe from power loss. Without it acknowledged records survive the broker's death, not the machine's."`
	Partitions int    `default:"6" help:"Partitions of topics that are created without a number."`
}

// Run serves until ctx ends.
func (c *Command) Run(ctx context.Context, log *slog.Logger) error {
	return Run(ctx, Options{
		DataDir: c.DataDir, Listen: c.Listen, Advertise: c.Advertise, Faults: c.Faults, SyncWrites: c.SyncWrites, Partitions: c.Partitions, Log: log,
	})
}
