package engine

import (
	"context"
	"fmt"
	"log/slog"
	"os"
)

// Command is `hookline engine`.
type Command struct {
	DataDir      string `default:".hookline/engine" type:"path" help:"Folder of the tables; created if missing."`
	ConfigDir    string `type:"path" placeholder:"PATH" help:"Folder of the generated configuration and of the users' passwords, one file a user: USER.password. By default \"clickhouse\" in the folder of the tables."`
	Listen       string `default:"127.0.0.1:8123" help:"Loopback address of ClickHouse's HTTP interface."`
	ListenNative string `default:"127.0.0.1:9000" help:"Loopback address of ClickHouse's native protocol."`
	MemoryMiB    uint64 `name:"memory-mib" default:"3072" help:"Memory that the server may use, in MiB, all queries together; past it a query fails with MEMORY_LIMIT_EXCEEDED."`
	Config       string `type:"existingfile" placeholder:"FILE" help:"XML that is merged into the server's configuration, as a file in config.d would be."`
	Library      string `type:"path" placeholder:"PATH" help:"libchdb.so to run in place of the one that is fetched."`
	ClickHouse   string `name:"clickhouse" type:"path" placeholder:"PATH" help:"An installed clickhouse to run in place of the library. Where there is no library for the machine, the one on PATH is run."`
}

// Run serves until ctx ends.
func (c *Command) Run(ctx context.Context, log *slog.Logger) error {
	var override []byte
	if c.Config != "" {
		var err error
		if override, err = os.ReadFile(c.Config); err != nil {
			return fmt.Errorf("--config: %w", err)
		}
	}
	return Run(ctx, Options{
		DataDir: c.DataDir, ConfigDir: c.ConfigDir, HTTP: c.Listen, Native: c.ListenNative, Memory: c.MemoryMiB << 20,
		Override: override, Server: Server{Binary: c.ClickHouse, Library: c.Library, Serve: Program}, Log: log,
	})
}
