package engine

import (
	"context"
	"log/slog"

	"github.com/hookline-io/hookline/internal/secret"
)

// Command is `hookline engine`.
type Command struct {
	DataDir   string `default:".hookline/engine" type:"path" help:"Folder of the tables; created if missing."`
	Listen    string `default:"127.0.0.1:8123" help:"Address of ClickHouse's HTTP interface. Keep it on this machine: there are no grants, and whoever may query may read any file that this process may."`
	User      string `default:"default" help:"The one user."`
	Password  string `help:"That user's password; none if empty. Prefer the environment variable: arguments are visible to other users."`
	MemoryMiB uint64 `name:"memory-mib" default:"3072" help:"Memory that the engine may use, in MiB, all queries together; past it a query fails with MEMORY_LIMIT_EXCEEDED."`
	Library   string `type:"path" help:"libchdb.so to use in place of the fetched one."`
}

// Run serves until ctx ends.
func (c *Command) Run(ctx context.Context, log *slog.Logger) error {
	return Run(ctx, Options{
		DataDir: c.DataDir, Listen: c.Listen, User: c.User, Password: secret.New([]byte(c.Password)),
		Memory: c.MemoryMiB << 20, Library: c.Library, Log: log,
	})
}
